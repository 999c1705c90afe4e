//! The picture in coordinates of the page: frames, nodes, arrows, labels.

use std::ops::Range;

use super::outline::{Item, Outline, Use};
use super::place::{LABEL, Layout, STRAIGHT};
use super::rows::Element;
use super::size::{ASIDE, SIDES, SMALL, label_width};

/// A rectangle, by its upper left corner.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rect {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

/// A piece of an arrow, from where the piece before it ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Piece {
    Straight([f64; 2]),
    /// Leaves and arrives downwards.
    Bend([f64; 2]),
}

/// One use of a value by an op, or a result that nothing uses.
#[derive(Clone, Debug)]
pub struct Arrow {
    pub from: usize,
    pub to: Option<usize>,
    pub start: [f64; 2],
    pub pieces: Vec<Piece>,
}

/// Shape and bytes of a value beside its arrow.
#[derive(Clone, Debug)]
pub struct Label {
    pub text: String,
    /// What it takes at most.
    pub rect: Rect,
    /// Whether it stands in the middle of that, or at its left end.
    pub centred: bool,
}

/// Everything in its place, from the page's upper left corner.
#[derive(Clone, Debug, Default)]
pub struct Picture {
    pub width: f64,
    pub height: f64,
    /// By frame; the first is the page.
    pub frames: Vec<Rect>,
    /// By node.
    pub nodes: Vec<Rect>,
    pub arrows: Vec<Arrow>,
    pub labels: Vec<Label>,
}

impl Picture {
    pub fn new(outline: &Outline) -> Picture {
        let layout = Layout::new(outline);
        let mut draft = Draft { layout: &layout, origins: Vec::new(), picture: Picture::default() };
        draft.frames();
        draft.nodes();
        draft.arrows();
        draft.labels();
        draft.picture
    }
}

struct Draft<'l> {
    layout: &'l Layout<'l>,
    /// By frame, its zero and its upper edge.
    origins: Vec<[f64; 2]>,
    picture: Picture,
}

impl Draft<'_> {
    fn frames(&mut self) {
        for (frame, sheet) in self.layout.sheets.iter().enumerate() {
            let origin = match self.layout.outline.frames[frame].parent {
                None => [sheet.extent.left, 0.0],
                Some((outer, item)) => {
                    let (element, row) = self.layout.sheets[outer].rows.items[item];
                    let [x, y] = self.origins[outer];
                    [x + self.layout.sheets[outer].x[element], y + self.layout.sheets[outer].bands[row][0]]
                }
            };
            self.origins.push(origin);
            let width = sheet.extent.left + sheet.extent.right;
            let (x, y, height) = (origin[0] - sheet.extent.left, origin[1], sheet.height);
            self.picture.frames.push(Rect { x, y, width, height });
        }
        (self.picture.width, self.picture.height) = (self.picture.frames[0].width, self.picture.frames[0].height);
    }

    fn nodes(&mut self) {
        let layout = self.layout;
        self.picture.nodes = vec![Rect::default(); layout.outline.nodes.len()];
        for (frame, sheet) in layout.sheets.iter().enumerate() {
            for (&item, &(element, row)) in layout.outline.frames[frame].items.iter().zip(&sheet.rows.items) {
                let Item::Node(node) = item else { continue };
                let ([x, y], [top, bottom], block) = (self.origins[frame], sheet.bands[row], layout.sizes.blocks[node]);
                // A leaf stands near what uses it.
                let top = if layout.outline.nodes[node].is_leaf() { bottom - block.height } else { top };
                let (x, y) = (x + sheet.x[element] - block.width / 2.0, y + top);
                self.picture.nodes[node] = Rect { x, y, width: block.width, height: block.height };
                self.leaves_beside(node);
            }
        }
    }

    /// The leaves beside an op, with their arrows and labels.
    fn leaves_beside(&mut self, op: usize) {
        let (layout, of_op) = (self.layout, self.picture.nodes[op]);
        for (side, home) in SIDES.into_iter().enumerate() {
            let [width, length] = layout.sizes.sides[side];
            // The end of the arrow, the end nearer to the leaf, and the leaf.
            let [to, from, x] = match side {
                0 => [of_op.x, of_op.x - length, of_op.x - length - width],
                _ => [of_op.x + of_op.width, of_op.x + of_op.width + length, of_op.x + of_op.width + length],
            };
            for each in layout.sizes.beside(layout.outline, op, home) {
                let y = of_op.y + each.top;
                self.picture.nodes[each.leaf] = Rect { x, y, width, height: each.height };
                for arrow in 0..each.arrows {
                    let y = of_op.y + each.arrow(arrow);
                    let pieces = vec![Piece::Straight([to, y])];
                    self.picture.arrows.push(Arrow { from: each.leaf, to: Some(op), start: [from, y], pieces });
                    let rect = Rect { x: from.min(to), y: y - SMALL - 1.0, width: length, height: SMALL - 1.0 };
                    let text = layout.outline.nodes[each.leaf].label.clone();
                    self.picture.labels.push(Label { text, rect, centred: true });
                }
            }
        }
    }

    fn arrows(&mut self) {
        let outline = self.layout.outline;
        for (op, node) in outline.nodes.iter().enumerate() {
            for (operand, &value) in node.operands.iter().enumerate() {
                if outline.home(value).is_some() {
                    let arrow = self.route(value, op, operand);
                    self.picture.arrows.push(arrow);
                }
            }
        }
    }

    /// The way of a value to an op: out of the frames that hold only it, down, and into those of the op.
    fn route(&self, value: usize, op: usize, operand: usize) -> Arrow {
        let (layout, outline) = (self.layout, self.layout.outline);
        let [source, target] = [value, op].map(|node| outline.home(node).expect("it stands in a frame"));
        let meet = outline.common(source, target);
        let of_value = self.picture.nodes[value];
        let start = [of_value.x + of_value.width / 2.0, of_value.y + of_value.height];
        let mut way = Way { at: start[0], pieces: Vec::new() };
        let mut frame = source;
        while frame != meet {
            let rows = &layout.sheets[frame].rows;
            let row = rows.items[outline.item_of(value, frame)].1;
            self.go_down(&mut way, frame, value, row + 1..rows.order.len());
            frame = outline.frames[frame].parent.expect("below the one where they meet").0;
        }
        let mut from = layout.sheets[meet].rows.items[outline.item_of(value, meet)].1 + 1;
        loop {
            let (sheet, item) = (&layout.sheets[frame], outline.item_of(op, frame));
            let (element, row) = sheet.rows.items[item];
            self.go_down(&mut way, frame, value, from..row);
            let entry = layout.entry(frame, &Use { item, op, operand });
            self.pass(&mut way, frame, row, self.origins[frame][0] + sheet.x[element] + entry);
            match outline.frames[frame].items[item] {
                Item::Frame(inner) => (frame, from) = (inner, 0),
                Item::Node(_) => break,
            }
        }
        way.pieces.push(Piece::Straight([way.at, self.picture.nodes[op].y]));
        Arrow { from: value, to: Some(op), start, pieces: way.pieces }
    }

    /// Takes a value past these rows in its lanes.
    fn go_down(&self, way: &mut Way, frame: usize, value: usize, rows: Range<usize>) {
        let sheet = &self.layout.sheets[frame];
        for row in rows {
            let lane = sheet.rows.lane(value, row).expect("a value has a lane in each row that it passes");
            self.pass(way, frame, row, self.origins[frame][0] + sheet.x[lane]);
        }
    }

    /// Takes a value to this x in a row, with a bend above it if need be.
    fn pass(&self, way: &mut Way, frame: usize, row: usize, x: f64) {
        // Into the first row, everything comes straight from above.
        if let Some(above) = row.checked_sub(1).filter(|_| (x - way.at).abs() > STRAIGHT) {
            let [start, end] = self.layout.sheets[frame].bends[above].map(|y| self.origins[frame][1] + y);
            way.pieces.extend([Piece::Straight([way.at, start]), Piece::Bend([x, end])]);
            way.at = x;
        }
    }

    /// The labels below items, and arrows from results.
    fn labels(&mut self) {
        let layout = self.layout;
        for (frame, sheet) in layout.sheets.iter().enumerate() {
            let [x, y] = self.origins[frame];
            for (&value, net) in &layout.nets[frame] {
                if let Some(item) = net.from.filter(|_| !net.uses.is_empty()) {
                    let (element, row) = sheet.rows.items[item];
                    let x = x + sheet.x[element] + layout.exit(frame, item, value);
                    self.label(value, x, y + sheet.bands[row][1]);
                }
            }
            for (element, &what) in sheet.rows.elements.iter().enumerate() {
                let Element::Item(item) = what else { continue };
                let Item::Node(node) = layout.outline.frames[frame].items[item] else { continue };
                if layout.is_result(node) {
                    let (x, bottom) = (x + sheet.x[element], y + sheet.bands[sheet.rows.items[item].1][1]);
                    self.label(node, x, bottom);
                    let of_node = self.picture.nodes[node];
                    let pieces = vec![Piece::Straight([x, bottom + LABEL])];
                    let start = [x, of_node.y + of_node.height];
                    self.picture.arrows.push(Arrow { from: node, to: None, start, pieces });
                }
            }
        }
    }

    /// The label of a value that goes down at `x` from a row that ends at `y`.
    fn label(&mut self, value: usize, x: f64, y: f64) {
        let node = &self.layout.outline.nodes[value];
        let rect = Rect { x: x + ASIDE, y: y + 1.5, width: label_width(node), height: LABEL - 2.0 };
        self.picture.labels.push(Label { text: node.label.clone(), rect, centred: false });
    }
}

/// An arrow on its way down the page.
struct Way {
    at: f64,
    pieces: Vec<Piece>,
}
