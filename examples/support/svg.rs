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

/// A linear map from values to pixels.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// The two ends, as values.
    pub values: [f64; 2],
    /// The two ends, as pixels.
    pub pixels: [f64; 2],
}

impl Scale {
    /// The pixel of a value.
    pub fn at(&self, value: f64) -> f64 {
        let ([v0, v1], [p0, p1]) = (self.values, self.pixels);
        p0 + (value - v0) / (v1 - v0) * (p1 - p0)
    }

    /// Round values between the two ends, `most` or fewer, with their labels: multiples of 1, 2 or
    /// 5 times a power of ten.
    ///
    /// # Panics
    /// If the values do not rise, or `most` is 0.
    #[track_caller]
    pub fn ticks(&self, most: usize) -> Vec<(f64, String)> {
        let [low, high] = self.values;
        assert!(low < high && most > 0, "{most} ticks from {low} to {high}");
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
}
