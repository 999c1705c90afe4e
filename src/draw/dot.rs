//! The graph in DOT, the language of Graphviz.

use std::fmt::{self, Write};

use tandem_autograd::{Graph, NodeKind};

/// How all nodes and edges look, unless one says otherwise.
const LOOK: &str = r#"
  graph [fontname="Helvetica", fontsize=11, labeljust=l, style=rounded, color=gray60]
  node [fontname="Helvetica", fontsize=11, shape=box, height=0.3]
  edge [fontname="Helvetica", fontsize=9, arrowsize=0.6]
"#;

/// The graph in DOT, the language of Graphviz: `dot -Tsvg` draws it.
///
/// A part of the model is a cluster. A shared parameter is one node with an edge for each use. Edges
/// say shape and bytes of the value.
///
/// ```
/// use tandem::autograd::{Params, Tape, Tensor};
/// let mut params = Params::<f32>::new();
/// let w = params.add("w", Tensor::zeros([3]));
/// let tape = Tape::new(&params);
/// let _z = tape.param(w) * tape.param(w);
/// let dot = tandem::draw::dot(&tape.graph());
/// assert_eq!(dot.matches(r#"n0 -> n1 [label="[3] 12 B"]"#).count(), 2);
/// ```
pub fn dot(graph: &Graph) -> String {
    let mut dot = Dot { graph, uses: graph.uses(), clusters: clusters(graph), out: String::new() };
    dot.write().expect("a String takes all that is written");
    dot.out
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

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use tandem_autograd::{Params, Tape, Tensor};

    use super::*;

    #[test]
    fn the_dot_of_a_tied_model() {
        let mut params = Params::<f32>::new();
        let [a, b] = ["a.weight", "b.weight"].map(|name| params.add(name, Tensor::zeros([3, 2])));
        params.tie(b, a).unwrap();
        let bias = params.add("b.\"bias\"\\\n", Tensor::zeros([2]));
        let tape = Tape::new(&params);
        // Parts that nest, an input, a constant.
        let x = tape.input(Tensor::zeros([5, 3]));
        let [part, layer] = [tape.enter("a"), tape.enter("layer")];
        let of_a = x.matmul(tape.param(a)).tanh();
        drop((layer, part));
        let part = tape.enter("b \"quoted\"");
        let of_b = tape.constant(Tensor::zeros([5, 3])).matmul(tape.param(b)) + tape.param(bias);
        drop(part);
        let _loss = (of_a * of_b).sum();
        assert_snapshot!(dot(&tape.graph()), @r##"
        digraph tape {
          graph [fontname="Helvetica", fontsize=11, labeljust=l, style=rounded, color=gray60]
          node [fontname="Helvetica", fontsize=11, shape=box, height=0.3]
          edge [fontname="Helvetica", fontsize=9, arrowsize=0.6]
          n0 [label="input", shape=ellipse]
          n1 [label="a.weight\n= b.weight", style=filled, fillcolor="#e6ae4d", peripheries=2]
          n5 [label="b.\"bias\"\\\n", style=filled, fillcolor="#b3d1ec"]
          n7 [label="mul", style=rounded]
          n8 [label="sum_to", style=rounded]
          subgraph cluster_0 {
            label="a"
            subgraph cluster_1 {
              label="layer"
              n2 [label="matmul", style=rounded]
              n3 [label="tanh", style=rounded]
            }
          }
          subgraph cluster_2 {
            label="b \"quoted\""
            n4 [label="matmul", style=rounded]
            c4_0 [label="constant", shape=plaintext]
            n6 [label="add", style=rounded]
          }
          n0 -> n2 [label="[5, 3] 60 B"]
          n1 -> n2 [label="[3, 2] 24 B"]
          n2 -> n3 [label="[5, 2] 40 B"]
          c4_0 -> n4 [label="[5, 3] 60 B"]
          n1 -> n4 [label="[3, 2] 24 B"]
          n4 -> n6 [label="[5, 2] 40 B"]
          n5 -> n6 [label="[2] 8 B"]
          n3 -> n7 [label="[5, 2] 40 B"]
          n6 -> n7 [label="[5, 2] 40 B"]
          n7 -> n8 [label="[5, 2] 40 B"]
        }
        "##);
    }
}
