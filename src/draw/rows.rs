//! In which row of its frame each item stands, in which order, and how far to the right: values flow from
//! row to row down the page, and a value that skips a row passes it in a lane of its own.

use std::collections::BTreeMap;

use super::outline::{Frame, Item, Net, Outline};

/// What stands in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// An item of the frame.
    Item(usize),
    /// A value on its way past the row.
    Lane(usize),
}

/// How far an element reaches to both sides of its own zero.
#[derive(Clone, Copy, Debug, Default)]
pub struct Extent {
    pub left: f64,
    pub right: f64,
}

/// A piece of a value's way, from an element to one in the next row.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    pub upper: usize,
    pub lower: usize,
    /// Where it leaves the upper element and enters the lower one, from their zeros.
    pub out: f64,
    pub into: f64,
    pub pull: Pull,
}

/// What a link does to where its ends stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pull {
    /// A leaf: it makes way for the chain of what is computed.
    Leaf,
    Computed,
    /// Between two frames alike, such as steps in time, which stand one exactly below the other.
    Alike,
}

/// The elements of a frame, row by row.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    pub elements: Vec<Element>,
    /// The elements of each row, from left to right.
    pub order: Vec<Vec<usize>>,
    /// By item, its element and its row.
    pub items: Vec<(usize, usize)>,
    /// By value, the row of its first lane and its lanes.
    pub lanes: BTreeMap<usize, (usize, Vec<usize>)>,
}

impl Rows {
    /// Gives every item its row, and every value its lanes.
    pub fn new(outline: &Outline, frame: &Frame, nets: &BTreeMap<usize, Net>) -> Rows {
        let row = row_of_items(outline, frame, nets);
        let count = row.iter().max().map_or(0, |last| last + 1);
        let elements = (0..frame.items.len()).map(Element::Item).collect();
        let items = row.iter().copied().enumerate().collect();
        let mut rows = Rows { elements, order: vec![Vec::new(); count], items, lanes: BTreeMap::new() };
        for (item, &row) in row.iter().enumerate() {
            rows.order[row].push(item);
        }
        for (&value, net) in nets {
            let first = net.from.map_or(0, |item| row[item] + 1);
            let last = if net.exits { count } else { net.uses.iter().map(|each| row[each.item]).max().unwrap_or(0) };
            let mut lanes = Vec::new();
            for row in &mut rows.order[first.min(last)..last] {
                lanes.push(rows.elements.len());
                row.push(rows.elements.len());
                rows.elements.push(Element::Lane(value));
            }
            rows.lanes.insert(value, (first, lanes));
        }
        rows
    }

    /// The element of a value's lane in a row, if it has one there.
    pub fn lane(&self, value: usize, row: usize) -> Option<usize> {
        let (first, lanes) = &self.lanes[&value];
        lanes.get(row.checked_sub(*first)?).copied()
    }

    /// Orders each row and finds all x, by going up and down the rows: an element goes where those that it
    /// is joined to are, as far as its neighbours let it. Keeps the arrangement with the fewest crossings,
    /// and the straightest of those. Given an arrangement, it keeps the order and makes it straighter.
    pub fn arrange(&mut self, extents: &[Extent], links: &[Vec<Link>], given: Option<&[f64]>) -> Vec<f64> {
        const SWEEPS: usize = 24;
        let mut by_element = vec![[Vec::new(), Vec::new()]; self.elements.len()];
        for link in links.iter().flatten() {
            by_element[link.lower][0].push(*link);
            by_element[link.upper][1].push(*link);
        }
        let mut x = given.map_or_else(|| vec![0.0; self.elements.len()], <[f64]>::to_vec);
        if given.is_none() {
            self.order.iter().for_each(|row| settle(row, extents, |_| (0.0, 1.0), &mut x));
        }
        let mut best: Option<(f64, Vec<Vec<usize>>, Vec<f64>)> = None;
        for sweep in 0..SWEEPS {
            for step in 0..2 * self.order.len() {
                // Up first, so that the last word is had on the way down, which makes chains straight.
                let (down, row) = match step.checked_sub(self.order.len()) {
                    None => (false, self.order.len() - 1 - step),
                    Some(row) => (true, row),
                };
                let wish = |element: usize, x: &[f64]| self.wish(&by_element[element], element, down, x);
                let mut order = self.order[row].clone();
                if given.is_none() && sweep < SWEEPS / 2 {
                    order.sort_by(|&a, &b| wish(a, &x).0.total_cmp(&wish(b, &x).0));
                }
                let wishes: BTreeMap<usize, (f64, f64)> = order.iter().map(|&e| (e, wish(e, &x))).collect();
                settle(&order, extents, |element| wishes[&element], &mut x);
                self.order[row] = order;
            }
            let cost = cost(links, &x);
            if best.as_ref().is_none_or(|(least, ..)| cost < *least) {
                best = Some((cost, self.order.clone(), x.clone()));
            }
        }
        let (_, order, x) = best.expect("there was a sweep");
        self.order = order;
        x
    }

    /// Where an element would be if it had its way, and how much that matters.
    fn wish(&self, [above, below]: &[Vec<Link>; 2], element: usize, down: bool, x: &[f64]) -> (f64, f64) {
        let weight = if matches!(self.elements[element], Element::Item(_)) { 2.0 } else { 1.0 };
        let under = |link: &Link| x[link.upper] + if link.pull == Pull::Alike { 0.0 } else { link.out - link.into };
        let over = |link: &Link| x[link.lower] + if link.pull == Pull::Alike { 0.0 } else { link.into - link.out };
        let (under, over) = (mean(above, under), mean(below, over));
        let (first, second) = if down { (under, over) } else { (over, under) };
        match (first, second) {
            (Some(at), _) => (at, weight),
            (None, Some(at)) => (at, 0.3),
            (None, None) => (x[element], 0.01),
        }
    }
}

/// The mean over the links with the strongest pull.
fn mean(links: &[Link], place: impl Fn(&Link) -> f64) -> Option<f64> {
    let strongest = links.iter().map(|link| link.pull).max()?;
    let places = || links.iter().filter(|link| link.pull == strongest).map(&place);
    Some(places().sum::<f64>() / places().count() as f64)
}

/// Crossings, and a little for every bend.
fn cost(links: &[Vec<Link>], x: &[f64]) -> f64 {
    let mut cost = 0.0;
    for gap in links {
        let ends: Vec<[f64; 2]> =
            gap.iter().map(|link| [x[link.upper] + link.out, x[link.lower] + link.into]).collect();
        for (i, [from, to]) in ends.iter().enumerate() {
            cost += (from - to).abs() * 1e-3;
            cost += ends[..i].iter().filter(|[a, b]| (a - from) * (b - to) < 0.0).count() as f64;
        }
    }
    cost
}

/// The row of each item: below all those whose values it uses. What starts a chain of its own stands as
/// low as it can, next to its use, and so does a leaf.
fn row_of_items(outline: &Outline, frame: &Frame, nets: &BTreeMap<usize, Net>) -> Vec<usize> {
    let is_leaf = |item: usize| match frame.items[item] {
        Item::Node(node) => outline.nodes[node].is_leaf(),
        Item::Frame(_) => false,
    };
    let count = frame.items.len();
    let (mut sources, mut users) = (vec![Vec::new(); count], vec![Vec::new(); count]);
    let mut fed = vec![false; count];
    for net in nets.values() {
        for user in net.uses.iter().map(|each| each.item) {
            match net.from {
                Some(from) => {
                    sources[user].push(from);
                    users[from].push(user);
                }
                None => fed[user] = true,
            }
        }
    }
    let computed = (0..count).filter(|&item| !is_leaf(item));
    let mut row = vec![0_usize; count];
    for item in computed.clone() {
        let from = sources[item].iter().copied().filter(|&from| !is_leaf(from));
        fed[item] |= from.clone().any(|from| fed[from]);
        row[item] = from.map(|from| row[from] + 1).max().unwrap_or(0);
    }
    for item in computed.rev().filter(|&item| !fed[item]) {
        row[item] = users[item].iter().map(|&user| row[user] - 1).min().unwrap_or(row[item]);
    }
    // A leaf above the first row makes it the second.
    let shift = usize::from((0..count).any(|item| is_leaf(item) && users[item].iter().any(|&user| row[user] == 0)));
    for row in &mut row {
        *row += shift;
    }
    for item in (0..count).filter(|&item| is_leaf(item)) {
        row[item] = users[item].iter().map(|&user| row[user] - 1).min().unwrap_or(0);
    }
    row
}

/// Places the elements of a row in this order, each as near as it can be to where it wishes to be: the
/// least sum of weighted distances, found by pooling neighbours that would overlap.
fn settle(order: &[usize], extents: &[Extent], wish: impl Fn(usize) -> (f64, f64), x: &mut [f64]) {
    // From here on the elements could stand one on another: what lies left of each is taken off.
    let mut offsets = Vec::with_capacity(order.len());
    let mut offset = 0.0;
    for (i, &element) in order.iter().enumerate() {
        if i > 0 {
            offset += extents[order[i - 1]].right + extents[element].left;
        }
        offsets.push(offset);
    }
    let mut pools: Vec<(f64, Vec<(f64, f64)>)> = Vec::new();
    for (&element, offset) in order.iter().zip(&offsets) {
        let (at, weight) = wish(element);
        let (mut at, mut pool) = (at - offset, vec![(at - offset, weight)]);
        while let Some((_, left)) = pools.pop_if(|(left, _)| *left > at) {
            pool.extend(left);
            at = median(&mut pool);
        }
        pools.push((at, pool));
    }
    let places = pools.iter().flat_map(|(at, pool)| std::iter::repeat_n(*at, pool.len()));
    for ((&element, offset), at) in order.iter().zip(&offsets).zip(places) {
        x[element] = at + offset;
    }
}

/// The weighted median; the middle, where any number between two would do.
fn median(numbers: &mut [(f64, f64)]) -> f64 {
    numbers.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = numbers.iter().map(|(_, weight)| weight).sum::<f64>() / 2.0;
    let mut below = 0.0;
    for (i, &(number, weight)) in numbers.iter().enumerate() {
        below += weight;
        if (below - half).abs() < 1e-9 {
            return f64::midpoint(number, numbers[i + 1].0);
        }
        if below > half {
            return number;
        }
    }
    unreachable!("the weights add up to more than half of them")
}
