//! That a picture says what the graph says, and that nothing in it covers anything else.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tandem_autograd::{Graph, Params, Tape, Tensor, Var};

use super::*;
use crate::nn::{Activation, Init, Layer, Linear, Mode, Sequential};

pub(super) const AWKWARD: &str = "<a & \"b\"> 'c' \u{7} ]]>";

/// Two models with two layers each, of which the first ones share their weight.
fn tied() -> Graph {
    let (mut params, mut rng) = (Params::<f32>::new(), StdRng::seed_from_u64(0));
    let [a, b] = ["a", AWKWARD].map(|model| {
        let mut layer =
            |layer, widths| Linear::new(&mut params, &format!("{model}.{layer}"), widths, Init::He, &mut rng);
        let (first, second, mut net) = (layer("first", [4, 3]), layer("second", [3, 2]), Sequential::new());
        net.push("first", first);
        net.push("relu", Activation::Relu);
        net.push(AWKWARD, second);
        (first.weight, net)
    });
    params.tie(b.0, a.0).unwrap();
    let tape = Tape::new(&params);
    let x = tape.input(Tensor::zeros([5, 4]));
    let _loss = (a.1.forward(&tape, x.clone(), Mode::Eval) - b.1.forward(&tape, x, Mode::Eval)).square().sum();
    tape.graph()
}

/// A graph of everything that can be recorded, at random: parts within parts, values that skip any number
/// of ops, operands of all kinds, several times in one op, results that nobody uses.
fn random(seed: u64) -> Graph {
    let (mut params, mut rng) = (Params::<f32>::new(), StdRng::seed_from_u64(seed));
    let ids: Vec<_> = (0..4).map(|i| params.add(&format!("parameter {i}"), Tensor::zeros([2, 2]))).collect();
    params.tie(ids[1], ids[0]).unwrap();
    let tape = Tape::new(&params);
    let mut values = vec![tape.input(Tensor::zeros([2, 2]))];
    let mut parts = Vec::new();
    for i in 0..rng.random_range(1..30) {
        match rng.random_range(0..6) {
            0 => parts.push(tape.enter(&format!("part {i}"))),
            1 => drop(parts.pop()),
            // Parts may end in any order.
            2 if !parts.is_empty() => drop(parts.remove(0)),
            _ => {}
        }
        let mut any = || match rng.random_range(0..8) {
            0 => tape.constant(Tensor::zeros([2, 2])),
            1 | 2 => tape.param(ids[rng.random_range(0..ids.len())]),
            3 => tape.input(Tensor::zeros([2, 2])),
            // Mostly the last values, as in a chain.
            _ => values[values.len() - 1 - rng.random_range(0..values.len().min(4))].clone(),
        };
        let operands = [any(), any(), any()];
        let value = match (rng.random_range(0..4), operands) {
            (0, [x, ..]) => x.tanh(),
            (1, [x, ..]) => x.clone() * x,
            (2, [x, y, _]) => x.matmul(y),
            (_, operands) => Var::concat(0, operands).slice(0, 0, 2),
        };
        values.push(value);
    }
    tape.graph()
}

fn graphs() -> impl Iterator<Item = Graph> {
    [tied(), Tape::new(&Params::<f32>::new()).graph()].into_iter().chain((0..300).map(random))
}

/// Points along an arrow.
fn points(arrow: &Arrow) -> Vec<[f64; 2]> {
    let mut points = vec![arrow.start];
    for piece in &arrow.pieces {
        let [x0, y0] = *points.last().unwrap();
        for t in (1..=20).map(|i| f64::from(i) / 20.0) {
            points.push(match *piece {
                Piece::Straight([x, y]) => [x0 + t * (x - x0), y0 + t * (y - y0)],
                // Bézier's cubic with its control points at half height.
                Piece::Bend([x, y]) => {
                    let [ease, rise] = [t * t * (3.0 - 2.0 * t), t * (1.5 + t * (t - 1.5))];
                    [x0 + ease * (x - x0), y0 + rise * (y - y0)]
                }
            });
        }
    }
    points
}

/// The part of two rectangles that is common, if it is more than a line.
fn overlap(a: &Rect, b: &Rect) -> bool {
    let common = |a: f64, la: f64, b: f64, lb: f64| (a + la).min(b + lb) - a.max(b) > 0.01;
    common(a.x, a.width, b.x, b.width) && common(a.y, a.height, b.y, b.height)
}

fn holds(outer: &Rect, [x, y]: [f64; 2]) -> bool {
    let within = |at: f64, from: f64, length: f64| at > from + 0.01 && at < from + length - 0.01;
    within(x, outer.x, outer.width) && within(y, outer.y, outer.height)
}

#[test]
fn every_use_is_an_arrow_from_the_value_to_the_op() {
    for graph in graphs() {
        let outline = Outline::new(&graph);
        let picture = Picture::new(&outline);
        let mut drawn: Vec<_> = picture.arrows.iter().filter_map(|arrow| Some((arrow.from, arrow.to?))).collect();
        let ops = || outline.nodes.iter().enumerate();
        let mut uses: Vec<_> = ops().flat_map(|(op, node)| node.operands.iter().map(move |&from| (from, op))).collect();
        drawn.sort_unstable();
        uses.sort_unstable();
        assert_eq!(drawn, uses);
        assert_eq!(uses.len(), graph.nodes.iter().map(|node| node.operands.len()).sum::<usize>());
        for arrow in &picture.arrows {
            // Nothing turns in less height than a bend takes.
            let mut at = arrow.start;
            for piece in &arrow.pieces {
                let (to, least) = match *piece {
                    Piece::Straight(to) => (to, 0.0),
                    Piece::Bend(to) => (to, 9.99),
                };
                assert!(to[1] - at[1] >= least, "{arrow:?}");
                at = to;
            }
            let touches = |node: usize, [x, y]: [f64; 2]| {
                let Rect { x: left, y: top, width, height } = picture.nodes[node];
                (left - 0.01..=left + width + 0.01).contains(&x) && (top - 0.01..=top + height + 0.01).contains(&y)
            };
            assert!(touches(arrow.from, arrow.start), "{arrow:?}");
            assert!(arrow.to.is_none_or(|to| touches(to, *points(arrow).last().unwrap())), "{arrow:?}");
        }
    }
}

#[test]
fn nothing_covers_anything_else() {
    for (i, graph) in graphs().enumerate() {
        let outline = Outline::new(&graph);
        let picture = Picture::new(&outline);
        let title = |(frame, place): (&outline::Frame, &Rect)| {
            let width = text_width(&frame.name, TEXT) * BOLD;
            Rect { x: place.x + AROUND, y: place.y + 4.0, width, height: 13.0 }
        };
        let titles = outline.frames.iter().zip(&picture.frames).skip(1).map(title);
        for label in &picture.labels {
            let Rect { width, height, .. } = label.rect;
            assert!(width >= text_width(&label.text, SMALL) && height >= 0.9 * SMALL, "room for {label:?}");
        }
        let labels = picture.labels.iter().map(|label| label.rect);
        let solid: Vec<Rect> = picture.nodes.iter().copied().chain(titles).chain(labels).collect();
        let page = Rect { x: -0.1, y: -0.1, width: picture.width + 0.2, height: picture.height + 0.2 };
        for (k, one) in solid.iter().enumerate() {
            for other in &solid[..k] {
                assert!(!overlap(one, other), "graph {i}: {one:?} and {other:?}\n{graph}");
            }
            let corners = [[one.x, one.y], [one.x + one.width, one.y + one.height]];
            assert!(corners.iter().all(|&corner| holds(&page, corner)), "graph {i}: {one:?} in {page:?}\n{graph}");
        }
        for arrow in &picture.arrows {
            for at in points(arrow) {
                let covered = solid.iter().find(|place| holds(place, at));
                assert!(covered.is_none(), "graph {i}: {arrow:?} at {at:?} in {covered:?}\n{graph}");
                assert!(holds(&page, at), "graph {i}: {arrow:?} leaves the page");
            }
        }
        // Frames hold what is in them, and stand apart.
        for (frame, place) in outline.frames.iter().zip(&picture.frames) {
            for item in &frame.items {
                let inner = match *item {
                    outline::Item::Node(node) => picture.nodes[node],
                    outline::Item::Frame(inner) => picture.frames[inner],
                };
                let middle = [inner.x + inner.width / 2.0, inner.y + inner.height / 2.0];
                assert!(holds(place, middle) && inner.width <= place.width && inner.height <= place.height);
            }
        }
        let apart = |a: usize, b: usize| outline.common(a, b) != a && outline.common(a, b) != b;
        for (a, one) in picture.frames.iter().enumerate() {
            for (b, other) in picture.frames.iter().enumerate().filter(|&(b, _)| apart(a, b)) {
                assert!(!overlap(one, other), "graph {i}: frames {a} and {b}\n{graph}");
            }
        }
    }
}

#[test]
fn a_shared_parameter_stands_once_with_an_arrow_for_each_use() {
    let graph = tied();
    let (outline, svg) = (Outline::new(&graph), svg(&graph, "tied"));
    let shared: Vec<usize> = (0..outline.nodes.len()).filter(|&i| outline.nodes[i].look == Look::Shared).collect();
    assert_eq!(shared.len(), 1);
    let arrows = Picture::new(&outline).arrows;
    assert_eq!(arrows.iter().filter(|arrow| arrow.from == shared[0]).count(), 2);
    // In the file too, where the legend has one more of each look.
    assert_eq!(svg.matches("<g class=\"shared\">").count(), 1 + 1);
    assert_eq!(svg.matches("<path class=\"arrow use\"").count(), 2);
    assert_eq!(svg.matches("<path class=\"arrow").count(), graph.uses().concat().len());
    assert_eq!(svg.matches(">a.first.weight</text>").count(), 1);
}

/// The tags that are open at the end of a well-formed text; a panic if it is none.
pub(super) fn open_tags(xml: &str) -> Vec<&str> {
    let mut open = Vec::new();
    let mut pieces = xml.split('<');
    assert_eq!(pieces.next(), Some(""));
    for piece in pieces {
        let (tag, text) = piece.split_once('>').expect("a tag ends");
        assert!(!text.contains('>') && !text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
        for entity in piece.split('&').skip(1) {
            assert!(["amp;", "lt;", "gt;", "quot;"].iter().any(|name| entity.starts_with(name)), "&{entity}");
        }
        let name = tag.split([' ', '/']).find(|name| !name.is_empty()).unwrap();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name));
            continue;
        }
        // Names and values of attributes take turns.
        let mut quoted = tag.trim_start_matches(name).trim_end_matches('/').split('"');
        while let Some(name) = quoted.next().filter(|name| !name.is_empty()) {
            assert!(name.starts_with(' ') && name.ends_with('=') && quoted.next().is_some(), "{tag}");
        }
        if !tag.ends_with('/') {
            open.push(name);
        }
    }
    open
}

#[test]
fn the_file_is_well_formed_whatever_the_names_are() {
    let file = svg(&tied(), AWKWARD);
    assert_eq!(open_tags(&file), [""; 0]);
    let escaped = "&lt;a &amp; &quot;b&quot;&gt; 'c'   ]]&gt;";
    // The title twice, the layer once in each model, and three parameters of the second model.
    assert_eq!(file.matches(escaped).count(), 2 + 2 + 3 + 1);
    for seed in 0..20 {
        assert_eq!(open_tags(&svg(&random(seed), "random")), [""; 0]);
    }
}

#[test]
fn the_view_box_holds_the_whole_picture() {
    let graph = tied();
    let (file, picture) = (svg(&graph, "tied"), Picture::new(&Outline::new(&graph)));
    let number = |text: &str| text.parse::<f64>().unwrap();
    let after = |start: &str| file.split(start).nth(1).unwrap().split(['"', ')']).next().unwrap();
    let view: Vec<f64> = after("viewBox=\"").split(' ').map(number).collect();
    let moved: Vec<f64> = file.split("translate(").last().unwrap().split([' ', ')']).take(2).map(number).collect();
    assert!(moved[0] >= MARGIN && moved[0] + picture.width + MARGIN <= view[2] + 0.01);
    assert!(moved[1] >= MARGIN && moved[1] + picture.height + MARGIN <= view[3] + 0.01);
}
