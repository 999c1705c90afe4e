//! What the examples share.

#[path = "../examples/support/mod.rs"]
mod support;

use std::io::{self, Write};
use std::{fs, path::Path};

use support::bars::{self, Bar, BarChart};
use support::format::{Table, bytes, count, duration, markdown, significant, times};
use support::map::{self, MapPanel, Regime, RegimeMap, Verdict};
use support::output::{check_writable, write, write_with};
use support::plot::{self, Axis, Look, Mark, Panel, Plot, Point, Series};
use support::stats::{Estimate, mean, standard_deviation, standard_error};
use support::svg::{Scale, text_width, wrap};
use tandem::draw::escape;

#[test]
fn numbers_read_well() {
    let kib = |x: f64| bytes((x * 1024.0) as usize);
    let shown = [0, 1023, 1024, 37_069, 1 << 20, 58_593_750 << 10].map(bytes);
    assert_eq!(shown, ["0 B", "1,023 B", "1.00 KiB", "36.2 KiB", "1.00 MiB", "55.9 GiB"]);
    // Rounding never shows a fourth digit.
    assert_eq!([9.994, 9.996, 99.94, 99.96].map(kib), ["9.99 KiB", "10.0 KiB", "99.9 KiB", "100 KiB"]);
    assert_eq!([999.4, 999.6, 1023.0].map(kib), ["999 KiB", "0.976 MiB", "0.999 MiB"]);
    assert_eq!(bytes(usize::MAX), "16.0 EiB");
    assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
    assert_eq!([(3, 2), (996, 100), (8_003_072_000, 2)].map(|(a, b)| times(a, b)), ["1.5×", "10×", "4,001,536,000×"]);
    let numbers = [0.0, -0.314_159, 93.6412, 120.0, -12_345.6, 5e-7, 3e8].map(significant);
    assert_eq!(numbers, ["0", "-0.3142", "93.64", "120", "-12,346", "5.0e-7", "3.0e8"]);
    assert_eq!([0.04, 9.96, 119.4, 185.2].map(duration), ["0.0 s", "10 s", "119 s", "3 min 5 s"]);
}

#[test]
fn tables_align_numbers_right_and_text_left() {
    let mut table = Table::new(["w̄", "numbers", "accuracy, %"]);
    table.row(["θ̃ dense", "203,530", "−9.8 ± 0.2"]);
    table.row(["conv", "—", "96.1"]);
    let expected = "\
w̄        numbers  accuracy, %
───────  ───────  ───────────
θ̃ dense  203,530   −9.8 ± 0.2
conv           —         96.1
";
    assert_eq!(table.to_string(), expected);
    let expected = "\
| w̄ | numbers | accuracy, % |
| --- | ---: | ---: |
| θ̃ dense | 203,530 | −9.8 ± 0.2 |
| conv | — | 96.1 |
";
    assert_eq!(table.markdown(), expected);
    assert_eq!(markdown("a|b *c* <d>"), r"a\|b \*c\* \<d>");

    // Numbers in names of rows are not figures.
    for (name, left) in [("100 images", true), ("64→64", true), ("45°", false), ("1,000", false)] {
        let mut table = Table::new(["", "layers"]);
        table.row([name, "64→64"]);
        table.row(["7", "1"]);
        assert_eq!(table.markdown().contains("\n| --- | ---: |\n"), left, "{name}");
    }

    let mut table = Table::new(["a < b", "n"]);
    table.row(["x & y", "1"]);
    let html = table.html();
    walk(&html, |_, _| ());
    assert!(html.contains("<th>a &lt; b</th><th class=\"number\">n</th>"));
    assert!(html.contains("<tr><td>x &amp; y</td><td class=\"number\">1</td></tr>"));
}

#[test]
fn statistics_equal_those_by_hand() {
    // Mean 5, squares of distances 9 + 1 + 1 + 9 = 20.
    let values = [2.0, 4.0, 6.0, 8.0];
    let s = (20.0_f64 / 3.0).sqrt();
    assert_eq!((mean(&values), standard_deviation(&values), standard_error(&values)), (5.0, Some(s), Some(s / 2.0)));
    // A common offset moves neither; what is common to both sides cancels in a paired difference.
    let offset = values.map(|x| x + 1e6);
    assert_eq!(standard_deviation(&offset), Some(s));
    let difference = Estimate::paired_difference(&[3.0, 4.0, 6.0, 9.0], &values);
    assert_eq!(difference, Estimate { mean: 0.5, spread: Some((1.0_f64 / 3.0).sqrt() / 2.0) });
    assert_eq!(format!("{difference} {difference:+.2}"), "0.5 ± 0.3 +0.50 ± 0.29");
    assert_eq!(format!("{:.0}", Estimate::with_deviation(&[7.0])), "7 ± ?");
    // A proper minus; what rounds to zero has no sign.
    let shown = [-3.12, -0.04, 0.04, f64::NEG_INFINITY].map(|mean| format!("{:+}", Estimate { mean, spread: None }));
    assert_eq!(shown, ["−3.1 ± ?", "0.0 ± ?", "0.0 ± ?", "−inf ± ?"]);
    assert_eq!(Estimate { mean: -0.04, spread: None }.to_string(), "0.0 ± ?");
}

#[test]
fn a_file_is_replaced_whole_or_stays() -> io::Result<()> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("new/one.svg");
    check_writable(&path).unwrap();
    assert!(!path.exists(), "a check writes nothing");
    write(&path, "old").unwrap();
    let error = write_with(&path, |file| {
        file.write_all(b"half of the ne")?;
        Err(io::Error::other("disk full"))
    });
    let message = error.unwrap_err().to_string();
    assert!(message.contains(&path.display().to_string()) && message.contains("disk full"), "{message}");
    assert_eq!(fs::read_to_string(&path)?, "old");
    write(&path, "new").unwrap();
    assert_eq!(fs::read_to_string(&path)?, "new");
    assert_eq!(fs::read_dir(path.parent().unwrap())?.count(), 1, "temporary files are gone");

    // Neither below a file, nor in place of what is no file.
    for (path, expected) in [(path.join("below"), "a directory"), (directory.path().join(".."), "a file")] {
        let message = check_writable(&path).unwrap_err().to_string();
        assert!(message.contains(&path.display().to_string()) && message.contains(expected), "{message}");
    }
    assert!(check_writable(directory.path()).is_err());
    assert!(write(directory.path(), "").is_err());
    assert!(check_writable(Path::new("Cargo.toml")).is_ok(), "a path without a directory is in the current one");
    Ok(())
}

#[test]
fn ticks_are_round_and_inside() {
    let labels = |low, high| {
        let scale = Scale::linear([low, high], [0.0, 1.0]);
        scale.ticks(5).into_iter().map(|(_, label)| label).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(labels(0.0, 3.67), "0 1 2 3");
    assert_eq!(labels(0.0, 966.0), "0 200 400 600 800");
    assert_eq!(labels(93.4, 95.1), "93.5 94.0 94.5 95.0");
    assert_eq!(labels(-0.1, 0.3), "-0.1 0.0 0.1 0.2 0.3");
    for exponent in -9..9 {
        let (low, high) = (-0.37 * 10f64.powi(exponent), 7.3 * 10f64.powi(exponent));
        let ticks = Scale::linear([low, high], [0.0, 1.0]).ticks(5);
        assert!((2..=5).contains(&ticks.len()), "{ticks:?}");
        assert!(
            ticks.iter().all(|(x, label)| low <= *x && *x <= high && (label.parse::<f64>().unwrap() - x).abs() < 1e-12)
        );
    }
}

#[test]
fn ticks_of_logarithms_are_few_and_inside() {
    let labels = |low, high| {
        let ticks = Scale::log([low, high], [0.0, 1.0]).ticks(6);
        ticks.into_iter().map(|(_, label)| label).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(labels(0.0009, 12.0), "0.001 0.01 0.1 1 10");
    assert_eq!(labels(1e-8, 1e6), "10⁻⁶ 10⁻³ 1 10³ 10⁶");
    assert_eq!(labels(9.0, 110.0), "10 20 50 100");
    assert_eq!(labels(0.9, 90.0), "1 2 5 10 20 50");
    assert_eq!(labels(0.5, 400.0), "1 3 10 30 100 300");
    assert_eq!(labels(31.0, 39.0), "32 34 36 38");
    for exponent in -9..9 {
        let (low, high) = (0.37 * 10f64.powi(exponent), 7.3e5 * 10f64.powi(exponent));
        let scale = Scale::log([low, high], [300.0, 20.0]);
        assert!((scale.at(low) - 300.0).abs() < 1e-9 && (scale.at(high) - 20.0).abs() < 1e-9);
        assert!((scale.at((low * high).sqrt()) - 160.0).abs() < 1e-9, "the geometric mean is in the middle");
        let ticks = scale.ticks(6);
        assert!((2..=6).contains(&ticks.len()) && ticks.iter().all(|(x, _)| (low..=high).contains(x)), "{ticks:?}");
    }
}

#[test]
fn wrapping_keeps_all_words() {
    let text = "eine Zeile, zwei Zeilen, Donaudampfschifffahrtsgesellschaft";
    let lines = wrap(text, 100.0, 10.0);
    assert_eq!(lines.join(" "), text);
    assert!(lines.iter().all(|line| text_width(line, 10.0) <= 100.0 || !line.contains(' ')));
    assert_eq!(lines.len(), 3);
}

const CATEGORIES: [&str; 7] =
    ["parameters", "gradients", "optimizer", "activations", "workspace", "idle", "bookkeeping"];

/// Four networks; the first is larger by a factor.
fn chart(factor: usize) -> BarChart {
    let bar = |label: &str, parameters: usize, activations: usize, score| Bar {
        label: label.into(),
        note: format!("{} parameters, {} fewer", count(parameters), times(factor * 203_530, parameters)),
        parts: vec![4 * parameters, 4 * parameters, 8 * parameters, activations, 47_104, 60_000, 9_000],
        score: Estimate { mean: score, spread: Some(0.4) },
    };
    BarChart {
        title: "Sharing shrinks what is kept for each parameter & not the \"activations\"".into(),
        subtitle: "Digits of 8 × 8, batches < 33, Adam; dots are the mean ± standard deviation of 5 seeds".into(),
        bytes_title: "Peak memory of a training step".into(),
        score_title: "Test accuracy, %".into(),
        categories: CATEGORIES.map(String::from).to_vec(),
        bars: vec![
            bar("Dense <256>", factor * 203_530, 480_000, 93.8),
            bar("Unshared", 40_000, 450_000, 94.6),
            bar("Tiled", 20_000, 520_000, 95.2),
            bar("Convolutional", 5_018, 470_000, 99.3),
        ],
    }
}

/// Walks through the tags of an XML document: calls `visit` with each tag and the text that follows
/// it, up to the next one. Panics if tags do not balance.
fn walk(xml: &str, mut visit: impl FnMut(&str, &str)) {
    let mut open = Vec::new();
    for piece in xml.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').expect("a tag ends");
        let name = tag.split([' ', '/']).find(|name| !name.is_empty()).expect("a tag has a name");
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "the tag that closes here");
        } else if !tag.ends_with('/') {
            open.push(name);
        }
        assert!(tag.matches('"').count().is_multiple_of(2), "quotes balance in {tag}");
        for entity in text.split('&').skip(1) {
            assert!(["amp;", "lt;", "gt;", "quot;"].iter().any(|known| entity.starts_with(known)), "{entity}");
        }
        visit(tag, text);
    }
    assert!(open.is_empty(), "{open:?} stay open");
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    tag.split_once(&format!(" {name}=\""))?.1.split('"').next()
}

fn number(tag: &str, name: &str) -> f64 {
    attribute(tag, name).unwrap_or_else(|| panic!("{name} in {tag}")).parse().unwrap()
}

#[test]
fn the_chart_is_xml_and_says_everything() {
    assert_eq!(escape("a<b>&\"c\"\u{7}"), "a&lt;b&gt;&amp;&quot;c&quot; ");
    for factor in [1, 50] {
        let chart = chart(factor);
        let svg = bars::svg(&chart);
        walk(&svg, |_, _| ());
        let expected = [&chart.title, &chart.subtitle, &chart.bytes_title, &chart.score_title];
        let of_bars = chart.bars.iter().flat_map(|bar| {
            let total = bytes(bar.parts.iter().sum());
            let tips = bar.parts.iter().zip(CATEGORIES).map(|(part, name)| format!("{name}: {}", bytes(*part)));
            [bar.label.clone(), bar.note.clone(), bar.score.to_string(), total].into_iter().chain(tips)
        });
        for label in expected.into_iter().chain(&chart.categories).cloned().chain(of_bars) {
            assert!(svg.contains(&escape(&label)), "{label} is missing");
        }
        assert!(svg.contains("prefers-color-scheme: dark"));
    }
}

#[test]
fn lengths_are_bytes_and_labels_do_not_overlap() {
    for factor in [1, 50] {
        let chart = chart(factor);
        let (mut drawn, mut labels) = (Vec::new(), Vec::<(f64, f64, f64, String)>::new());
        walk(&bars::svg(&chart), |tag, content| {
            if tag.starts_with("rect") && number(tag, "height") == 26.0 {
                drawn.push((number(tag, "x"), number(tag, "width")));
            }
            let size = if tag.contains("small") { 12.0 } else { 13.0 };
            let width = text_width(content, size);
            if tag.starts_with("tspan") {
                // It goes on where the last one ended.
                let label = labels.last_mut().unwrap();
                label.1 += width + attribute(tag, "dx").map_or(0.0, |dx| dx.parse().unwrap());
                label.3 += content;
            }
            if tag.starts_with("text ") {
                let x = number(tag, "x");
                let left = if tag.contains("middle") { x - width / 2.0 } else { x };
                // What stands beside a bar stays there, and so do the numbers of a dot.
                let crosses = left < 484.0 - 0.01 && left + width > 484.0;
                assert!(drawn.is_empty() || !crosses, "`{content}` reaches from {left}, {width} wide");
                labels.push((left, left + width, number(tag, "y"), content.into()));
            }
        });
        assert_eq!(drawn.len(), 7 * chart.bars.len());
        let first = &chart.bars[0].parts;
        let scale = (drawn[6].0 - drawn[0].0) / first[..6].iter().sum::<usize>() as f64;
        for (bar, drawn) in chart.bars.iter().zip(drawn.chunks(7)) {
            let mut left = drawn[0].0;
            for (&part, (x, width)) in bar.parts.iter().zip(drawn) {
                let length = scale * part as f64;
                assert!((x - left).abs() < 0.02, "{} begins at {x}, not {left}", bar.label);
                // Up to one pixel is left for a seam.
                assert!((-1.02..0.02).contains(&(width - length)), "{width} for {length} of {}", bar.label);
                left += length;
            }
        }
        for (i, a) in labels.iter().enumerate() {
            assert!(a.0 >= 0.0 && a.1 <= 640.0, "{} is outside", a.3);
            for b in labels.iter().skip(i + 1).filter(|b| (b.2 - a.2).abs() < 12.0) {
                assert!(a.1 <= b.0 || b.1 <= a.0, "`{}` and `{}` overlap", a.3, b.3);
            }
        }
    }
}

#[test]
fn training_that_diverged_has_numbers_but_no_dot() {
    let mut chart = chart(1);
    let dots = |chart: &BarChart| bars::svg(chart).matches("<circle").count();
    assert_eq!(dots(&chart), 4);
    chart.bars[2].score = Estimate::with_deviation(&[f64::NAN, 3.0]);
    assert_eq!(dots(&chart), 3);
    for bar in &mut chart.bars {
        bar.score = Estimate { mean: f64::NAN, spread: None };
    }
    let svg = bars::svg(&chart);
    assert!(!svg.contains("\"NaN") && svg.contains("NaN ± ?"));
}

/// A panel with every look, some points without a place, and marks.
fn panel(log: bool) -> Panel {
    let point = |x: f64, y: f64| Point { x, y, spread: Some(3.0) };
    let points = [(0.0, 4.0), (0.4, f64::NAN), (0.5, 2.0), (3.0, 7.0), (4.0, 8.0)].map(|(x, y)| point(x, y)).to_vec();
    let looks = [Look::Bars, Look::Band, Look::Line, Look::Curve, Look::Dashed, Look::Dots];
    let series = |(colour, look): (usize, Look)| {
        let label = if look == Look::Curve { String::new() } else { format!("{look:?} & <more>") };
        Series { label, colour, look, points: points.clone() }
    };
    Panel {
        title: "A \"panel\"".into(),
        x: Axis { label: "strength λ".into(), log, ..Axis::default() },
        y: Axis { label: "accuracy, %".into(), log, ..Axis::default() },
        series: looks.into_iter().enumerate().map(|(colour, look)| series((colour, look))).collect(),
        marks: vec![Mark::Horizontal(5.0, "shared < best".into()), Mark::Vertical(2.5, "chosen".into())],
    }
}

#[test]
fn plots_are_xml_and_say_everything() {
    for (columns, log) in [(1, false), (2, true), (3, false)] {
        let panels = vec![panel(log), panel(log), panel(!log), Panel::default()];
        let svg = plot::svg(&Plot { title: "T & T".into(), subtitle: "20 seeds".into(), columns, panels });
        walk(&svg, |tag, _| {
            for number in ["x", "y", "x1", "y1", "x2", "y2", "width", "height"] {
                let value = attribute(tag, number).map(|number| number.parse::<f64>().unwrap());
                assert!(value.is_none_or(|value| (-10.0..2000.0).contains(&value)), "{tag}");
            }
        });
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "what has no place is not drawn");
        // Four points have one, and under a logarithm three.
        let of_line = svg.matches("<title>Line &amp; &lt;more&gt;, ").count();
        assert_eq!(of_line, if log { 3 + 3 + 4 } else { 4 + 4 + 3 });
        for label in ["T &amp; T", "A &quot;panel&quot;", "strength λ", "accuracy, %", "shared &lt; best", "chosen"] {
            assert!(svg.contains(&format!(">{label}<")), "{label}");
        }
        // Once for all panels.
        assert_eq!(svg.matches(">Dots &amp; &lt;more&gt;<").count(), 1);
    }
}

#[test]
fn a_map_outlines_the_best_of_each_column() {
    let verdict = |regime| Verdict { regime, words: vec!["+3.1 ± 0.7".into()] };
    let panel = MapPanel {
        title: "20 labels".into(),
        x: "rotation".into(),
        columns: vec!["0°".into(), "45°".into()],
        y: "λ".into(),
        rows: ["0", "0.1", "shared"].map(String::from).to_vec(),
        cells: vec![vec![62.6, 62.7], vec![93.7, 57.9], vec![93.7, f64::NAN]],
        verdicts: vec![verdict(Regime::Share), verdict(Regime::Separate)],
    };
    let svg = map::svg(&RegimeMap { title: "T".into(), subtitle: "S".into(), panels: vec![panel] });
    walk(&svg, |_, _| ());
    assert_eq!(svg.matches("class=\"ink best\"").count(), 3, "two are equally good");
    assert!(
        svg.contains("rotation 0°, λ 0: 62.60, 31.1 below the best") && svg.contains(">–<") && !svg.contains("NaN")
    );
    assert!([">share<", ">separate<", ">+3.1 ± 0.7<"].iter().all(|words| svg.contains(words)));
    assert!(svg.contains("(outlined)"));
    let contrasts = contrasts(&svg);
    assert_eq!(contrasts.len(), 2 * (7 + 4));
    assert!(contrasts.iter().all(|(_, contrast)| *contrast >= 4.5), "{contrasts:?}");
}

/// The contrast of text on each colour of a map, (L + 0.05)/(L′ + 0.05) as WCAG has it: pairs `.l0{fill:…}.v0{fill:…}`.
fn contrasts(svg: &str) -> Vec<(String, f64)> {
    let luminance = |colour: &str| {
        let digits = colour.trim_start_matches('#');
        let width = digits.len() / 3;
        let channel = |i: usize| {
            let digits = digits[width * i..width * (i + 1)].repeat(3 - width);
            let x = f64::from(u8::from_str_radix(&digits, 16).unwrap()) / 255.0;
            if x <= 0.04045 { x / 12.92 } else { ((x + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(0) + 0.7152 * channel(1) + 0.0722 * channel(2) + 0.05
    };
    let rules = svg.split('.').filter_map(|rule| rule.split_once("{fill:#")?.1.split_once('}').map(|(c, _)| (rule, c)));
    let rules: Vec<(&str, &str)> = rules.collect();
    let of_text = |name: &str| name.starts_with(['t', 'v']) && name[1..2].parse::<u8>().is_ok();
    let pairs = rules.windows(2).filter(|pair| of_text(pair[1].0) && pair[0].0[1..2] == pair[1].0[1..2]);
    let contrast = |pair: &[(&str, &str)]| {
        let [a, b] = [pair[0].1, pair[1].1].map(luminance);
        (pair[1].0.to_string(), a.max(b) / a.min(b))
    };
    pairs.map(contrast).collect()
}
