//! Chapter 6: names, and the slots that they point to.

use crate::Figure;
use crate::support::svg::{Element, Page, Rules, rect, text};
use tandem::autograd::{Params, Tensor};

const WIDTH: f64 = 560.0;
const ROW: f64 = 46.0;
const BOX: [f64; 2] = [150.0, 30.0];
/// The left edges of names and of slots.
const COLUMNS: [f64; 2] = [40.0, 360.0];

pub fn figures() -> Vec<Figure> {
    let mut params = Params::<f32>::new();
    let names = [("a.weight", 6), ("a.bias", 2), ("b.weight", 6), ("b.bias", 2)];
    let ids = names.map(|(name, len)| params.add(name, Tensor::zeros([len])));
    params.tie(ids[2], ids[0]).expect("both have six numbers");
    vec![("ch06_slots", picture(&params))]
}

fn picture(params: &Params<f32>) -> String {
    let subtitle = format!(
        "{} names, {} slots, {} numbers stored; a tie is two arrows to one slot",
        params.names().count(),
        params.slots().count(),
        params.numel()
    );
    let mut page = Page::new(WIDTH, "Names point to slots", &subtitle);
    let top = page.bottom() + 44.0;
    let slots: Vec<_> = params.slots().collect();
    let middle = |row: usize| top + ROW * row as f64 + BOX[1] / 2.0;
    for (column, heading) in COLUMNS.into_iter().zip(["names", "slots: the unique set"]) {
        page.drawing().push(text("note", "start", column, top - 12.0, heading));
    }
    for (row, (id, name)) in params.names().enumerate() {
        let to = slots.iter().position(|&slot| slot == params.slot(id)).expect("a name has a slot");
        let class = if params.is_shared(id) { "shared" } else { "own" };
        page.drawing().push(arrow(class, COLUMNS[0] + BOX[0], middle(row), COLUMNS[1], middle(to)));
        page.drawing().push(rect(class, [COLUMNS[0], middle(row) - BOX[1] / 2.0], BOX).at(&[("rx", 15.0)]));
        page.drawing().push(text("", "middle", COLUMNS[0] + BOX[0] / 2.0, middle(row) + 4.5, name));
    }
    for (row, &slot) in slots.iter().enumerate() {
        let shared = params.names_of(slot).count() > 1;
        let content = format!("slot {}: {} numbers", slot.index(), params.value(slot).len());
        let class = if shared { "shared" } else { "own" };
        page.drawing().push(rect(class, [COLUMNS[1], middle(row) - BOX[1] / 2.0], BOX).at(&[("rx", 3.0)]));
        page.drawing().push(text("", "middle", COLUMNS[1] + BOX[0] / 2.0, middle(row) + 4.5, &content));
    }
    let rules = Rules {
        both: "rect.own,rect.shared,path{fill:none;stroke-width:1.5px} rect.shared,path.shared{stroke-width:2.5px}"
            .into(),
        light: ".own{stroke:#6b7077} .shared{stroke:#b5610b}".into(),
        dark: ".own{stroke:#9aa0a8} .shared{stroke:#f0a04b}".into(),
    };
    page.finish(top + ROW * params.names().count() as f64 + 6.0, &rules)
}

/// A curve from a name to its slot, with a head.
fn arrow(class: &str, x1: f64, y1: f64, x2: f64, y2: f64) -> Element {
    let half = f64::midpoint(x1, x2);
    let head = format!("M{},{} L{x2},{y2} L{},{}", x2 - 9.0, y2 - 5.0, x2 - 9.0, y2 + 5.0);
    let path = format!("M{x1},{y1} C{half},{y1} {half},{y2} {x2},{y2} {head}");
    Element::new("path").class(class).set("d", &path)
}
