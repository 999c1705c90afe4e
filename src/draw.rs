//! Pictures, as SVG, laid out here, without external programs: the recorded graph, and how a coupling went
//! ([`heat_map`]). The graph also for Graphviz to lay out ([`dot()`]).
//!
//! In a graph, values flow down the page. A part of the model is a frame with its name, and its ops stand in it. A
//! parameter stands beside the op that uses it; one that several ops use stands once, above them, with an
//! arrow for each use. Below a value stand its shape and its bytes.
//!
//! The files in reading order: `outline` (what is drawn, in which frame), `size`, `rows` (in which row,
//! and how far to the right), `place` (frame by frame), `picture` (in coordinates of the page), `element`
//! (SVG); `heat_map`; `dot`. The method is that of Sugiyama, Tagawa and Toda, Methods for visual understanding of
//! hierarchical system structures (1981), once for each frame: rows, lanes past the rows that a value
//! skips, the order in a row by averages over its neighbours.
//!
//! Deliberately absent: formats other than SVG, sizes and colours to choose from, and any graph but a recorded one.

mod dot;
mod element;
mod heat_map;
mod outline;
mod picture;
mod place;
mod rows;
mod size;

use tandem_autograd::Graph;

pub use dot::dot;
pub use element::escape;
use element::{Element, number, text_width};
pub use heat_map::heat_map;
use outline::{Look, Outline};
use picture::{Arrow, Picture, Piece, Rect};
use place::{AROUND, BOLD};
use size::{LINE, SMALL, TEXT};

const MARGIN: f64 = 14.0;
const TITLE: f64 = 16.0;

/// Draws a graph as an SVG file of its own, with a light and a dark look.
///
/// ```
/// use tandem::autograd::{Params, Tape, Tensor};
/// let mut params = Params::<f32>::new();
/// let [a, b] = ["a.w", "b.w"].map(|name| params.add(name, Tensor::zeros([3, 2])));
/// params.tie(b, a)?;
/// let tape = Tape::new(&params);
/// let x = tape.constant(Tensor::zeros([5, 3]));
/// let _loss = (x.clone().matmul(tape.param(a)) - x.matmul(tape.param(b))).square().sum();
/// let svg = tandem::draw::svg(&tape.graph(), "Two models & one parameter");
/// assert!(svg.starts_with("<svg") && svg.contains("Two models &amp; one parameter"));
/// assert_eq!(svg.matches("class=\"shared\"").count(), 2);        // in the picture, and in its legend
/// # Ok::<(), tandem::autograd::ShapeMismatch>(())
/// ```
pub fn svg(graph: &Graph, title: &str) -> String {
    let outline = Outline::new(graph);
    let picture = Picture::new(&outline);
    let legend = legend(&outline);
    let heading = MARGIN + TITLE + 10.0;
    let wanted = [text_width(title, TITLE) * BOLD, legend.width, picture.width];
    let width = wanted.into_iter().fold(0.0, f64::max) + 2.0 * MARGIN;
    let height = heading + LINE + 8.0 + picture.height + MARGIN;
    let moved =
        |x: f64, y: f64| Element::new("g", "").set("transform", &format!("translate({} {})", number(x), number(y)));
    let mut drawing = moved((width - picture.width) / 2.0, heading + LINE + 8.0);
    draw(&mut drawing, &outline, &picture);
    let root = page(title, &style(), [width, height])
        .with(&heads())
        .with(&rect("page", Rect { x: 0.0, y: 0.0, width, height }, 8.0))
        .with(&text("heading", [MARGIN, MARGIN + TITLE - 3.0], title))
        .with(&moved(MARGIN, heading).with(&legend.element))
        .with(&drawing);
    format!("{root}\n")
}

/// A file of this size, with its style sheet, to draw in.
fn page(title: &str, style: &str, [width, height]: [f64; 2]) -> Element {
    Element::new("svg", "")
        .set("xmlns", "http://www.w3.org/2000/svg")
        .set("viewBox", &format!("0 0 {} {}", number(width), number(height)))
        .set("role", "img")
        .at(&[("width", width), ("height", height)])
        // Without this, a page narrower than the picture would cut it off.
        .set("style", "max-width: 100%; height: auto")
        .with(&Element::new("title", "").text(title))
        .with(&Element::new("style", "").text(style))
}

fn draw(drawing: &mut Element, outline: &Outline, picture: &Picture) {
    for (frame, &Rect { x, y, width, height }) in outline.frames.iter().zip(&picture.frames).skip(1) {
        drawing.push(&rect("frame", Rect { x, y, width, height }, 6.0));
        drawing.push(&text("title", [x + AROUND, y + 14.0], &frame.name));
    }
    for arrow in &picture.arrows {
        let (class, head) = match (arrow.to, outline.nodes[arrow.from].look) {
            (None, _) => ("result", "url(#head)"),
            // A shared parameter's uses are what a reader looks for.
            (_, Look::Shared) => ("arrow use", "url(#use)"),
            _ => ("arrow", "url(#head)"),
        };
        drawing.push(&Element::new("path", class).set("d", &path(arrow)).set("marker-end", head));
    }
    for label in &picture.labels {
        let Rect { x, y, width, height } = label.rect;
        let (x, baseline) = (if label.centred { x + width / 2.0 } else { x }, y + height - 2.0);
        let class = if label.centred { "small middle" } else { "small" };
        drawing.push(&text(class, [x, baseline], &label.text));
    }
    for (node, place) in outline.nodes.iter().zip(&picture.nodes) {
        drawing.push(&draw_node(node, *place));
    }
}

fn draw_node(node: &outline::Node, place: Rect) -> Element {
    let middle = place.x + place.width / 2.0;
    let round =
        if node.look == Look::Op || node.look == Look::Bookkeeping { 4.0 } else { place.height.min(18.0) / 2.0 };
    let tip = Element::new("title", "").text(&node.tip);
    let mut group = Element::new("g", class(node.look)).with(&tip).with(&rect("", place, round));
    let size = if node.look == Look::Bookkeeping { SMALL } else { TEXT };
    let first = place.y + (place.height - LINE * (node.lines.len() as f64 - 1.0)) / 2.0 + size * 0.35;
    for (i, line) in node.lines.iter().enumerate() {
        group.push(&text("middle", [middle, first + LINE * i as f64], line));
    }
    group
}

fn class(look: Look) -> &'static str {
    match look {
        Look::Op => "op",
        Look::Bookkeeping => "bookkeeping",
        Look::Parameter => "parameter",
        Look::Shared => "shared",
        Look::Input => "input",
        Look::Constant => "constant",
    }
}

fn path(arrow: &Arrow) -> String {
    let point = |[x, y]: [f64; 2]| format!("{} {}", number(x), number(y));
    let mut at = arrow.start;
    let draw = |piece: &Piece| match *piece {
        Piece::Straight(to) => {
            at = to;
            format!("L{}", point(to))
        }
        Piece::Bend(to) => {
            let middle = f64::midpoint(at[1], to[1]);
            let bend = [[at[0], middle], [to[0], middle], to].map(point).join(" ");
            at = to;
            format!("C{bend}")
        }
    };
    format!("M{}{}", point(arrow.start), arrow.pieces.iter().map(draw).collect::<String>())
}

/// The heads of arrows, those of a shared parameter's uses in their own colour. Tips are where lines end.
fn heads() -> Element {
    let numbers = [("refX", 6.0), ("refY", 3.0), ("markerWidth", 6.0), ("markerHeight", 6.0)];
    let triangle = Element::new("path", "").set("d", "M0 0L6 3L0 6z");
    let head = |id: &str| {
        let marker = Element::new("marker", &format!("head {id}")).set("id", id).set("orient", "auto");
        marker.at(&numbers).set("markerUnits", "userSpaceOnUse").with(&triangle)
    };
    Element::new("defs", "").with(&head("head")).with(&head("use"))
}

fn rect(class: &str, Rect { x, y, width, height }: Rect, round: f64) -> Element {
    Element::new("rect", class).at(&[("x", x), ("y", y), ("width", width), ("height", height), ("rx", round)])
}

fn text(class: &str, [x, y]: [f64; 2], content: &str) -> Element {
    Element::new("text", class).at(&[("x", x), ("y", y)]).text(content)
}

struct Legend {
    element: Element,
    width: f64,
}

/// A swatch and a name for each look that occurs.
fn legend(outline: &Outline) -> Legend {
    let names = [
        (Look::Op, "op"),
        (Look::Bookkeeping, "bookkeeping"),
        (Look::Parameter, "parameter"),
        (Look::Shared, "parameter with several uses"),
        (Look::Input, "input"),
        (Look::Constant, "constant"),
    ];
    let (mut element, mut x) = (Element::new("g", ""), 0.0);
    for (look, name) in names {
        if outline.nodes.iter().any(|node| node.look == look) {
            let swatch = Rect { x, y: 0.0, width: 18.0, height: 11.0 };
            let round = if look == Look::Op || look == Look::Bookkeeping { 3.0 } else { 5.5 };
            element.push(&Element::new("g", class(look)).with(&rect("", swatch, round)));
            element.push(&text("small", [x + 23.0, 9.0], name));
            x += 23.0 + text_width(name, SMALL) + 12.0;
        }
    }
    Legend { element, width: x }
}

/// The style sheet. Plain classes: not every reader of SVG knows CSS variables.
fn style() -> String {
    // Fill, line and text of each look: on a light page, and on a dark one.
    let colours = |[page, ink, quiet, frame, border, uses]: [&str; 6], looks: [(&str, [&str; 3]); 6]| {
        let look = |(class, [fill, line, ink]): (&str, [&str; 3])| {
            format!(".{class} rect{{fill:{fill};stroke:{line}}}.{class} text{{fill:{ink}}}")
        };
        let looks: String = looks.into_iter().map(look).collect();
        format!(
            ".page{{fill:{page}}}text{{fill:{ink}}}.small{{fill:{quiet}}}.frame{{fill:{frame};stroke:{border}}}\
             .arrow,.result{{stroke:{quiet}}}.head{{fill:{quiet}}}.arrow.use{{stroke:{uses}}}.head.use{{fill:{uses}}}{looks}"
        )
    };
    let light = colours(
        ["#fff", "#1c1e21", "#5c6066", "#f5f6f7", "#d5d7da", "#9c5a2a"],
        [
            ("op", ["#fff", "#85817a", "#1c1e21"]),
            ("bookkeeping", ["#f5f6f7", "#bdbab4", "#5c6066"]),
            ("parameter", ["#b3d1ec", "#6296cc", "#000"]),
            ("shared", ["#e6ae4d", "#9c5a2a", "#000"]),
            ("input", ["#fff", "#27548a", "#1c1e21"]),
            ("constant", ["#fff", "#85817a", "#5c6066"]),
        ],
    );
    let dark = colours(
        ["#16181d", "#e8e9eb", "#a2a7ae", "#1f2228", "#3a3e46", "#dfa440"],
        [
            ("op", ["#2a2e36", "#7d828a", "#e8e9eb"]),
            ("bookkeeping", ["#1f2228", "#565b63", "#a2a7ae"]),
            ("parameter", ["#27548a", "#6296cc", "#fff"]),
            ("shared", ["#dfa440", "#f3cf8f", "#000"]),
            ("input", ["#16181d", "#7fb2e6", "#e8e9eb"]),
            ("constant", ["#16181d", "#7d828a", "#a2a7ae"]),
        ],
    );
    format!(
        "text{{font:{TEXT}px system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif}}\
         .heading{{font-size:{TITLE}px;font-weight:600}}.title{{font-weight:600}}\
         .small,.bookkeeping text{{font-size:{SMALL}px}}.middle{{text-anchor:middle}}\
         .arrow,.result{{fill:none}}.shared rect{{stroke-width:1.5px}}.constant rect{{stroke-dasharray:3 2}}\
         {light}@media (prefers-color-scheme:dark){{{dark}}}"
    )
}

#[cfg(test)]
mod tests;
