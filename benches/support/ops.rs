//! The ops that are measured and counted: each a step of its own, forward and backward.

use rand::RngExt;
use rand::rngs::StdRng;
use tandem::autograd::{Conv, Params, Shape, Tape, Tensor, Var, Window};

use super::{numbers, rng};

/// How an op is called on its operands.
type Call = for<'t> fn(&[Var<'t>]) -> Var<'t>;

/// What an operand holds, with its shape.
#[derive(Clone, Copy)]
enum Operand {
    Numbers(&'static [usize]),
    /// Whole numbers below this one, as labels and indices are given.
    Classes(&'static [usize], u16),
}

use Operand::{Classes, Numbers};

impl Operand {
    fn draw(self) -> Tensor {
        match self {
            Numbers(shape) => numbers(Shape::from(shape), &mut rng()),
            Classes(shape, n) => classes(shape, n),
        }
    }
}

const GRID: Operand = Numbers(&[256, 1024]);
const IMAGE: Operand = Numbers(&[32, 32, 32, 32]);

/// Every op: its name, its operands, and how it is called on them.
const OPS: [(&str, &[Operand], Call); 21] = [
    ("relu", &[GRID], |x| x[0].clone().relu()),
    ("tanh", &[GRID], |x| x[0].clone().tanh()),
    ("exp", &[GRID], |x| x[0].clone().exp()),
    ("gelu", &[GRID], |x| x[0].clone().gelu()),
    ("sum", &[GRID], |x| x[0].clone().sum()),
    ("sum-of-rows", &[GRID], |x| x[0].clone().sum_axes(&[0])),
    ("softmax", &[GRID], |x| x[0].clone().softmax()),
    ("transpose", &[GRID], |x| x[0].clone().transpose()),
    ("add", &[GRID, GRID], |x| &x[0] + &x[1]),
    ("multiply", &[GRID, GRID], |x| &x[0] * &x[1]),
    ("add-a-row", &[GRID, Numbers(&[1024])], |x| &x[0] + &x[1]),
    ("cross-entropy", &[GRID, Classes(&[256], 1024)], |x| x[0].clone().cross_entropy(x[1].clone().detach())),
    ("embedding", &[Numbers(&[10_000, 64]), Classes(&[2048], 10_000)], |x| {
        x[0].clone().embedding(x[1].clone().detach())
    }),
    ("max-pool", &[IMAGE], |x| x[0].clone().max_pool(Window::square(2))),
    ("avg-pool", &[IMAGE], |x| x[0].clone().avg_pool(Window::square(2))),
    ("conv-3x3", &[IMAGE, Numbers(&[3, 3, 32, 32])], |x| {
        x[0].clone().conv(x[1].clone(), Conv { pad: [1, 1], ..Conv::default() })
    }),
    ("matmul-64x784x256", &[Numbers(&[64, 784]), Numbers(&[784, 256])], matmul),
    ("matmul-32x128x128", &[Numbers(&[32, 128]), Numbers(&[128, 128])], matmul),
    ("matmul-4x4x4", &[Numbers(&[4, 4]), Numbers(&[4, 4])], matmul),
    ("matmul-256x256x256", &[Numbers(&[256, 256]), Numbers(&[256, 256])], matmul),
    ("matmul-1024x1024x1024", &[Numbers(&[1024, 1024]), Numbers(&[1024, 1024])], matmul),
];

fn matmul<'t>(x: &[Var<'t>]) -> Var<'t> {
    x[0].clone().matmul(x[1].clone())
}

/// The names of all ops.
pub fn names() -> impl Iterator<Item = &'static str> {
    OPS.into_iter().map(|(name, ..)| name)
}

/// An op with its operands, and the cotangent of its result.
pub struct Case {
    params: Params,
    operands: Vec<Tensor>,
    cotangent: Tensor,
    call: Call,
}

impl Case {
    /// The op of this name, if there is one.
    pub fn new(name: &str) -> Option<Case> {
        let (_, operands, call) = OPS.into_iter().find(|(other, ..)| *other == name)?;
        let (params, operands) = (Params::new(), operands.iter().map(|operand| operand.draw()).collect::<Vec<_>>());
        let shape = {
            let tape = Tape::without_gradients(&params);
            call(&operands.iter().map(|x| tape.constant(x.clone())).collect::<Vec<_>>()).shape()
        };
        Some(Case { params, operands, cotangent: Tensor::full(shape, 0.5), call })
    }

    /// Numbers of the largest operand, the result included.
    pub fn elements(&self) -> usize {
        self.operands.iter().map(Tensor::len).fold(self.cotangent.len(), usize::max)
    }

    /// Records the op, and sweeps back to the gradients of all its operands.
    pub fn step(&self) {
        let tape = Tape::new(&self.params);
        // An array of the first and the last, which may be the same, asks the system for nothing.
        let operands = [0, self.operands.len() - 1].map(|i| tape.input(self.operands[i].clone()));
        std::hint::black_box((self.call)(&operands).backward_with(self.cotangent.clone()));
    }
}

/// Whole numbers below `n`, as labels and indices are given.
pub fn classes(shape: &[usize], n: u16) -> Tensor {
    let (shape, mut rng): (Shape, StdRng) = (Shape::from(shape), rng());
    Tensor::new(shape, (0..shape.len()).map(|_| rng.random_range(0..n).into()).collect())
}
