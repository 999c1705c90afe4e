//! Where everything stands in each frame, inner frames first.

use std::collections::BTreeMap;

use super::element::text_width;
use super::outline::{Item, Net, Outline, Use};
use super::rows::{Element, Extent, Link, Pull, Rows};
use super::size::{ASIDE, BETWEEN, PORT, Sizes, TEXT, label_width};

/// From a frame to what it holds.
const PAD: f64 = 4.0;
/// The room that a title takes where it stands above, and the space around a title.
const TITLE: f64 = 17.0;
pub const AROUND: f64 = 8.0;
/// How much wider than other letters those of a title may be.
pub const BOLD: f64 = 1.15;
/// Height of a label, and the last straight piece of an arrow that points down.
pub const LABEL: f64 = 13.0;
const HEAD: f64 = 5.0;
/// What is so far from straight is straight.
pub const STRAIGHT: f64 = 0.5;
/// The distance between rows without labels.
const GAP: f64 = 12.0;

/// A frame with its contents in place, relative to its own zero and its own upper edge.
#[derive(Clone, Debug, Default)]
pub struct Sheet {
    pub rows: Rows,
    /// By element.
    pub x: Vec<f64>,
    /// Top and bottom of each row.
    pub bands: Vec<[f64; 2]>,
    /// Below each row, from where to where arrows may bend.
    pub bends: Vec<[f64; 2]>,
    pub extent: Extent,
    pub height: f64,
    /// Where the arrow to each op and operand enters from above.
    pub entries: BTreeMap<(usize, usize), f64>,
    /// Where each value leaves at the bottom.
    pub exits: BTreeMap<usize, f64>,
}

/// All frames, with what was needed to lay them out.
pub struct Layout<'o> {
    pub outline: &'o Outline,
    pub nets: Vec<BTreeMap<usize, Net>>,
    pub sizes: Sizes,
    pub sheets: Vec<Sheet>,
    /// Where the arrow to each op and operand arrives, from the op's middle.
    pub ports: BTreeMap<(usize, usize), f64>,
}

impl Layout<'_> {
    /// Lays out all frames.
    pub fn new(outline: &Outline) -> Layout<'_> {
        let sheets = vec![Sheet::default(); outline.frames.len()];
        let (nets, sizes, ports) = (outline.nets(), Sizes::new(outline), BTreeMap::new());
        let mut layout = Layout { outline, nets, sizes, sheets, ports };
        for frame in (0..outline.frames.len()).rev() {
            layout.place(frame);
        }
        layout
    }

    fn place(&mut self, frame: usize) {
        let nets = &self.nets[frame];
        let mut rows = Rows::new(self.outline, &self.outline.frames[frame], nets);
        let extents: Vec<Extent> = rows.elements.iter().map(|&element| self.extent(frame, element)).collect();
        let links = self.links(frame, &rows);
        let x = rows.arrange(&extents, &links, None);
        self.sheets[frame] = Sheet { rows, x, ..Sheet::default() };
        self.find_ports(frame);
        // Once more, because it takes ports to know what is straight.
        let mut rows = std::mem::take(&mut self.sheets[frame].rows);
        let links = self.links(frame, &rows);
        let x = rows.arrange(&extents, &links, Some(&self.sheets[frame].x));
        self.sheets[frame] = Sheet { rows, x, ..Sheet::default() };
        self.find_ports(frame);
        self.line_up(frame);
        // With the ports as they are now.
        let links = self.links(frame, &self.sheets[frame].rows);
        self.stack_rows(frame, &links);
        self.find_doors(frame);
        self.find_sides(frame, &extents);
    }

    /// How far an element reaches, with the space around it.
    fn extent(&self, frame: usize, element: Element) -> Extent {
        let Extent { left, right } = match element {
            // Where a value leaves the frame, its label stands to the right of the lane, outside.
            Element::Lane(value) if self.nets[frame][&value].exits => {
                Extent { left: 0.0, right: ASIDE + label_width(&self.outline.nodes[value]) }
            }
            Element::Lane(_) => Extent::default(),
            Element::Item(item) => match self.outline.frames[frame].items[item] {
                Item::Node(node) => self.sizes.blocks[node].extent,
                Item::Frame(inner) => {
                    let sheet = &self.sheets[inner];
                    let label = |(&value, x): (&usize, &f64)| x + ASIDE + label_width(&self.outline.nodes[value]);
                    let labels = sheet.exits.iter().map(label).fold(sheet.extent.right, f64::max);
                    Extent { left: sheet.extent.left, right: labels }
                }
            },
        };
        Extent { left: left + BETWEEN / 2.0, right: right + BETWEEN / 2.0 }
    }

    /// By row, the pieces of values' ways from it to the next one.
    fn links(&self, frame: usize, rows: &Rows) -> Vec<Vec<Link>> {
        let mut links = vec![Vec::new(); rows.order.len()];
        for (&value, net) in &self.nets[frame] {
            let pull = if self.outline.nodes[value].is_leaf() { Pull::Leaf } else { Pull::Computed };
            for (row, below) in links.iter_mut().enumerate() {
                let Some((upper, out)) = self.upper(frame, rows, value, net, row) else { continue };
                if let Some(lower) = rows.lane(value, row + 1) {
                    below.push(Link { upper, lower, out, into: 0.0, pull });
                }
                for each in net.uses.iter().filter(|each| rows.items[each.item].1 == row + 1) {
                    let (lower, into) = (rows.items[each.item].0, self.entry(frame, each));
                    let alike = self.are_alike(frame, rows.elements[upper], rows.elements[lower]);
                    below.push(Link { upper, lower, out, into, pull: if alike { Pull::Alike } else { pull } });
                }
            }
        }
        links
    }

    /// Whether two elements are frames that hold the same things in the same places.
    fn are_alike(&self, frame: usize, one: Element, other: Element) -> bool {
        let inner = |element: Element| match element {
            Element::Item(item) => match self.outline.frames[frame].items[item] {
                Item::Frame(inner) => Some(&self.sheets[inner]),
                Item::Node(_) => None,
            },
            Element::Lane(_) => None,
        };
        let (Some(one), Some(other)) = (inner(one), inner(other)) else { return false };
        let same = |(a, b): (&f64, &f64)| (a - b).abs() < 0.01;
        one.rows.order == other.rows.order && one.x.iter().zip(&other.x).all(same)
    }

    /// The element of a row in which a value goes down, and where it leaves it.
    fn upper(&self, frame: usize, rows: &Rows, value: usize, net: &Net, row: usize) -> Option<(usize, f64)> {
        match net.from {
            Some(item) if rows.items[item].1 == row => Some((rows.items[item].0, self.exit(frame, item, value))),
            _ => rows.lane(value, row).map(|lane| (lane, 0.0)),
        }
    }

    /// Where a value leaves an item, from the item's zero.
    pub fn exit(&self, frame: usize, item: usize, value: usize) -> f64 {
        match self.outline.frames[frame].items[item] {
            Item::Node(_) => 0.0,
            Item::Frame(inner) => self.sheets[inner].exits[&value],
        }
    }

    /// Where the arrow of a use enters an item, from the item's zero.
    pub fn entry(&self, frame: usize, each: &Use) -> f64 {
        let way = (each.op, each.operand);
        match self.outline.frames[frame].items[each.item] {
            Item::Node(_) => self.ports.get(&way).copied().unwrap_or(0.0),
            Item::Frame(inner) => self.sheets[inner].entries[&way],
        }
    }

    /// Parts of the model that have their rows for themselves get the same left and right ends.
    fn line_up(&mut self, frame: usize) {
        let Sheet { rows, x, .. } = &self.sheets[frame];
        let inner = |row: &Vec<usize>| match (row.as_slice(), rows.elements[row[0]]) {
            (&[element], Element::Item(item)) => match self.outline.frames[frame].items[item] {
                Item::Frame(inner) => Some((inner, x[element])),
                Item::Node(_) => None,
            },
            _ => None,
        };
        let alone: Vec<(usize, f64)> = rows.order.iter().filter_map(inner).collect();
        let ends =
            alone.iter().map(|&(inner, x)| (x - self.sheets[inner].extent.left, x + self.sheets[inner].extent.right));
        let (left, right) = ends.fold((f64::MAX, f64::MIN), |(left, right), (l, r)| (left.min(l), right.max(r)));
        for (inner, x) in alone {
            self.sheets[inner].extent = Extent { left: x - left, right: right - x };
        }
    }

    /// Arrows that come to an op from above arrive in the order in which they come, so that none cross.
    fn find_ports(&mut self, frame: usize) {
        let Sheet { rows, x, .. } = &self.sheets[frame];
        let mut arrivals: BTreeMap<usize, Vec<(f64, usize)>> = BTreeMap::new();
        let mut middles = BTreeMap::new();
        for (&value, net) in &self.nets[frame] {
            for each in &net.uses {
                // What comes into the first row comes from outside, where the order is not known yet.
                let row = rows.items[each.item].1.checked_sub(1);
                let from = row.and_then(|row| self.upper(frame, rows, value, net, row));
                let is_here = self.outline.home(each.op) == Some(frame);
                if is_here || (from.is_some() && self.is_first_below(each.op, frame)) {
                    let from = from.map_or(each.operand as f64, |(element, out)| x[element] + out);
                    arrivals.entry(each.op).or_default().push((from, each.operand));
                    let port = self.ports.get(&(each.op, each.operand)).copied().unwrap_or(0.0);
                    middles.insert(each.op, x[rows.items[each.item].0] + self.entry(frame, each) - port);
                }
            }
        }
        for (op, mut arrivals) in arrivals {
            arrivals.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            // What comes straight from above keeps its way, the others arrive beside it.
            let straight = arrivals.iter().position(|(from, _)| (from - middles[&op]).abs() < 1.0);
            let last = arrivals.len() as f64 - 1.0;
            let fits = |i: &f64| PORT * i.max(last - i) < self.sizes.blocks[op].width / 2.0 - AROUND;
            let middle = straight.map(|i| i as f64).filter(fits).unwrap_or(last / 2.0);
            for (i, (_, operand)) in arrivals.into_iter().enumerate() {
                self.ports.insert((op, operand), (i as f64 - middle) * PORT);
            }
            let mut inner = self.outline.home(op).expect("an op stands in a frame");
            while inner != frame {
                self.find_doors(inner);
                inner = self.outline.frames[inner].parent.expect("the op lies in this frame").0;
            }
        }
    }

    /// Whether an op stands in the first row of its frame, and that in the first of its own, up to this one.
    fn is_first_below(&self, op: usize, frame: usize) -> bool {
        let mut inner = self.outline.home(op).expect("an op stands in a frame");
        while inner != frame {
            if self.sheets[inner].rows.items[self.outline.item_of(op, inner)].1 > 0 {
                return false;
            }
            inner = self.outline.frames[inner].parent.expect("the op lies in this frame").0;
        }
        true
    }

    /// Gives each row its height, and the room below it that labels and bends take.
    fn stack_rows(&mut self, frame: usize, links: &[Vec<Link>]) {
        let Sheet { rows, x, .. } = &self.sheets[frame];
        let above = self.title_above(frame);
        let mut y = PAD + if above && frame > 0 { TITLE } else { 0.0 };
        let (mut bands, mut bends) = (Vec::new(), Vec::new());
        for (row, elements) in rows.order.iter().enumerate() {
            let heights = elements.iter().map(|&element| self.height(frame, rows.elements[element]));
            let bottom = y + heights.fold(0.0, f64::max);
            bands.push([y, bottom]);
            let label = if elements.iter().any(|&e| self.has_label(frame, rows.elements[e])) { LABEL } else { 0.0 };
            let sideways = links[row].iter().map(|link| (x[link.upper] + link.out - x[link.lower] - link.into).abs());
            let sideways = sideways.fold(0.0, f64::max);
            let bend = if sideways <= STRAIGHT { 0.0 } else { (10.0 + 0.06 * sideways).min(36.0) };
            bends.push([bottom + label, bottom + label + bend]);
            y = (bottom + label + bend + HEAD).max(bottom + GAP);
        }
        // Below the last row there is nothing, or the label of a result.
        let last = bands.last().map_or(y, |band| band[1]);
        let result = bends.last().is_some_and(|bend| bend[0] > last);
        let sheet = &mut self.sheets[frame];
        (sheet.bands, sheet.bends) = (bands, bends);
        sheet.height = last + if result { LABEL + HEAD } else { PAD };
    }

    /// Whether the title of a frame stands above its contents: if it holds other frames.
    pub fn title_above(&self, frame: usize) -> bool {
        self.outline.frames[frame].items.iter().any(|item| matches!(item, Item::Frame(_)))
    }

    pub fn height(&self, frame: usize, element: Element) -> f64 {
        match element {
            Element::Lane(_) => 0.0,
            Element::Item(item) => match self.outline.frames[frame].items[item] {
                Item::Node(node) => self.sizes.blocks[node].height,
                Item::Frame(inner) => self.sheets[inner].height,
            },
        }
    }

    /// Whether a label stands below an element: where its value meets a use, or is a result.
    fn has_label(&self, frame: usize, element: Element) -> bool {
        let Element::Item(item) = element else { return false };
        self.nets[frame].values().any(|net| net.from == Some(item) && !net.uses.is_empty())
            || matches!(self.outline.frames[frame].items[item], Item::Node(node) if self.is_result(node))
    }

    /// Whether nothing uses the value of an op.
    pub fn is_result(&self, node: usize) -> bool {
        !self.outline.nodes[node].is_leaf() && self.outline.nodes[node].uses.is_empty()
    }

    /// Where values come in and go out.
    fn find_doors(&mut self, frame: usize) {
        let Sheet { rows, x, .. } = &self.sheets[frame];
        let (mut entries, mut exits) = (BTreeMap::new(), BTreeMap::new());
        for (&value, net) in &self.nets[frame] {
            if net.from.is_none() {
                for each in &net.uses {
                    let (element, row) = rows.items[each.item];
                    let door = match rows.lane(value, 0) {
                        Some(lane) if row > 0 => x[lane],
                        _ => x[element] + self.entry(frame, each),
                    };
                    entries.insert((each.op, each.operand), door);
                }
            }
            if net.exits {
                let last = rows.order.len() - 1;
                let (element, out) = self.upper(frame, rows, value, net, last).expect("it goes on to the last row");
                exits.insert(value, x[element] + out);
            }
        }
        (self.sheets[frame].entries, self.sheets[frame].exits) = (entries, exits);
    }

    /// How far the frame reaches to the left and to the right. The title stands at its left end, beside the
    /// first row or above all, and never under an arrow.
    fn find_sides(&mut self, frame: usize, extents: &[Extent]) {
        let sheet = &self.sheets[frame];
        let ends = |row: &[usize]| {
            let left = row.iter().map(|&e| sheet.x[e] - extents[e].left).fold(f64::MAX, f64::min);
            (left, row.iter().map(|&e| sheet.x[e] + extents[e].right).fold(f64::MIN, f64::max))
        };
        let all = sheet.rows.order.iter().map(|row| ends(row));
        let all = all.reduce(|(left, right), (l, r)| (left.min(l), right.max(r)));
        let (mut left, right) = all.unwrap_or_default();
        if frame > 0 {
            let title = text_width(&self.outline.frames[frame].name, TEXT) * BOLD + AROUND;
            let door = sheet.entries.values().copied().reduce(f64::min).map(|door| door - AROUND);
            let row = (!self.title_above(frame)).then(|| ends(&sheet.rows.order[0]).0);
            let end = [door, row].into_iter().flatten().fold(right - AROUND, f64::min);
            left = left.min(end - title);
        }
        // The frame's zero is in its middle from now on.
        let (half, middle) = ((right - left) / 2.0, f64::midpoint(left, right));
        let sheet = &mut self.sheets[frame];
        let places = sheet.x.iter_mut().chain(sheet.entries.values_mut()).chain(sheet.exits.values_mut());
        places.for_each(|x| *x -= middle);
        sheet.extent = Extent { left: half, right: half };
    }
}
