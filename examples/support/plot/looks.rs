//! Colours, markers and dashes: series can be told apart without seeing hues.

use super::super::svg::{Element, Rules};
use super::{Look, Series, coloured, path};

/// The colours of series: on a light page, and on a dark one. Neighbours differ in lightness.
pub const COLOURS: [[&str; 2]; 7] = [
    ["#27548a", "#7fb2e6"],
    ["#c07a1f", "#e6ae4d"],
    ["#1d7a63", "#62cdb0"],
    ["#b03a6a", "#f08fb4"],
    ["#5e93cf", "#4a7fc0"],
    ["#77736c", "#a8a49c"],
    ["#4b3190", "#bda4f2"],
];

/// A marker: its outline around (0, 0), and whether it is hollow.
const MARKERS: [(&str, bool); 7] = [
    ("M-3.8 0A3.8 3.8 0 1 0 3.8 0A3.8 3.8 0 1 0 -3.8 0Z", false),
    ("M-3.4 -3.4H3.4V3.4H-3.4Z", false),
    ("M0 -4.6L4.4 3.2H-4.4Z", false),
    ("M0 -5L5 0L0 5L-5 0Z", false),
    ("M-3.4 -3.4H3.4V3.4H-3.4Z", true),
    // A circle of the first colour fits into this one.
    ("M-5.5 0A5.5 5.5 0 1 0 5.5 0A5.5 5.5 0 1 0 -5.5 0Z", true),
    ("M0 4.6L4.4 -3.2H-4.4Z", false),
];

/// The marker of a series.
pub fn marker(colour: usize, [x, y]: [f64; 2]) -> Element {
    let (outline, hollow) = MARKERS[colour];
    let round = |pixel: f64| (pixel * 100.0).round() / 100.0;
    coloured("path", if hollow { "dot hollow" } else { "dot" }, colour)
        .set("transform", &format!("translate({} {})", round(x), round(y)))
        .set("d", outline)
}

/// The class of the line of a series.
pub fn line_class(look: Look) -> &'static str {
    match look {
        Look::Curve => "line thin",
        Look::Dashed => "line dashed",
        _ => "line",
    }
}

/// A series as the legend shows it, 26 pixels wide.
pub fn sample(drawing: &mut Element, series: &Series, [x, y]: [f64; 2]) {
    let colour = series.colour;
    let rect = |class, top: f64, height| {
        coloured("rect", class, colour).at(&[("x", x), ("y", y + top), ("width", 26.0), ("height", height)])
    };
    match series.look {
        Look::Bars => drawing.push(rect("bar", -5.0, 10.0)),
        Look::Band => drawing.push(rect("band", -6.0, 12.0)),
        _ => {}
    }
    if !matches!(series.look, Look::Bars | Look::Dots) {
        drawing.push(coloured("path", line_class(series.look), colour).set("d", &path(&[[x, y], [x + 26.0, y]])));
    }
    if matches!(series.look, Look::Line | Look::Dots) {
        drawing.push(marker(colour, [x + 13.0, y]));
    }
}

/// What the style sheet has beside what is common to all pictures.
pub fn rules() -> Rules {
    let colours = |look: usize, page: &str| -> String {
        let rule = |(i, c): (usize, &[&str; 2])| {
            let colour = c[look];
            format!(
                ".line.c{i},.whisker.c{i}{{stroke:{colour}}} .dot.c{i}{{fill:{colour};stroke:{page}}} \
                 .hollow.c{i}{{fill:{page};stroke:{colour}}} .band.c{i},.bar.c{i}{{fill:{colour}}} "
            )
        };
        COLOURS.iter().enumerate().map(rule).collect()
    };
    Rules {
        both: ".line{fill:none;stroke-width:2px;stroke-linejoin:round} .thin{stroke-width:1.5px} \
               .dashed{stroke-dasharray:6 4} .whisker{stroke-width:1.3px} .dot{stroke-width:0.8px} \
               .hollow{stroke-width:1.6px} .band{fill-opacity:.2} .bar{fill-opacity:.75} \
               .mark{stroke-width:1.3px;stroke-dasharray:3 3;stroke-opacity:.75}"
            .into(),
        light: colours(0, "#fff"),
        dark: colours(1, "#16181d"),
    }
}
