//! Every method of a variable: it records at the line that calls it, says at that line that a tape is spent,
//! and decides nothing by values, so that a dry run does the same.

use std::panic::Location;

use rand::SeedableRng;
use rand::rngs::StdRng;
use tandem::autograd::{Conv, Float, Params, Shape, Tape, Tensor, Var, Window, dry_run};

use crate::panic_of;

/// One call of a method, of a variable of this shape.
struct Call<T: Float> {
    at: &'static Location<'static>,
    shape: &'static [usize],
    method: for<'t> fn(Var<'t, T>) -> Var<'t, T>,
}

#[track_caller]
fn call<T: Float>(shape: &'static [usize], method: for<'t> fn(Var<'t, T>) -> Var<'t, T>) -> Call<T> {
    Call { at: Location::caller(), shape, method }
}

/// A constant vector.
fn row<'t, T: Float>(of: &Var<'t, T>, numbers: &[f64]) -> Var<'t, T> {
    of.constant(Tensor::new([numbers.len()], numbers.iter().map(|&x| T::from_f64(x)).collect()))
}

/// Constants without a pattern.
fn some<'t, T: Float>(of: &Var<'t, T>, shape: &[usize]) -> Var<'t, T> {
    of.constant(numbers(shape))
}

fn numbers<T: Float>(shape: &[usize]) -> Tensor<T> {
    let count = Shape::from(shape).len();
    Tensor::new(shape, (0..count).map(|i| T::from_f64((1.0 + 1.7 * i as f64).sin())).collect())
}

#[rustfmt::skip] // Each call on one line.
fn calls<T: Float>() -> Vec<Call<T>> {
    vec![
        // Arithmetic, in all ways of writing it.
        call(&[2, 3], |x| &x + &x),
        call(&[2, 3], |x| &x - x.clone()),
        call(&[2, 3], |x| x.clone() * &x),
        call(&[2, 3], |x| x.clone() / x),
        call(&[2, 3], |x| (1.0 + &x) * 2.0),
        call(&[2, 3], |x| (1.0 - &x) / 2.0 - 1.0),
        call(&[2, 3], |x| 2.0 / &x),
        call(&[2, 3], |x| -&x),
        call(&[2, 3], |x| -x),
        // Of each number.
        call(&[2, 3], |x| x.powf(3.0)),
        call(&[2, 3], |x| x.square().sqrt()),
        call(&[2, 3], |x| x.exp().ln()),
        call(&[2, 3], |x| x.tanh().sigmoid()),
        call(&[2, 3], |x| x.erf()),
        call(&[2, 3], |x| x.relu()),
        call(&[2, 3], |x| x.softplus()),
        call(&[1, 2, 1, 2, 1, 2], |x| x.softplus()),
        call(&[], |x| x.softplus()),
        call(&[2, 3], |x| x.gelu()),
        call(&[2, 3], |x| x.silu()),
        call(&[2, 3], |x| x.leaky_relu(0.1)),
        call(&[2, 3], |x| x.abs()),
        call(&[2, 3], |x| x.sign()),
        call(&[2, 3], |x| x.clamp(-0.5, 0.5)),
        call(&[2, 3], |x| x.dropout(0.5, &mut StdRng::seed_from_u64(0))),
        // Of two.
        call(&[2, 3], |x| x.greater(0.1)),
        call(&[2, 3], |x| x.less(some(&x, &[3]))),
        call(&[2, 3], |x| x.equal(&x)),
        call(&[2, 3], |x| { let y = some(&x, &[3]); x.maximum(y) }),
        call(&[2, 3], |x| x.minimum(0.0)),
        call(&[2, 3], |x| x.greater(0.0).choose(&x, 0.5)),
        call(&[], |x| x.greater(0.0).choose(&x, 0.5)),
        call(&[2, 3], |x| { let y = some(&x, &[3, 4]); x.matmul(y) }),
        call(&[5, 2, 3], |x| { let y = some(&x, &[3, 4]); x.matmul(y) }),
        call(&[2, 3], |x| { let y = some(&x, &[4, 3]); x.matmul_transposed(y) }),
        call(&[5, 2, 3], |x| { let y = some(&x, &[4, 3]); x.matmul_transposed(y) }),
        // Over axes.
        call(&[2, 3], |x| x.sum()),
        call(&[2, 3], |x| x.mean()),
        call(&[2, 3], |x| x.sum_to([3])),
        call(&[3], |x| x.broadcast_to([2, 3])),
        call(&[2, 3], |x| x.sum_axes(&[0])),
        call(&[2, 3], |x| x.mean_axes(&[1])),
        call(&[2, 3], |x| x.variance_axes(&[1])),
        call(&[2, 3], |x| x.norm_axes(&[0, 1])),
        call(&[2, 3], |x| x.max_axes(&[0])),
        call(&[0, 3], |x| x.max_axes(&[1])),
        call(&[2, 3], |x| x.min_axes(&[1])),
        call(&[2, 3], |x| x.arg_max()),
        call(&[2, 3], |x| x.log_sum_exp(&[1])),
        call(&[2, 3], |x| x.log_sum_exp_composed(&[1])),
        call(&[2, 3], |x| x.softmax()),
        call(&[2, 3], |x| x.log_softmax()),
        call(&[2, 3], |x| { let y = row(&x, &[2.0, 0.0]); x.cross_entropy(y) }),
        // By index.
        call(&[2, 3], |x| { let y = row(&x, &[2.0, 0.0]).reshape([1, 2]); x.transpose().gather(0, y) }),
        call(&[2, 3], |x| { let y = row(&x, &[4.0, 0.0]).reshape([2, 1]); x.scatter_add(0, y, 5) }),
        call(&[2, 3], |x| { let y = row(&x, &[1.0, 0.0, 1.0]); x.embedding(y) }),
        call(&[2, 3], |x| { let y = row(&x, &[2.0, 0.0]); x.pick(y) }),
        call(&[2], |x| row(&x, &[2.0, 0.0]).one_hot(3) * x.reshape([2, 1])),
        // Layouts.
        call(&[2, 3], |x| x.reshape([6])),
        call(&[2, 3, 2], |x| x.flatten()),
        call(&[2, 3], |x| x.permute(&[1, 0])),
        call(&[2, 3], |x| x.transpose()),
        call(&[2, 3], |x| x.slice(1, 1, 2)),
        call(&[2, 3], |x| x.pad(0, 1, 2)),
        call(&[2, 3], |x| Var::concat(1, [x.clone(), x])),
        call(&[2, 3], |x| Var::stack(1, [x.clone(), x])),
        call(&[2, 3], |x| { let [a, _, b] = x.split(1, [1, 1, 1]); a * b }),
        // Images.
        call(&[1, 5, 5, 2], |x| { let k = some(&x, &[3, 3, 2, 4]); x.conv(k, Conv::default()) }),
        call(&[1, 3, 3, 4], |x| { let k = some(&x, &[3, 3, 2, 4]); x.conv_transpose(k, Conv::default(), [5, 5]) }),
        call(&[1, 5, 2], |x| { let k = some(&x, &[3, 2, 4]); x.conv1d(k, Conv::default()) }),
        call(&[1, 5, 5, 2], |x| x.unfold(Conv::default(), [2, 2])),
        call(&[1, 4, 4, 2, 2, 2], |x| x.fold(Conv::default(), [5, 5])),
        call(&[1, 4, 4, 2], |x| x.max_pool(Window::square(2))),
        call(&[1, 4, 4, 2], |x| x.sum_pool(Window::square(2))),
        call(&[1, 4, 4, 2], |x| x.avg_pool(Window::square(2))),
    ]
}

/// The lines at which nodes were recorded, from this one on.
fn lines<T: Float>(tape: &Tape<'_, T>, from: usize) -> Vec<String> {
    format!("{tape:?}").lines().skip(from).map(|line| line.rsplit_once(" at ").unwrap().1.into()).collect()
}

#[track_caller]
fn assert_recorded_at<T: Float>(tape: &Tape<'_, T>, from: usize, at: &Location) {
    let expected = format!("{}:{}:", at.file(), at.line());
    let strays: Vec<_> = lines(tape, from).into_iter().filter(|line| !line.starts_with(&expected)).collect();
    assert!(strays.is_empty(), "recorded at {strays:?} instead of {at}");
}

/// What this records must be recorded at the line of this call.
#[track_caller]
pub(crate) fn recorded_here<T: Float, R>(tape: &Tape<'_, T>, record: impl FnOnce() -> R) {
    let from = tape.len();
    record();
    assert!(tape.len() > from, "nothing was recorded");
    assert_recorded_at(tape, from, Location::caller());
}

#[test]
fn methods_record_and_complain_at_the_line_that_calls_them() {
    for Call { at, shape, method } in calls::<f64>() {
        let params = Params::new();
        let tape = Tape::new(&params);
        let x = tape.input(numbers(shape));
        let z = method(x.clone());
        assert_recorded_at(&tape, 1, at);
        if z.is_recorded() {
            z.sum().backward();
            let (message, (file, line)) = panic_of(|| method(x));
            assert!(message.contains(": this tape is spent"), "{message}");
            assert_eq!((&*file, line), (at.file(), at.line()), "{message}");
        }
    }
}

/// The ops that a call and its gradient record, and the shapes of both.
fn trace<T: Float>(Call { shape, method, .. }: &Call<T>) -> (Vec<&'static str>, Shape, Shape) {
    let params = Params::new();
    let tape = Tape::new(&params);
    let x = tape.input(numbers(shape));
    let z = method(x.clone());
    let [g] = tape.grad(&z, [&x]);
    let shapes = (z.shape(), g.shape());
    let ops = tape.recorded();
    if z.is_recorded() {
        z.sum().backward();
    }
    (ops, shapes.0, shapes.1)
}

#[test]
fn a_dry_run_does_the_same() {
    for (wet, dry) in calls::<f64>().iter().zip(&calls::<f32>()) {
        assert_eq!(trace(wet), dry_run::<f32, _>(|_| trace(dry)), "{}", wet.at);
    }
}
