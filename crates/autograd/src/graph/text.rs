//! The graph for a terminal: one line a node, parts of the model as boxes.

use std::fmt;

use super::{Graph, GraphNode, NodeKind};

/// One line a node: its number; the op with the numbers of its operands, or the parameter with all its
/// names and how many uses it has; shape and bytes of the value; bytes of what is kept for the backward
/// sweep; and the line that recorded it. A part of the model is a box around its ops.
impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = lines(self);
        let wide = |width: fn(&Line) -> usize| lines.iter().map(width).max().unwrap_or(0);
        let heads = wide(|line| line.head.chars().count());
        let values = wide(|line| line.value.len());
        let kept = wide(|line| line.kept.len());
        let numbers = self.nodes.len().saturating_sub(1).to_string().len();
        for Line { node, head, value, kept: keeps } in &lines {
            let Some(i) = node else {
                writeln!(f, "{:numbers$}  {head}", "")?;
                continue;
            };
            let at = self.nodes[*i].at;
            writeln!(f, "{i:numbers$}  {head:heads$}  {value:>values$}  {keeps:>kept$}  {}:{}", at.file(), at.line())?;
        }
        Ok(())
    }
}

/// A line of the text, before columns are as wide as they have to be.
struct Line {
    /// The node, or `None` for the top or bottom of a box.
    node: Option<usize>,
    head: String,
    value: String,
    kept: String,
}

fn lines(graph: &Graph) -> Vec<Line> {
    let uses = graph.uses();
    let edge = |head: String| Line { node: None, head, value: String::new(), kept: String::new() };
    let (mut lines, mut open) = (Vec::new(), Vec::new());
    for (i, node) in graph.nodes.iter().enumerate() {
        let path = path(graph, i, &uses, &open);
        let common = common(&open, &path);
        while open.len() > common {
            open.pop();
            lines.push(edge("│ ".repeat(open.len()) + "╰"));
        }
        for &part in &path[common..] {
            lines.push(edge("│ ".repeat(open.len()) + "╭ " + &printable(&graph.parts[part].name)));
            open.push(part);
        }
        let kept = if node.kept > 0 { format!("keeps {}", bytes(node.kept)) } else { String::new() };
        let head = "│ ".repeat(open.len()) + &head(node, uses[i].len());
        lines.push(Line { node: Some(i), head, value: graph.label(node.shape), kept });
    }
    while open.pop().is_some() {
        lines.push(edge("│ ".repeat(open.len()) + "╰"));
    }
    lines
}

/// The boxes in which a node is listed. Leaves stand with the op after them, in those of its boxes that
/// are open anyway or hold all their uses.
fn path(graph: &Graph, node: usize, uses: &[Vec<usize>], open: &[usize]) -> Vec<usize> {
    let leaves = graph.nodes[node..].iter().take_while(|node| node.kind != NodeKind::Op).count();
    let mut path = graph.nodes.get(node + leaves).map_or_else(Vec::new, |op| graph.path(op.part));
    let inside = |users: &Vec<usize>| {
        users.iter().map(|&user| common(&path, &graph.path(graph.nodes[user].part))).min().unwrap_or(0)
    };
    if let Some(depth) = uses[node..node + leaves].iter().map(inside).min() {
        path.truncate(depth.max(common(open, &path)));
    }
    path
}

/// How many parts two paths have in common.
fn common(one: &[usize], other: &[usize]) -> usize {
    one.iter().zip(other).take_while(|(one, other)| one == other).count()
}

/// What a node is: `matmul(0, constant)`, or `parameter a.w = b.w, 2 uses`.
fn head(node: &GraphNode, uses: usize) -> String {
    let uses = if uses == 1 { "1 use".to_string() } else { format!("{uses} uses") };
    match node.kind {
        NodeKind::Parameter => format!("parameter {}, {uses}", printable(&node.names.join(" = "))),
        NodeKind::Input => format!("input, {uses}"),
        NodeKind::Op => {
            let operand = |from: Option<usize>| from.map_or_else(|| "constant".to_string(), |i| i.to_string());
            let operands: Vec<String> = node.operands.iter().map(|edge| operand(edge.from)).collect();
            format!("{}({})", node.op, operands.join(", "))
        }
    }
}

/// A name without what would end the line or command the terminal.
fn printable(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() }).collect()
}

/// Bytes in binary units with three significant digits: `812 B`, `36.2 KiB`, `0.986 MiB`.
pub(super) fn bytes(bytes: usize) -> String {
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    // The smallest unit that leaves at most three digits before the point.
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 999.5 {
        value /= 1024.0;
        unit += 1;
    }
    let decimals = [99.95, 9.995, 0.9995].iter().filter(|limit| value < **limit).count();
    format!("{value:.decimals$} {}", units[unit])
}
