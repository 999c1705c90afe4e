//! The generic pieces of a picture: elements, text that may need wrapping, scales, ticks.

use std::fmt;

use tandem::draw::escape;

/// An SVG element. Tags balance and text is escaped by construction.
///
/// `Element::new("text").class("note").at(&[("x", 4.0)]).text("a < b")` shows as
/// `<text class="note" x="4">a &lt; b</text>`.
#[derive(Clone, Debug)]
pub struct Element {
    tag: &'static str,
    attributes: String,
    content: String,
}

impl Element {
    /// An element without attributes or content.
    pub fn new(tag: &'static str) -> Element {
        Element { tag, attributes: String::new(), content: String::new() }
    }

    /// Sets an attribute.
    pub fn set(mut self, name: &str, value: &str) -> Element {
        self.attributes.extend([" ", name, "=\"", &escape(value), "\""]);
        self
    }

    /// Sets the class, by which the style sheet colours it.
    pub fn class(self, name: &str) -> Element {
        self.set("class", name)
    }

    /// Sets numeric attributes, rounded to hundredths of a pixel.
    pub fn at(self, numbers: &[(&str, f64)]) -> Element {
        numbers.iter().fold(self, |element, (name, x)| element.set(name, &((x * 100.0).round() / 100.0).to_string()))
    }

    /// Appends text.
    pub fn text(mut self, text: &str) -> Element {
        self.content += &escape(text);
        self
    }

    /// Appends a child.
    pub fn with(mut self, child: Element) -> Element {
        self.push(child);
        self
    }

    /// Appends a child.
    pub fn push(&mut self, child: Element) {
        self.content += &child.to_string();
        // Spaces count inside of a text, line ends elsewhere help who reads the file.
        if self.tag != "text" {
            self.content += "\n";
        }
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Element { tag, attributes, content } = self;
        if content.is_empty() {
            write!(f, "<{tag}{attributes}/>")
        } else {
            write!(f, "<{tag}{attributes}>{content}</{tag}>")
        }
    }
}

/// A text at a point; `anchor` is "start", "middle" or "end".
pub fn text(class: &str, anchor: &str, x: f64, y: f64, content: &str) -> Element {
    let element = Element::new("text").class(class).at(&[("x", x), ("y", y)]);
    if anchor == "start" { element.text(content) } else { element.set("text-anchor", anchor).text(content) }
}

/// A straight line.
pub fn line(class: &str, [x1, y1]: [f64; 2], [x2, y2]: [f64; 2]) -> Element {
    Element::new("line").class(class).at(&[("x1", x1), ("y1", y1), ("x2", x2), ("y2", y2)])
}

/// A rectangle, by its upper left corner.
pub fn rect(class: &str, [x, y]: [f64; 2], [width, height]: [f64; 2]) -> Element {
    Element::new("rect").class(class).at(&[("x", x), ("y", y), ("width", width), ("height", height)])
}

/// About how wide a text is, in pixels. Fonts differ, so leave some room.
pub fn text_width(text: &str, size: f64) -> f64 {
    let em = |c: char| match c {
        'f' | 'i' | 'j' | 'l' | 'r' | 't' | ' ' | '.' | ',' | ':' | '\'' | '(' | ')' => 0.32,
        'm' | 'w' | 'M' | 'W' | '%' => 0.88,
        '\u{300}'..='\u{36f}' => 0.0,
        c if c.is_uppercase() => 0.68,
        _ => 0.58,
    };
    size * text.chars().map(em).sum::<f64>()
}

/// Breaks a text into lines of at most this width; a longer word gets a line of its own.
pub fn wrap(text: &str, width: f64, size: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if text_width(&format!("{line} {word}"), size) <= width => {
                *line += " ";
                *line += word;
            }
            _ => lines.push(word.into()),
        }
    }
    lines
}

/// Left and right of what a page shows.
pub const MARGIN: f64 = 20.0;
/// Size of most text. Large: a telephone shows a picture at about half its size.
pub const SIZE: f64 = 13.0;
/// Size of what labels a colour.
pub const SMALL: f64 = 12.0;

/// A picture with a heading, which is a file of its own and has a light and a dark look.
///
/// Its style sheet knows `title`, `strong` (bold), `small`, `note` (quiet), `halo` (text over lines), `grid` and `ink`
/// (lines).
#[derive(Clone, Debug)]
pub struct Page {
    width: f64,
    title: String,
    subtitle: String,
    drawing: Element,
    bottom: f64,
}

/// What a picture adds to the style sheet: in both looks, in the light one, in the dark one.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    pub both: String,
    pub light: String,
    pub dark: String,
}

impl Page {
    /// A page with its heading. Lines of text end early, for fonts that are wider than estimated.
    pub fn new(width: f64, title: &str, subtitle: &str) -> Page {
        let mut page = Page {
            width,
            title: title.into(),
            subtitle: subtitle.into(),
            drawing: Element::new("g"),
            bottom: MARGIN - 8.0,
        };
        for (class, content, size) in [("title", title, 19.0), ("note", subtitle, SIZE)] {
            for words in wrap(content, 0.85 * (width - 2.0 * MARGIN), size) {
                page.bottom += size + 5.0;
                page.drawing.push(text(class, "start", MARGIN, page.bottom, &words));
            }
            page.bottom += 3.0;
        }
        page
    }

    /// The lowest y that the heading uses.
    pub fn bottom(&self) -> f64 {
        self.bottom
    }

    /// What to draw on.
    pub fn drawing(&mut self) -> &mut Element {
        &mut self.drawing
    }

    /// The file.
    pub fn finish(self, height: f64, rules: &Rules) -> String {
        let Page { width, title, subtitle, drawing, .. } = self;
        let root = Element::new("svg")
            .set("xmlns", "http://www.w3.org/2000/svg")
            .set("viewBox", &format!("0 0 {width} {height}"))
            .set("role", "img")
            .at(&[("width", width), ("height", height)])
            // Without this, a page narrower than the picture would cut it off.
            .set("style", "max-width: 100%; height: auto")
            .with(Element::new("title").text(&title))
            .with(Element::new("desc").text(&subtitle))
            .with(Element::new("style").text(&style(rules)))
            .with(rect("page", [0.0, 0.0], [width, height]).at(&[("rx", 8.0)]))
            .with(drawing);
        format!("{root}\n")
    }
}

/// The style sheet. Plain classes: not every reader of SVG knows CSS variables.
fn style(Rules { both, light, dark }: &Rules) -> String {
    let look = |page: &str, ink: &str, quiet: &str, grid: &str| {
        format!(
            ".page{{fill:{page}}} text{{fill:{ink}}} .note{{fill:{quiet}}} .halo{{stroke:{page}}} .ink{{stroke:{ink}}} \
             .grid{{stroke:{grid}}} "
        )
    };
    format!(
        "text{{font:{SIZE}px system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif}} \
         .title{{font-size:19px;font-weight:600}} .strong{{font-weight:600}} .small{{font-size:{SMALL}px}} \
         .halo{{paint-order:stroke;stroke-width:4px;stroke-linejoin:round}} {both} {}{light} \
         @media (prefers-color-scheme: dark){{{}{dark}}}",
        look("#fff", "#1c1e21", "#5c6066", "#e3e4e6"),
        look("#16181d", "#e8e9eb", "#a2a7ae", "#32363d"),
    )
}

/// A map from values to pixels, linear in the values or in their logarithms.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// The two ends, as values.
    pub values: [f64; 2],
    /// The two ends, as pixels.
    pub pixels: [f64; 2],
    /// Whether equal distances are equal ratios.
    pub log: bool,
}

impl Scale {
    /// Equal distances are equal differences.
    pub fn linear(values: [f64; 2], pixels: [f64; 2]) -> Scale {
        Scale { values, pixels, log: false }
    }

    /// Equal distances are equal ratios.
    pub fn log(values: [f64; 2], pixels: [f64; 2]) -> Scale {
        Scale { values, pixels, log: true }
    }

    /// The pixel of a value.
    pub fn at(&self, value: f64) -> f64 {
        let place = |value: f64| if self.log { value.log10() } else { value };
        let ([v0, v1], [p0, p1]) = (self.values.map(place), self.pixels);
        p0 + (place(value) - v0) / (v1 - v0) * (p1 - p0)
    }

    /// Round values between the two ends, `most` or fewer, with their labels: multiples of 1, 2 or 5 times a power of
    /// ten. Over logarithms: powers of ten, or over less than two of them 1, 2 and 5 times each.
    ///
    /// # Panics
    /// If the values do not rise, or are not positive under a logarithm, or `most` is 0.
    #[track_caller]
    pub fn ticks(&self, most: usize) -> Vec<(f64, String)> {
        let [low, high] = self.values;
        assert!(low < high && most > 0 && (low > 0.0 || !self.log), "{most} ticks from {low} to {high}");
        if self.log { log_ticks(self.values, most) } else { linear_ticks(self.values, most) }
    }
}

fn linear_ticks([low, high]: [f64; 2], most: usize) -> Vec<(f64, String)> {
    let magnitude = ((high - low) / most as f64).log10().floor() as i32;
    let steps = (magnitude..).flat_map(|k| [1.0, 2.0, 5.0].map(|m| (m * 10f64.powi(k), k)));
    let inside = |step: f64| ((low / step - 1e-9).ceil() as i64)..=((high / step + 1e-9).floor() as i64);
    let (step, power) = steps
        .into_iter()
        .find(|(step, _)| inside(*step).count() <= most)
        .expect("steps grow until they are few enough");
    let decimals = (-power).max(0) as usize;
    inside(step).map(|i| (i as f64 * step, format!("{:.decimals$}", i as f64 * step))).collect()
}

fn log_ticks([low, high]: [f64; 2], most: usize) -> Vec<(f64, String)> {
    let (least, greatest) = (low.log10(), high.log10());
    let powers = (least.floor() as i32)..=(greatest.ceil() as i32);
    let inside = |ticks: Vec<(u32, i32)>| -> Vec<(u32, i32)> {
        let value = |m: u32, k: i32| f64::from(m).log10() + f64::from(k);
        ticks.into_iter().filter(|&(m, k)| (least - 1e-9..=greatest + 1e-9).contains(&value(m, k))).collect()
    };
    let of_each = |multiples: &[u32]| {
        inside(powers.clone().flat_map(|k| multiples.iter().map(move |m| (*m, k))).collect::<Vec<_>>())
    };
    let every =
        |step: usize| inside(powers.clone().filter(|k| k.rem_euclid(step as i32) == 0).map(|k| (1, k)).collect());
    let fine = [(2.0, of_each(&[1, 2, 5])), (3.0, of_each(&[1, 3]))];
    let fine = fine.into_iter().filter(|(most, _)| greatest - least < *most).map(|(_, ticks)| ticks);
    let coarse = (1..).map(every);
    let found = fine.chain(coarse).find(|ticks| ticks.len() <= most).unwrap_or_default();
    // Over less than a power of ten, round differences tell more than one or two round ratios.
    if found.len() < 2 || (found.len() < 3 && high < 10.0 * low) {
        return linear_ticks([low, high], most);
    }
    // One notation for all of an axis.
    let plain = found.iter().all(|(_, k)| (-4..=5).contains(k));
    found
        .into_iter()
        .map(|(m, k)| {
            let value = f64::from(m) * 10f64.powi(k);
            let power = superscript(k);
            let label = match (plain, m) {
                (true, _) => format!("{value:.*}", (-k).max(0) as usize),
                (false, 1) => power,
                (false, _) => format!("{m}·{power}"),
            };
            (value, label)
        })
        .collect()
}

/// 10 to a power: 1, 10, 10⁶, 10⁻³.
fn superscript(power: i32) -> String {
    let digit = |c: char| match c {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        // The others stand in a row.
        c => char::from_u32('⁰' as u32 + c.to_digit(10).unwrap_or(0)).unwrap_or(c),
    };
    match power {
        0 => "1".into(),
        1 => "10".into(),
        _ => format!("10{}", power.to_string().chars().map(digit).collect::<String>()),
    }
}
