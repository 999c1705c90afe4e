//! One panel: grid, marks and series.

use super::super::format::significant;
use super::super::svg::{Element, SIZE, SMALL, line, text, text_width, wrap};
use super::axes::{Inside, sides};
use super::{GAP, LINE, Look, Mark, Panel, Point, Series, coloured, looks, path};

/// Draws a panel; the lowest y used.
pub fn draw(drawing: &mut Element, panel: &Panel, axes: &Inside<'_>) -> f64 {
    let ([left, right], [bottom, top]) = (axes.x.pixels, axes.y.pixels);
    for (value, label) in axes.y_ticks {
        let y = axes.y.at(*value);
        drawing.push(line("grid", [left, y], [right, y]));
        drawing.push(text("note", "end", left - GAP, y + 4.5, label));
    }
    let lowest = x_labels(drawing, panel, axes);

    // What leaves the ranges that were asked for is cut off, but not the dots on their edge.
    let [x, y, width, height] = [left - 6.0, top - 6.0, right - left + 12.0, bottom - top + 12.0];
    let mut inner = Element::new("svg").set("viewBox", &format!("{x:.2} {y:.2} {width:.2} {height:.2}")).at(&[
        ("x", x),
        ("y", y),
        ("width", width),
        ("height", height),
    ]);
    for mark in &panel.marks {
        let place = |value: f64, log: bool| value.is_finite() && (value > 0.0 || !log);
        match mark {
            Mark::Horizontal(value, _) if place(*value, axes.y.log) => {
                inner.push(line("ink mark", [left, axes.y.at(*value)], [right, axes.y.at(*value)]));
            }
            Mark::Vertical(value, _) if place(*value, axes.x.log) => {
                inner.push(line("ink mark", [axes.x.at(*value), bottom], [axes.x.at(*value), top]));
            }
            _ => {}
        }
    }
    let bars = panel.series.iter().filter(|series| series.look == Look::Bars).count();
    let mut bar = 0;
    for series in &panel.series {
        if series.look == Look::Bars {
            let slot = if share_places(panel) { [bar, bars] } else { [0, 1] };
            draw_bars(&mut inner, series, axes, slot);
            bar += 1;
        } else {
            draw_series(&mut inner, series, axes);
        }
    }
    drawing.push(inner);
    mark_words(drawing, panel, axes);
    lowest
}

/// Labels below the panel, on as many as three lines where they would overlap, and what they are of.
fn x_labels(drawing: &mut Element, panel: &Panel, axes: &Inside<'_>) -> f64 {
    let ([left, right], [bottom, top]) = (axes.x.pixels, axes.y.pixels);
    let mut free = [f64::NEG_INFINITY; 3];
    let mut used = 1;
    for (value, label) in &axes.x_ticks {
        let x = axes.x.at(*value);
        drawing.push(line("grid", [x, top], [x, bottom + 4.0]));
        // Fonts may be wider than estimated.
        let half = 0.55 * text_width(label, SIZE);
        // The last label of a wide panel may not reach into its neighbour.
        let middle = x.min(right + 12.0 - half);
        if let Some(row) = free.iter().position(|end| middle - half >= *end) {
            free[row] = middle + half + 7.0;
            used = used.max(row + 1);
            drawing.push(text("note", "middle", middle, bottom + 18.0 + LINE * row as f64, label));
        }
    }
    let mut y = bottom + 18.0 + LINE * (used - 1) as f64;
    for words in wrap(&panel.x.label, 0.95 * (right - axes.left), SIZE) {
        y += LINE + 1.0;
        drawing.push(text("note", "middle", f64::midpoint(left, right), y, &words));
    }
    y
}

/// Whether bars of two series have the same x.
fn share_places(panel: &Panel) -> bool {
    let mut bars = panel.series.iter().filter(|series| series.look == Look::Bars);
    let Some(first) = bars.next() else { return false };
    bars.any(|other| other.points.iter().any(|point| first.points.iter().any(|own| own.x == point.x)))
}

/// Bars in the given one of so many places.
fn draw_bars(inner: &mut Element, series: &Series, axes: &Inside<'_>, [place, places]: [usize; 2]) {
    let ([low, high], bottom) = (axes.y.values, axes.y.pixels[0]);
    let foot = if axes.y.log { bottom } else { axes.y.at(0f64.clamp(low, high)) };
    for point in series.points.iter().filter(|point| is_drawn(point, axes)) {
        let ends = sides(point.x, axes.step, axes.x.log).map(|x| axes.x.at(x));
        // A seam between neighbours, where there is room for one.
        let seam = if ends[1] - ends[0] > 6.0 { 1.0 } else { 0.0 };
        let width = (ends[1] - ends[0] - seam) / places as f64;
        let x = ends[0] + seam / 2.0 + width * place as f64;
        let y = axes.y.at(point.y);
        let tip = Element::new("title").text(&tip(series, point, axes));
        let rect = coloured("rect", "bar", series.colour).at(&[
            ("x", x),
            ("y", y.min(foot)),
            ("width", width),
            ("height", (y - foot).abs()),
        ]);
        inner.push(rect.with(tip));
        whisker(inner, "ink whisker", x + width / 2.0, point, axes);
    }
    inner.push(line("ink", [axes.x.pixels[0], foot], [axes.x.pixels[1], foot]));
}

fn draw_series(inner: &mut Element, series: &Series, axes: &Inside<'_>) {
    let Series { colour, look, points, .. } = series;
    let at = |point: &Point| [axes.x.at(point.x), axes.y.at(point.y)];
    for run in points.split(|point| !is_drawn(point, axes)).filter(|run| !run.is_empty()) {
        if *look == Look::Band {
            inner.push(coloured("path", "band", *colour).set("d", &(path(&outline(run, axes)) + "Z")));
        }
        if *look != Look::Dots {
            let points: Vec<[f64; 2]> = run.iter().map(at).collect();
            let mut curve = coloured("path", looks::line_class(*look), *colour).set("d", &path(&points));
            if !matches!(look, Look::Line) && !series.label.is_empty() {
                curve.push(Element::new("title").text(&series.label));
            }
            inner.push(curve);
        }
    }
    if !matches!(look, Look::Line | Look::Dots) {
        return;
    }
    let shown = || points.iter().filter(|point| is_drawn(point, axes));
    for point in shown() {
        whisker(inner, &format!("whisker c{colour}"), axes.x.at(point.x), point, axes);
    }
    for point in shown() {
        inner.push(looks::marker(*colour, at(point)).with(Element::new("title").text(&tip(series, point, axes))));
    }
}

/// A point without a place is not drawn.
fn is_drawn(point: &Point, axes: &Inside<'_>) -> bool {
    let has_place = |value: f64, log: bool| value.is_finite() && (value > 0.0 || !log);
    has_place(point.x, axes.x.log) && has_place(point.y, axes.y.log)
}

/// The two ends of a spread; what a logarithm has no place for ends at the axis.
fn spread(point: &Point, axes: &Inside<'_>) -> Option<[f64; 2]> {
    let spread = point.spread.filter(|spread| spread.is_finite())?;
    let below = |value: f64| if axes.y.log { value.max(axes.y.values[0]) } else { value };
    Some([point.y - spread, point.y + spread].map(|end| axes.y.at(below(end))))
}

fn whisker(inner: &mut Element, class: &str, x: f64, point: &Point, axes: &Inside<'_>) {
    let Some([lower, upper]) = spread(point, axes) else { return };
    inner.push(line(class, [x, lower], [x, upper]));
    for y in [lower, upper] {
        inner.push(line(class, [x - 3.0, y], [x + 3.0, y]));
    }
}

/// Around a band: along its upper edge, and back along the lower one.
fn outline(run: &[Point], axes: &Inside<'_>) -> Vec<[f64; 2]> {
    let edge = |end: usize| {
        move |point: &Point| {
            let middle = axes.y.at(point.y);
            [axes.x.at(point.x), spread(point, axes).map_or(middle, |ends| ends[end])]
        }
    };
    run.iter().map(edge(1)).chain(run.iter().rev().map(edge(0))).collect()
}

/// What a pointer over a point shows.
fn tip(series: &Series, point: &Point, axes: &Inside<'_>) -> String {
    let named = axes.x_ticks.iter().find(|(value, _)| *value == point.x);
    let x = named.map_or_else(|| significant(point.x), |(_, label)| label.clone());
    let spread = point.spread.map_or(String::new(), |spread| format!(" ± {}", significant(spread)));
    let label = if series.label.is_empty() { String::new() } else { format!("{}, ", series.label) };
    format!("{label}{x}: {}{spread}", significant(point.y))
}

/// Places along a series: points, some between them, and the ends of whiskers.
fn along(series: &Series, axes: &Inside<'_>) -> Vec<[f64; 2]> {
    let drawn = series.points.iter().filter(|point| is_drawn(point, axes));
    let places: Vec<[f64; 2]> = drawn.map(|point| [axes.x.at(point.x), axes.y.at(point.y)]).collect();
    let between = |pair: &[[f64; 2]]| {
        let [[x0, y0], [x1, y1]] = [pair[0], pair[1]];
        [0.25, 0.5, 0.75].map(|part| [x0 + part * (x1 - x0), y0 + part * (y1 - y0)])
    };
    let between: Vec<[f64; 2]> = places.windows(2).flat_map(between).collect();
    let drawn = series.points.iter().filter(|point| is_drawn(point, axes));
    let ends = drawn.flat_map(|point| spread(point, axes).into_iter().flatten().map(|y| [axes.x.at(point.x), y]));
    places.iter().copied().chain(between).chain(ends).collect()
}

/// The words of the marks, each at the end of its line where it hides the fewest points.
fn mark_words(drawing: &mut Element, panel: &Panel, axes: &Inside<'_>) {
    let ([left, right], [bottom, top]) = (axes.x.pixels, axes.y.pixels);
    // Places, and how bad it is to hide them.
    let of_series = panel.series.iter().flat_map(|series| along(series, axes));
    let of_marks = panel.marks.iter().filter_map(|mark| match mark {
        Mark::Vertical(value, _) => {
            Some((0..=40).map(|i| [axes.x.at(*value), top + f64::from(i) * (bottom - top) / 40.0]))
        }
        Mark::Horizontal(..) => None,
    });
    let mut taken: Vec<([f64; 2], usize)> = of_series.chain(of_marks.flatten()).map(|place| (place, 1)).collect();
    for mark in &panel.marks {
        let (words, places) = match mark {
            Mark::Horizontal(value, words) => {
                let (y, width) = (axes.y.at(*value), text_width(words, SMALL));
                let ends = [right - width - 4.0, left + 4.0, f64::midpoint(left, right) - width / 2.0];
                (words, ends.into_iter().flat_map(|x| [[x, y - 5.0], [x, y + 14.0]]).collect::<Vec<_>>())
            }
            Mark::Vertical(value, words) => {
                let (x, width) = (axes.x.at(*value), text_width(words, SMALL));
                let sides = [x + 5.0, x - 5.0 - width].into_iter().filter(|x| *x >= left && x + width <= right + 8.0);
                let heights = [top + 11.0, top + 27.0, bottom - 8.0];
                (words, sides.flat_map(|x| heights.map(|y| [x, y])).collect())
            }
        };
        let width = text_width(words, SMALL);
        let hidden = |[x, y]: &[f64; 2]| -> usize {
            let (across, down) = (x - 6.0..x + width + 6.0, y - 16.0..y + 6.0);
            let close = taken.iter().filter(|([x, y], _)| across.contains(x) && down.contains(y));
            close.map(|(_, weight)| weight).sum()
        };
        let inside = |[_, y]: &[f64; 2]| (top + 2.0..=bottom - 2.0).contains(y);
        let Some([x, y]) = places.into_iter().filter(inside).min_by_key(|place| hidden(place)) else { continue };
        drawing.push(text("small halo", "start", x, y, words));
        // Later words keep away from these.
        taken.extend((0..=8).map(|i| ([x + width * f64::from(i) / 8.0, y - 4.0], 1000)));
    }
}
