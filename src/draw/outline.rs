//! What is drawn, and in which frame, before anything has a place: parts of the model as nested frames,
//! ops in them, and each leaf where a reader looks for it.

use std::collections::BTreeMap;

use tandem_autograd::{Graph, GraphNode, NodeKind};

/// What a node looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Look {
    Op,
    /// An op that computes nothing: it is drawn smaller.
    Bookkeeping,
    Parameter,
    Shared,
    Input,
    Constant,
}

/// A node as it is drawn.
#[derive(Clone, Debug)]
pub struct Node {
    pub look: Look,
    /// What stands in its box.
    pub lines: Vec<String>,
    /// Shape and bytes of its value.
    pub label: String,
    /// What else there is to say about it.
    pub tip: String,
    /// The nodes of its operands: constants have nodes here.
    pub operands: Vec<usize>,
    /// The ops that use it, one that uses it twice twice.
    pub uses: Vec<usize>,
    pub home: Home,
}

impl Node {
    /// Whether it was not computed on the tape.
    pub fn is_leaf(&self) -> bool {
        !matches!(self.look, Look::Op | Look::Bookkeeping)
    }
}

/// Where a node stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    /// In a frame, as the item with this index.
    Frame { frame: usize, item: usize },
    /// To the left of the only op that uses it.
    Left,
    /// To its right.
    Right,
}

/// The page, which is frame 0, or a part of the model. Outer frames come before those that lie in them.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    pub name: String,
    /// The frame that it lies in, and as which of its items.
    pub parent: Option<(usize, usize)>,
    /// Ops and parts in the order in which they were recorded, then leaves.
    pub items: Vec<Item>,
}

/// What stands in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    Node(usize),
    Frame(usize),
}

/// Everything that is drawn.
#[derive(Clone, Debug)]
pub struct Outline {
    /// Those of the graph, then the constants.
    pub nodes: Vec<Node>,
    pub frames: Vec<Frame>,
}

/// What happens to one value in one frame.
#[derive(Clone, Debug, Default)]
pub struct Net {
    /// The item that it comes from; `None` if it comes from outside.
    pub from: Option<usize>,
    /// Its uses in the frame.
    pub uses: Vec<Use>,
    /// Whether it is used outside as well.
    pub exits: bool,
}

/// A use of a value: by the operand `operand` of `op`, which stands in `item` of the frame.
#[derive(Clone, Copy, Debug)]
pub struct Use {
    pub item: usize,
    pub op: usize,
    pub operand: usize,
}

impl Outline {
    pub fn new(graph: &Graph) -> Outline {
        let mut outline = Outline { nodes: nodes(graph), frames: vec![Frame::default()] };
        outline.place_ops(graph);
        outline.place_leaves();
        outline
    }

    /// Ops stand in the frame of their part. A part that is left and entered again is two frames, so that
    /// values flow down the page.
    fn place_ops(&mut self, graph: &Graph) {
        // The open parts with their frames, outermost first.
        let mut open: Vec<(usize, usize)> = Vec::new();
        for (i, node) in graph.nodes.iter().enumerate().filter(|(_, node)| node.kind == NodeKind::Op) {
            let path = graph.path(node.part);
            let common = open.iter().zip(&path).take_while(|((part, _), other)| part == *other).count();
            open.truncate(common);
            for &part in &path[common..] {
                let (outer, frame) = (open.last().map_or(0, |&(_, frame)| frame), self.frames.len());
                let place = self.push(outer, Item::Frame(frame));
                let name = graph.parts[part].name.clone();
                self.frames.push(Frame { name, parent: Some((outer, place)), items: Vec::new() });
                open.push((part, frame));
            }
            self.place(i, open.last().map_or(0, |&(_, frame)| frame));
        }
    }

    /// A parameter of one op stands to its right; other leaves of one op to its left, but for the first
    /// operand of an op that starts a chain, which stands above. What several ops use stands above all of
    /// them, in the innermost frame that holds them.
    fn place_leaves(&mut self) {
        let computed = self.computed();
        for leaf in 0..self.nodes.len() {
            let Node { look, uses, .. } = &self.nodes[leaf];
            if !self.nodes[leaf].is_leaf() {
                continue;
            }
            let Some(&first) = uses.first() else {
                self.place(leaf, 0);
                continue;
            };
            let parameter = matches!(look, Look::Parameter | Look::Shared);
            if uses.iter().any(|&user| user != first) {
                let frame = uses.iter().map(|&user| self.frame_of(user)).reduce(|a, b| self.common(a, b));
                self.climb_and_place(leaf, frame.unwrap_or(0), !parameter, &computed);
            } else if parameter {
                self.nodes[leaf].home = Home::Right;
            } else if self.starts_chain(first, leaf) {
                self.climb_and_place(leaf, self.frame_of(first), true, &computed);
            } else {
                self.nodes[leaf].home = Home::Left;
            }
        }
    }

    /// Whether the op has no computed operand, and this leaf is the first that is no parameter.
    fn starts_chain(&self, op: usize, leaf: usize) -> bool {
        let operands = &self.nodes[op].operands;
        let brought = |operand: &&usize| matches!(self.nodes[**operand].look, Look::Input | Look::Constant);
        operands.iter().all(|&operand| self.nodes[operand].is_leaf()) && operands.iter().find(brought) == Some(&leaf)
    }

    /// By frame, the items with an operand that is computed in the same frame.
    fn computed(&self) -> Vec<Vec<bool>> {
        let mut computed: Vec<Vec<bool>> = self.frames.iter().map(|frame| vec![false; frame.items.len()]).collect();
        for (op, node) in self.nodes.iter().enumerate() {
            for &from in &node.operands {
                if !self.nodes[from].is_leaf() {
                    let frame = self.common(self.frame_of(op), self.frame_of(from));
                    computed[frame][self.item_of(op, frame)] = true;
                }
            }
        }
        computed
    }

    /// What comes from outside stands outside of the parts of which it is the first operand.
    fn climb_and_place(&mut self, leaf: usize, mut frame: usize, climbs: bool, computed: &[Vec<bool>]) {
        let users = self.nodes[leaf].uses.clone();
        while climbs
            && let Some((outer, _)) = self.frames[frame].parent
            && users.iter().all(|&user| !computed[frame][self.item_of(user, frame)])
        {
            frame = outer;
        }
        self.place(leaf, frame);
    }

    fn push(&mut self, frame: usize, item: Item) -> usize {
        self.frames[frame].items.push(item);
        self.frames[frame].items.len() - 1
    }

    fn place(&mut self, node: usize, frame: usize) {
        let item = self.push(frame, Item::Node(node));
        self.nodes[node].home = Home::Frame { frame, item };
    }

    /// The frame in which a node stands, if it does not stand beside an op.
    pub fn home(&self, node: usize) -> Option<usize> {
        if let Home::Frame { frame, .. } = self.nodes[node].home { Some(frame) } else { None }
    }

    fn frame_of(&self, op: usize) -> usize {
        self.home(op).expect("an op stands in a frame")
    }

    /// The innermost frame that holds both.
    pub fn common(&self, mut a: usize, mut b: usize) -> usize {
        while a != b {
            let inner = if a > b { &mut a } else { &mut b };
            *inner = self.frames[*inner].parent.expect("all frames lie in the page").0;
        }
        a
    }

    /// The item of a frame in which a node stands that lies somewhere in that frame.
    pub fn item_of(&self, node: usize, frame: usize) -> usize {
        let Home::Frame { frame: mut at, mut item } = self.nodes[node].home else {
            panic!("node {node} stands beside an op")
        };
        while at != frame {
            (at, item) = self.frames[at].parent.expect("the node lies in this frame");
        }
        item
    }

    /// By frame, the values that pass through it, by their nodes.
    pub fn nets(&self) -> Vec<BTreeMap<usize, Net>> {
        let mut nets: Vec<BTreeMap<usize, Net>> = vec![BTreeMap::new(); self.frames.len()];
        for (op, node) in self.nodes.iter().enumerate() {
            for (operand, &value) in node.operands.iter().enumerate() {
                let Some(source) = self.home(value) else { continue };
                let meet = self.common(source, self.frame_of(op));
                let mut frame = source;
                while frame != meet {
                    let net = nets[frame].entry(value).or_default();
                    (net.from, net.exits) = (Some(self.item_of(value, frame)), true);
                    frame = self.frames[frame].parent.expect("below the one where they meet").0;
                }
                nets[meet].entry(value).or_default().from = Some(self.item_of(value, meet));
                let mut frame = self.frame_of(op);
                loop {
                    let item = self.item_of(op, frame);
                    nets[frame].entry(value).or_default().uses.push(Use { item, op, operand });
                    if frame == meet {
                        break;
                    }
                    frame = self.frames[frame].parent.expect("below the one where they meet").0;
                }
            }
        }
        nets
    }
}

/// The nodes of the graph, and one for each constant.
fn nodes(graph: &Graph) -> Vec<Node> {
    let uses = graph.uses();
    let mut nodes: Vec<Node> = graph.nodes.iter().zip(uses).map(|(node, uses)| drawn(graph, node, uses)).collect();
    for (op, node) in graph.nodes.iter().enumerate() {
        for edge in &node.operands {
            let operand = edge.from.unwrap_or(nodes.len());
            if edge.from.is_none() {
                let label = graph.label(edge.shape);
                nodes.push(Node {
                    look: Look::Constant,
                    lines: vec!["constant".into()],
                    tip: format!("constant {label}"),
                    label,
                    operands: Vec::new(),
                    uses: vec![op],
                    home: Home::Left,
                });
            }
            nodes[op].operands.push(operand);
        }
    }
    nodes
}

fn drawn(graph: &Graph, node: &GraphNode, uses: Vec<usize>) -> Node {
    let look = match node.kind {
        NodeKind::Parameter if node.is_shared(uses.len()) => Look::Shared,
        NodeKind::Parameter => Look::Parameter,
        NodeKind::Input => Look::Input,
        NodeKind::Op if node.op == "reshape" => Look::Bookkeeping,
        NodeKind::Op => Look::Op,
    };
    let mut lines: Vec<String> = node.names.iter().map(|name| format!("= {name}")).collect();
    match lines.first_mut() {
        Some(first) => first.drain(..2).for_each(drop),
        None => lines.push(node.op.into()),
    }
    let label = graph.label(node.shape);
    let tip = format!("{} {label}, uses: {}, bytes kept for the backward sweep: {}", node.op, uses.len(), node.kept);
    // A value's home is known only when all ops have theirs.
    Node { look, lines, label, tip, operands: Vec::new(), uses, home: Home::Left }
}
