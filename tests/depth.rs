//! Neither a sweep nor the end of a tape recurses: tapes far longer than the stack is deep.

use std::thread;

use tandem::autograd::{Params, Tape, Tensor, Var};

/// Runs `body` on a stack of 2 MiB, which a recursion over 200,000 nodes would overflow.
fn on_a_small_stack(body: impl FnOnce() + Send + 'static) {
    thread::Builder::new().stack_size(2 << 20).spawn(body).unwrap().join().unwrap();
}

/// w · w · … · w, with `n` products, from a constant 1.
fn power<'t>(w: &Var<'t, f64>, n: usize) -> Var<'t, f64> {
    (0..n).fold(w.constant(Tensor::full(w.shape(), 1.0)), |product, _| product * w)
}

#[test]
fn two_hundred_thousand_tensors_deep() {
    const N: usize = 200_000;
    on_a_small_stack(|| {
        let mut params = Params::new();
        let w = params.add("w", Tensor::full([2], 1.0));
        let tape = Tape::new(&params);
        let y = power(&tape.param(w), N).sum();
        assert_eq!(tape.len(), 1 + N + 1);
        // At w = 1, dwⁿ/dw = n and d²wⁿ/dw² = n(n − 1), both exact in `f64`.
        let [g] = tape.grad(&y, [&tape.param(w)]);
        assert_eq!(g.value().data(), [N as f64; 2]);
        // The sweep recorded itself, so the other one has a tape several times as long.
        assert!(tape.len() > 3 * N);
        let gradients = g.sum().backward();
        assert_eq!(gradients.of(&params, w).unwrap().data(), [(N * (N - 1)) as f64; 2]);
        // A tape that was never swept, whose end frees all residuals.
        let unswept = Tape::new(&params);
        power(&unswept.param(w), N);
        drop(unswept);
    });
}

#[test]
fn a_million_numbers_deep() {
    const N: usize = 1_000_000;
    on_a_small_stack(|| {
        let mut params = Params::new();
        let w = params.add("w", Tensor::scalar(0.5));
        let tape = Tape::new(&params);
        // y = n · w, term by term: dy/dw = n at any w.
        let y = (0..N).fold(tape.input(0.0), |y, _| y + tape.param(w));
        assert_eq!((y.item(), tape.len()), (0.5 * N as f64, N + 2));
        let [g] = tape.grad(&y, [&tape.param(w)]);
        assert_eq!(g.item(), N as f64);
        assert_eq!(y.backward().of(&params, w).unwrap().item(), N as f64);
    });
}
