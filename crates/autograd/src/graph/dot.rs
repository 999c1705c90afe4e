//! The graph in DOT, the language of Graphviz.

use std::fmt::{self, Write};

use super::{Graph, NodeKind};

/// How all nodes and edges look, unless one says otherwise.
const LOOK: &str = r#"
  graph [fontname="Helvetica", fontsize=11, labeljust=l, style=rounded, color=gray60]
  node [fontname="Helvetica", fontsize=11, shape=box, height=0.3]
  edge [fontname="Helvetica", fontsize=9, arrowsize=0.6]
"#;

impl Graph {
    /// The graph in DOT, the language of Graphviz: `dot -Tsvg` draws it.
    ///
    /// A part of the model is a cluster. A shared parameter is one node with an edge for each use. Edges
    /// say shape and bytes of the value.
    ///
    /// ```
    /// use tandem_autograd::{Params, Tape, Tensor};
    /// let mut params = Params::<f32>::new();
    /// let w = params.add("w", Tensor::zeros([3]));
    /// let tape = Tape::new(&params);
    /// let _z = tape.param(w) * tape.param(w);
    /// let dot = tape.graph().to_dot();
    /// assert_eq!(dot.matches(r#"n0 -> n1 [label="[3] 12 B"]"#).count(), 2);
    /// ```
    pub fn to_dot(&self) -> String {
        let mut dot = Dot { graph: self, uses: self.uses(), clusters: clusters(self), out: String::new() };
        dot.write().expect("a String takes all that is written");
        dot.out
    }
}

/// What is written into one pair of braces.
#[derive(Clone, Default)]
struct Cluster {
    nodes: Vec<usize>,
    parts: Vec<usize>,
}

/// What each part holds, and, last, what belongs to none.
fn clusters(graph: &Graph) -> Vec<Cluster> {
    let none = graph.parts.len();
    let mut clusters = vec![Cluster::default(); none + 1];
    for (i, node) in graph.nodes.iter().enumerate() {
        clusters[node.part.unwrap_or(none)].nodes.push(i);
    }
    for (i, part) in graph.parts.iter().enumerate() {
        clusters[part.parent.unwrap_or(none)].parts.push(i);
    }
    clusters
}

struct Dot<'g> {
    graph: &'g Graph,
    uses: Vec<Vec<usize>>,
    clusters: Vec<Cluster>,
    out: String,
}

impl Dot<'_> {
    fn write(&mut self) -> fmt::Result {
        write!(self.out, "digraph tape {{{LOOK}")?;
        self.write_cluster(self.graph.parts.len(), "  ")?;
        for (i, node) in self.graph.nodes.iter().enumerate() {
            for (operand, edge) in node.operands.iter().enumerate() {
                let from = edge.from.map_or_else(|| constant(i, operand), |from| format!("n{from}"));
                writeln!(self.out, "  {from} -> n{i} [label={}]", quoted(&self.graph.label(edge.shape)))?;
            }
        }
        writeln!(self.out, "}}")
    }

    fn write_cluster(&mut self, cluster: usize, indent: &str) -> fmt::Result {
        let Cluster { nodes, parts } = std::mem::take(&mut self.clusters[cluster]);
        for i in nodes {
            self.write_node(i, indent)?;
        }
        for part in parts {
            let name = quoted(&self.graph.parts[part].name);
            writeln!(self.out, "{indent}subgraph cluster_{part} {{\n{indent}  label={name}")?;
            self.write_cluster(part, &format!("{indent}  "))?;
            writeln!(self.out, "{indent}}}")?;
        }
        Ok(())
    }

    /// A node, and one for each constant among its operands.
    fn write_node(&mut self, i: usize, indent: &str) -> fmt::Result {
        let node = &self.graph.nodes[i];
        let (label, look) = match node.kind {
            NodeKind::Parameter if node.is_shared(self.uses[i].len()) => {
                (node.names.join("\n= "), ", style=filled, fillcolor=\"#e6ae4d\", peripheries=2")
            }
            NodeKind::Parameter => (node.names.join("\n= "), ", style=filled, fillcolor=\"#b3d1ec\""),
            NodeKind::Input => (node.op.into(), ", shape=ellipse"),
            NodeKind::Op => (node.op.into(), ", style=rounded"),
        };
        writeln!(self.out, "{indent}n{i} [label={}{look}]", quoted(&label))?;
        for (operand, edge) in node.operands.iter().enumerate() {
            if edge.from.is_none() {
                writeln!(self.out, "{indent}{} [label=\"constant\", shape=plaintext]", constant(i, operand))?;
            }
        }
        Ok(())
    }
}

/// The node of a constant that is an operand.
fn constant(node: usize, operand: usize) -> String {
    format!("c{node}_{operand}")
}

/// A quoted string of DOT. In labels a backslash begins an escape such as `\N`, so it is doubled.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted += "\\\"",
            '\\' => quoted += "\\\\",
            '\n' => quoted += "\\n",
            c if c.is_control() => quoted.push(' '),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}
