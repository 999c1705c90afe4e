//! Chapter 4: ops as matrices, each beside its rule.

use tandem::autograd::{Conv, Params, Tape, Tensor, Var};

use crate::Figure;
use crate::support::svg::{MARGIN, Page, Rules, rect, text};

/// A linear op of `from` numbers, what it is, and what its rule is.
struct Pair {
    name: &'static str,
    rule: &'static str,
    shape: &'static [usize],
    op: for<'t> fn(Var<'t, f64>) -> Var<'t, f64>,
}

const PAIRS: [Pair; 4] = [
    Pair { name: "broadcast", rule: "sum", shape: &[3], op: |x| x.broadcast_to([2, 3]) },
    Pair { name: "gather 2, 0, 2", rule: "scatter-add", shape: &[4, 1], op: read },
    Pair { name: "slice", rule: "pad", shape: &[5], op: |x| x.slice(0, 1, 3) },
    Pair { name: "unfold", rule: "fold", shape: &[1, 1, 4, 1], op: |x| x.unfold(Conv::default(), [1, 2]) },
];

fn read(x: Var<'_, f64>) -> Var<'_, f64> {
    let index = x.constant(Tensor::new([3], vec![2., 0., 2.]));
    x.embedding(index)
}

pub fn figures() -> Vec<Figure> {
    let subtitle = "a square: a number of the result that takes in a number of the operand; made by the tape, from unit \
                    vectors and unit cotangents";
    let mut page = Page::new(640.0, "Each rule is the matrix of its op, transposed", subtitle);
    let top = page.bottom() + 26.0;
    for (i, pair) in PAIRS.iter().enumerate() {
        let (left, top) = (MARGIN + (i % 2) as f64 * 310.0, top + (i / 2) as f64 * 160.0);
        for (name, matrix, left) in [(pair.name, pair.forward(), left), (pair.rule, pair.backward(), left + 140.0)] {
            page.drawing().push(text("strong", "start", left, top, name));
            draw(&mut page, &matrix, [left, top + 12.0]);
        }
    }
    let rules = Rules { both: ".one{fill:#3f78c5} .zero{fill:none;stroke-width:1}".into(), ..Rules::default() };
    vec![("ch04_adjoints", page.finish(top + 300.0, &rules))]
}

impl Pair {
    /// By row and column: what the op makes of each unit vector.
    fn forward(&self) -> Vec<Vec<f64>> {
        let columns = units(self.shape).map(|unit| {
            let params = Params::new();
            let tape = Tape::new(&params);
            (self.op)(tape.constant(unit)).value().data().to_vec()
        });
        let columns: Vec<_> = columns.collect();
        (0..columns[0].len()).map(|row| columns.iter().map(|column| column[row]).collect()).collect()
    }

    /// By row and column: what the rule makes of each unit cotangent.
    fn backward(&self) -> Vec<Vec<f64>> {
        let params = Params::new();
        let tape = Tape::new(&params);
        let x = tape.input(Tensor::zeros(self.shape));
        let z = (self.op)(x.clone());
        let shape = z.shape().to_vec();
        let columns = units(&shape).map(|unit| {
            let found = tape.grad_with(&[(&z, &tape.constant(unit))], &[&x]);
            found[0].value().data().to_vec()
        });
        let columns: Vec<_> = columns.collect();
        (0..columns[0].len()).map(|row| columns.iter().map(|column| column[row]).collect()).collect()
    }
}

fn units(shape: &[usize]) -> impl Iterator<Item = Tensor<f64>> {
    let count = shape.iter().product();
    (0..count).map(move |i| Tensor::new(shape, (0..count).map(|j| f64::from(u8::from(i == j))).collect()))
}

fn draw(page: &mut Page, matrix: &[Vec<f64>], [left, top]: [f64; 2]) {
    const SIDE: f64 = 18.0;
    for (i, row) in matrix.iter().enumerate() {
        for (j, &number) in row.iter().enumerate() {
            let corner = [left + SIDE * j as f64, top + SIDE * i as f64];
            page.drawing().push(rect("zero ink", corner, [SIDE, SIDE]));
            if number != 0.0 {
                page.drawing().push(rect("one", [corner[0] + 2.0, corner[1] + 2.0], [SIDE - 4.0, SIDE - 4.0]));
            }
        }
    }
}
