//! Chapter 8: the matrices of four layers from five pixels to four numbers.

use crate::Figure;
use crate::support::svg::{Element, MARGIN, Page, Rules, rect, text};

const PIXELS: usize = 5;
const POSITIONS: usize = 4;
const KERNEL: usize = 2;
/// Width and height of an entry.
const CELL: f64 = 30.0;
/// From one matrix to the next.
const APART: f64 = 152.0;

/// Which parameter an entry of a matrix is, if it is one.
type Which = fn(pixel: usize, position: usize) -> Option<usize>;

/// The number of a kernel that joins a pixel with a position.
fn of_kernel(pixel: usize, position: usize) -> Option<usize> {
    pixel.checked_sub(position).filter(|&j| j < KERNEL)
}

const LAYERS: [(&str, Which); 4] = [
    ("dense", |pixel, position| Some(pixel * POSITIONS + position)),
    ("unshared", |pixel, position| Some(position * KERNEL + of_kernel(pixel, position)?)),
    ("tiled by 2", |pixel, position| Some(position % 2 * KERNEL + of_kernel(pixel, position)?)),
    ("shared", of_kernel),
];

pub fn figures() -> Vec<Figure> {
    let subtitle = "z = x · M: each column makes a number z from the five pixels x. Equal numbers and colours are one \
                    parameter; empty places are zero.";
    let mut page = Page::new(2.0 * MARGIN + 3.0 * APART + POSITIONS as f64 * CELL, "One row, four layers", subtitle);
    let top = page.bottom() + 44.0;
    for (i, (name, which)) in LAYERS.into_iter().enumerate() {
        matrix(page.drawing(), [MARGIN + APART * i as f64, top], name, which);
    }
    let both = ".cell{stroke-width:1} .in{fill:#1c1e21;font-size:12px}".into();
    let rules = Rules { both, light: ".none{fill:#f4f4f5}".into(), dark: ".none{fill:#1f2228}".into() };
    vec![("ch08_matrices", page.finish(top + PIXELS as f64 * CELL + MARGIN, &rules))]
}

fn matrix(drawing: &mut Element, [left, top]: [f64; 2], name: &str, which: Which) {
    let entries = || (0..PIXELS * POSITIONS).map(|i| (i / POSITIONS, i % POSITIONS));
    let most = entries().filter_map(|(row, column)| which(row, column)).max().map_or(0, |last| last + 1);
    drawing.push(text("strong", "start", left, top - 26.0, name));
    drawing.push(text("note small", "start", left, top - 9.0, &format!("{most} parameters")));
    for (row, column) in entries() {
        let at = [left + CELL * column as f64, top + CELL * row as f64];
        let cell = rect("cell grid", at, [CELL; 2]);
        let Some(index) = which(row, column) else {
            drawing.push(rect("cell grid none", at, [CELL; 2]));
            continue;
        };
        // The golden angle: neighbours in the list lie far apart on the circle of colours.
        let hue = (index as f64 * 137.508 + 210.0) % 360.0;
        drawing.push(cell.set("fill", &format!("hsl({hue:.0},62%,74%)")));
        drawing.push(text("in", "middle", at[0] + CELL / 2.0, at[1] + CELL / 2.0 + 4.0, &index.to_string()));
    }
}
