//! That a heat map says what the reports say, whatever these are, and that no text covers another.

use super::grid::{COLUMNS, groups};
use super::*;
use crate::draw::tests::{AWKWARD, open_tags};

const NAN: f64 = f64::NAN;
const INFINITE: f64 = f64::INFINITY;

fn row(name: &str, relative: f64, regime: Regime) -> Row {
    let shared = regime == Regime::Shared;
    let (first, second) = (format!("a.{name}"), format!("b.{name}"));
    let (bytes_saved, bytes_savable) = if shared { (4096, 0) } else { (0, 4096) };
    let (strength, pull) = ((!shared).then_some(0.5), (!shared).then_some(relative / 7.0));
    let distance = 3.0 * relative;
    Row { first, second, shape: vec![32, 32], distance, relative, strength, pull, regime, bytes_saved, bytes_savable }
}

fn report(lambda: f64, pairs: Vec<Row>) -> Report {
    Report { penalty: "SquaredL2".into(), strength: format!("coupled, λ = {lambda}"), lambda, pairs }
}

/// Two pairs in so many reports, `of(i)` being the relative distance of the first in report i.
fn history(reports: usize, of: impl Fn(usize) -> f64) -> Vec<(u64, Report)> {
    let pairs = |i| vec![row("weight", of(i), Regime::Coupled), row("bias", of(i) / 30.0, Regime::Coupled)];
    (0..reports).map(|i| (10 * i as u64, report(1e-4 * 1.1_f64.powi(i as i32), pairs(i)))).collect()
}

/// What training may come to, and more.
fn histories() -> Vec<Vec<(u64, Report)>> {
    let decay = |i: usize| 1.4 * 0.97_f64.powi(i as i32);
    let mut all: Vec<_> = [0, 1, 2, 3, 7, 63, 64, 65, 128, 1000].map(|reports| history(reports, decay)).into();
    all.extend([0.0, -0.0, 1.0, 1e-300, 5e-324, 1e300, NAN, INFINITE, -INFINITE].map(|x| history(5, |_| x)));
    all.push(history(200, |i| [1.0, 0.0, NAN, 1e-9, INFINITE][i % 5]));
    all.push(vec![(3, report(0.1, Vec::new()))]);
    for lambda in [0.0, 1e-300, 1e300, NAN, INFINITE] {
        all.push(vec![(0, report(lambda, vec![row("w", 0.5, Regime::Free)]))]);
        all.push((0..5).map(|i| (i, report(lambda * i as f64, vec![row("w", 0.5, Regime::Coupled)]))).collect());
    }
    let regimes = [Regime::Free, Regime::Coupled, Regime::Shared];
    let through = |i: u64| vec![row("w", 0.1, regimes[i as usize / 30]), row(AWKWARD, 0.1, Regime::Coupled)];
    all.push((0..90).map(|i| (u64::MAX - 90 + i, report(0.1, through(i)))).collect());
    let long = "layer.".repeat(30);
    all.push(vec![(0, report(0.1, (0..40).map(|i| row(&format!("{long}{i}"), 0.1, Regime::Shared)).collect()))]);
    // Pairs that come and go, and two of the same names.
    let some = |i: u64| (0..i % 3).map(|_| row("w", 0.1, Regime::Coupled)).collect();
    all.push((0..100).map(|i| (i, report(0.1, some(i)))).collect());
    all
}

/// The tags that begin so, each with what stands behind it up to the next tag.
fn tags<'a>(svg: &'a str, start: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    svg.split('<').skip(1).map(|piece| piece.split_once('>').unwrap()).filter(move |(tag, _)| tag.starts_with(start))
}

fn attribute<'a>(tag: &'a str, name: &str) -> &'a str {
    tag.split(&format!(" {name}=\"")).nth(1).map_or("", |rest| rest.split('"').next().unwrap())
}

fn number(tag: &str, name: &str) -> f64 {
    attribute(tag, name).parse().unwrap_or_else(|_| panic!("{name} in {tag}"))
}

/// The class and the tooltip of each cell.
fn cells(svg: &str) -> Vec<(String, String)> {
    let cell = |(i, _): (usize, &str)| {
        let mut tags = tags(&svg[i..], "");
        (attribute(tags.next().unwrap().0, "class").into(), tags.next().unwrap().1.into())
    };
    svg.match_indices("<g class=\"cell ").map(cell).collect()
}

#[test]
fn any_history_gives_a_sound_picture() {
    for (i, history) in histories().iter().enumerate() {
        let svg = heat_map(history, AWKWARD);
        assert_eq!(open_tags(&svg), [""; 0], "history {i}");
        let [width, height] = ["width", "height"].map(|name| number(tags(&svg, "svg").next().unwrap().0, name));
        let mut texts: Vec<(Rect, String)> = Vec::new();
        for (tag, content) in tags(&svg, "text") {
            let content =
                content.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
            let class = attribute(tag, "class");
            let size = if class == "heading" {
                TITLE
            } else if class.contains("small") {
                SMALL
            } else {
                TEXT
            };
            let length = text_width(&content, size) * if class == "heading" { BOLD } else { 1.0 };
            let before = if class.contains("end") {
                length
            } else if class.contains("middle") {
                length / 2.0
            } else {
                0.0
            };
            let (x, y) = (number(tag, "x") - before, number(tag, "y") - 0.8 * size);
            assert!(
                x >= MARGIN - 0.02 && x + length <= width - MARGIN + 0.02,
                "history {i}: {content} leaves the page"
            );
            assert!(y >= 0.0 && y + size <= height, "history {i}: {content} leaves the page");
            let place = Rect { x, y, width: length, height: size };
            for (other, text) in &texts {
                let beside = x + length < other.x || other.x + other.width < x;
                let below = y + size <= other.y || other.y + other.height <= y;
                assert!(beside || below, "history {i}: {content} covers {text}");
            }
            texts.push((place, content));
        }
        for (tag, _) in tags(&svg, "rect") {
            let [x, y] = [number(tag, "x") + number(tag, "width"), number(tag, "y") + number(tag, "height")];
            assert!(number(tag, "width") > 0.0 && number(tag, "height") > 0.0, "history {i}: {tag}");
            assert!(x <= width && y <= height, "history {i}: {tag} leaves the page");
        }
    }
}

#[test]
fn every_report_is_in_one_column_and_the_ends_are_shown() {
    for reports in 0..400 {
        let groups = groups(reports);
        assert_eq!(groups.len(), reports.min(COLUMNS));
        let all: Vec<usize> = groups.iter().flat_map(|group| group.reports.clone()).collect();
        assert_eq!(all, (0..reports).collect::<Vec<_>>());
        assert!(groups.iter().all(|group| group.reports.contains(&group.shown)));
        let ends = groups.first().zip(groups.last()).map(|(first, last)| (first.shown, last.shown + 1));
        assert_eq!(ends, (reports > 0).then_some((0, reports)));
        let gaps = groups.windows(2).map(|two| two[1].shown - two[0].shown);
        assert!(gaps.clone().max() <= gaps.min().map(|least| least + 1), "{reports} reports are spaced unevenly");
    }
}

#[test]
fn every_pair_at_every_step_is_one_cell_with_its_numbers() {
    let names = ["a.weight – b.weight", "a.bias – b.bias"];
    for reports in [1, 5, 64] {
        let history = history(reports, |i| 0.5 / (i + 1) as f64);
        let steps =
            |name: &str| (0..reports).map(|i| format!("{name}, step {}: coupled, ", 10 * i)).collect::<Vec<_>>();
        let cells = cells(&heat_map(&history, ""));
        assert_eq!(cells.len(), 2 * reports);
        for (start, (_, tip)) in names.into_iter().flat_map(steps).zip(&cells) {
            assert!(tip.starts_with(&start), "{tip} after {start}");
        }
        let numbers = "relative distance 0.5, distance 1.5, strength 0.5, pull 0.07143";
        assert_eq!(cells[0].1, format!("{}, step 0: coupled, {numbers}", names[0]));
    }
    // Several reports a column; what is not finite in any of them shows.
    let history = history(1000, |i| if i == 500 { NAN } else { i as f64 });
    let cells = cells(&heat_map(&history, ""));
    assert_eq!(cells.len(), 2 * COLUMNS);
    assert_eq!(cells.iter().filter(|(class, _)| class.contains("diverged")).count(), 2);
    let range = "steps 80 to 230: relative distance 8 to 23";
    let tips = [(0, "step 0: ", ""), (1, "step 160: coupled, relative distance 16,", range), (63, "step 9990: ", "")];
    for (column, shown, end) in tips {
        let tip = &cells[column].1;
        assert!(tip.starts_with(&format!("{}, {shown}", names[0])) && tip.ends_with(end), "{tip}");
    }
}

#[test]
fn the_further_apart_the_more_a_colour_stands_out() {
    let value = |i: usize| 3e-7 * 1.7_f64.powi((i * 37 % 60) as i32);
    let svg = heat_map(&history(60, value), "");
    let level = |class: &str| class.strip_prefix("cell c").unwrap().parse::<usize>().unwrap();
    let numbers = (0..60).map(value).chain((0..60).map(|i| value(i) / 30.0));
    let mut coloured: Vec<(f64, usize)> = numbers.zip(cells(&svg)).map(|(x, (class, _))| (x, level(&class))).collect();
    coloured.sort_by(|one, other| one.0.total_cmp(&other.0));
    assert!(coloured.windows(2).all(|two| two[0].1 <= two[1].1), "{coloured:?}");
    assert_eq!((coloured[0].1, coloured[119].1), (0, LEVELS - 1), "the scale is as wide as the numbers");

    // In the style sheet, the light look comes before the dark one.
    let style = tags(&svg, "style").next().unwrap().1;
    for look in style.split("@media") {
        let fill = |class: &str| {
            let hex = look.split(&format!(".{class}{{fill:#")).nth(1).unwrap().split(['}', ';']).next().unwrap();
            let digits = hex.len() / 3;
            [0, 1, 2].map(|i| u8::from_str_radix(&hex[i * digits..][..digits].repeat(3 - digits), 16).unwrap())
        };
        let luminance = |class: &str| {
            let linear = |c: u8| (f64::from(c) / 255.0).powf(2.2);
            let [r, g, b] = fill(class).map(linear);
            0.05 + 0.2126 * r + 0.7152 * g + 0.0722 * b
        };
        let contrast = |one: &str, other: &str| {
            let ratio = luminance(one) / luminance(other);
            ratio.max(1.0 / ratio)
        };
        let levels: Vec<f64> = (0..LEVELS).map(|i| contrast(&format!("c{i}"), "page")).collect();
        assert!(levels[0] > 1.2 && levels.windows(2).all(|two| two[1] > 1.15 * two[0]), "{levels:?}");
        assert!(contrast("shared", "page") > 1.5);
        // Text on the page, by the guidelines for accessible pages.
        assert!(contrast("small", "page") > 4.5);
    }
}

#[test]
fn what_is_no_distance_looks_different() {
    let looks = [
        (row("w", 0.5, Regime::Coupled), "cell c9"),
        (row("w", 0.0, Regime::Coupled), "cell equal"),
        (row("w", 0.0, Regime::Shared), "cell shared"),
        (row("w", NAN, Regime::Coupled), "cell diverged"),
        (Row { distance: INFINITE, ..row("w", 0.0, Regime::Free) }, "cell diverged"),
    ];
    let history: Vec<_> = looks.iter().map(|(row, _)| (0, report(1.0, vec![row.clone()]))).collect();
    let svg = heat_map(&history, "");
    assert_eq!(cells(&svg).into_iter().map(|(class, _)| class).collect::<Vec<_>>(), looks.map(|(_, class)| class));
    for name in ["equal, stored twice", "shared: stored once", "not finite", "free: not held"] {
        assert!(svg.contains(name), "the legend has no {name}");
    }
    // What does not occur is not explained.
    let svg = heat_map(&history[..1], "");
    assert!(!["equal,", "shared:", "not finite", "free:"].iter().any(|name| svg.contains(name)));
}

#[test]
fn a_scale_is_round_and_holds_its_numbers() {
    for exponent in -290..309 {
        for digits in [1.0, 1.7, 2.0, 4.999, 9.9] {
            let x = format!("{digits}e{exponent}").parse::<f64>().unwrap();
            for y in [x, 3.0 * x, 1e4 * x, 1e30 * x].into_iter().filter(|y| y.is_finite() && x > 0.0) {
                let scale = Scale::over([y, x].into_iter()).unwrap();
                let ticks = scale.ticks();
                assert!((2..=6).contains(&ticks.len()), "{ticks:?} from {x} to {y}");
                assert!(ticks.windows(2).all(|two| two[0] < two[1]));
                assert_eq!(scale.cut, y > 2e8 * x, "{scale:?} from {x} to {y}");
                assert!(scale.level(x) <= scale.level(y) && scale.level(y) >= LEVELS / 2);
            }
        }
    }
    let ticks = |x, y| Scale::over([x, y].into_iter()).unwrap().ticks();
    assert_eq!(ticks(0.3, 0.9), [0.2, 0.5, 1.0]);
    assert_eq!(ticks(0.0015, 1.4), [0.001, 0.01, 0.1, 1.0]);
    assert!(Scale::over(std::iter::empty()).is_none());
}

#[test]
fn figures_are_short() {
    let numbers = [0.0, -0.0, 1.0, 12.5, 0.125, 12_345.0, 123_456.0, 0.001, 0.000_999_9, -2e-7, 1e300, INFINITE, NAN];
    let expected = ["0", "0", "1", "12.5", "0.125", "12345", "1.23e5", "0.001", "0.001", "-2e-7", "1e300", "∞", "NaN"];
    assert_eq!(numbers.map(|x| figure(x, 3)), expected);
}
