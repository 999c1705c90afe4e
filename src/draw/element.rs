//! The generic pieces of a picture: elements whose tags balance, escaped text, and how wide text is.

use std::fmt;

/// An SVG element. Tags balance and text is escaped by construction.
#[derive(Clone, Debug)]
pub struct Element {
    tag: &'static str,
    attributes: String,
    content: String,
}

impl Element {
    /// An element with this class, by which the style sheet colours it; `""` for none.
    pub fn new(tag: &'static str, class: &str) -> Element {
        let element = Element { tag, attributes: String::new(), content: String::new() };
        if class.is_empty() { element } else { element.set("class", class) }
    }

    /// Sets an attribute.
    pub fn set(mut self, name: &str, value: &str) -> Element {
        self.attributes.extend([" ", name, "=\"", &escape(value), "\""]);
        self
    }

    /// Sets numeric attributes.
    pub fn at(self, numbers: &[(&str, f64)]) -> Element {
        numbers.iter().fold(self, |element, &(name, x)| element.set(name, &number(x)))
    }

    /// Appends text.
    pub fn text(mut self, text: &str) -> Element {
        self.content += &escape(text);
        self
    }

    /// Appends a child.
    pub fn with(mut self, child: &Element) -> Element {
        self.push(child);
        self
    }

    /// Appends a child.
    pub fn push(&mut self, child: &Element) {
        self.content.push('\n');
        self.content += &child.to_string();
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Element { tag, attributes, content } = self;
        if content.is_empty() {
            return write!(f, "<{tag}{attributes}/>");
        }
        write!(f, "<{tag}{attributes}>{content}</{tag}>")
    }
}

/// A number of pixels, rounded to hundredths.
pub fn number(x: f64) -> String {
    ((x * 100.0).round() / 100.0).to_string()
}

/// Text as it may stand in XML, in content and between quotes.
///
/// ```
/// assert_eq!(tandem::draw::escape("a < \"b\""), "a &lt; &quot;b&quot;");
/// ```
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            // XML has no way to write the other control characters, nor these two.
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

/// About how wide a text is, in pixels, with some room: fonts differ.
pub fn text_width(text: &str, size: f64) -> f64 {
    let em = |c: char| match c {
        'f' | 'i' | 'j' | 'l' | 'r' | 't' | ' ' | '.' | ',' | ':' | '\'' | '(' | ')' | '[' | ']' => 0.36,
        'm' | 'w' | 'M' | 'W' | '%' => 0.92,
        c if c.is_uppercase() => 0.70,
        c if c.is_ascii() => 0.61,
        // Whatever it is, it is hardly wider than a square.
        _ => 1.0,
    };
    size * text.chars().map(em).sum::<f64>()
}
