//! On the tape and fused, a penalty is the same.

use tandem::autograd::{Float, Gradients, Params, Tape, Tensor, Var, kernels};
use tandem::tying::{
    Anchor, Coupling, GroupLasso, Groups, Huber, L1, ModelGraph, Pairing, Pass, Penalty, SquaredL2, Strength, rows,
};

use super::{models, names, noise, pair};

/// Σ (√(1 + d²) − 1), with both forms.
#[derive(Clone, Copy, Debug)]
struct PseudoHuber;

impl<T: Float> Penalty<T> for PseudoHuber {
    fn terms<'t>(&self, d: Var<'t, T>) -> Var<'t, T> {
        (d.square() + 1.0).sqrt() - 1.0
    }

    fn each_number(&self) -> bool {
        true
    }

    fn fused(&self, pass: &mut Pass<'_, T>) {
        pass.each(|d| {
            let root = (T::ONE + d * d).sqrt();
            (root - T::ONE, d / root)
        });
    }
}

/// (Σ d²)², which is no sum over numbers, on the tape alone.
#[derive(Clone, Copy, Debug)]
struct FourthPower;

impl<T: Float> Penalty<T> for FourthPower {
    fn terms<'t>(&self, d: Var<'t, T>) -> Var<'t, T> {
        d.square().sum().square()
    }
}

/// What is coupled to what.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Held {
    Plain,
    PairWeight,
    NumberWeights,
    Zero,
    Here,
    OtherStore,
    WeightedAnchor,
    Rows,
    RowsOfOne,
    OverlappingRows,
    TiedNames,
    Frozen([bool; 2]),
    Related,
    RelatedRowsOfOneFrozenScale,
    Chain,
}

const ALL: [Held; 17] = [
    Held::Plain,
    Held::PairWeight,
    Held::NumberWeights,
    Held::Zero,
    Held::Here,
    Held::OtherStore,
    Held::WeightedAnchor,
    Held::Rows,
    Held::RowsOfOne,
    Held::OverlappingRows,
    Held::TiedNames,
    Held::Frozen([true, false]),
    Held::Frozen([false, true]),
    Held::Frozen([true, true]),
    Held::Related,
    Held::RelatedRowsOfOneFrozenScale,
    Held::Chain,
];

/// Three models and a coupling; `None` where there is none of that kind.
fn setting<P: Penalty<f64> + Copy + 'static>(
    penalty: P,
    held: Held,
    shape: &[usize],
) -> Option<(Params<f64>, Coupling<f64>)> {
    let (n, strength) = (shape.iter().product(), Strength::Coupled(0.3));
    let mut params = models(shape, (0..3).map(|i| noise(i, n)));
    params.add("elsewhere", Tensor::scalar(1.0));
    let ids = ["0.w", "1.w", "2.w"].map(|name| params.find(name).unwrap());
    let first = shape.first().copied().unwrap_or(0);
    let list = |params: &mut Params<f64>, first, second| {
        let pairing = Pairing::list(params, [(first, second)]).unwrap();
        Coupling::with(params, pairing, penalty, strength).unwrap()
    };
    let toward = |params: &Params<f64>, anchor| Coupling::toward(params, anchor, penalty, strength).unwrap();
    let each = |seed| Tensor::new(shape, noise(seed, n).into_iter().map(f64::abs).collect());
    let coupling = match held {
        Held::Plain => pair(&mut params, penalty, 0.3),
        Held::PairWeight => {
            pair(&mut params, penalty, 0.3).weighted(&params, |_, _| Some(Tensor::scalar(1.7))).unwrap()
        }
        Held::NumberWeights if penalty.each_number() => {
            pair(&mut params, penalty, 0.3).weighted(&params, |_, _| Some(each(9))).unwrap()
        }
        Held::Zero => toward(&params, Anchor::zero(&params, "0").unwrap()),
        Held::Here => {
            let coupling = toward(&params, Anchor::here(&params, "0").unwrap());
            params.set(ids[0], Tensor::new(shape, noise(5, n))).unwrap();
            coupling
        }
        Held::OtherStore => {
            let other = models(shape, [noise(6, n)]);
            toward(&params, Anchor::of(&params, "0", &other, "0").unwrap())
        }
        Held::WeightedAnchor if penalty.each_number() => {
            toward(&params, Anchor::zero(&params, "0").unwrap()).weighted(&params, |_, _| Some(each(9))).unwrap()
        }
        Held::Rows if first >= 3 => list(&mut params, rows("0.w", 1..3), rows("1.w", ..2)),
        Held::RowsOfOne if first >= 4 => {
            // The first side lies behind the second.
            list(&mut params, rows("0.w", first / 2..2 * (first / 2)), rows("0.w", ..first / 2))
        }
        Held::OverlappingRows if first >= 3 => list(&mut params, rows("0.w", 1..3), rows("0.w", ..2)),
        Held::TiedNames => {
            params.tie(ids[1], ids[0]).unwrap();
            let graph = ModelGraph::star("2", ["0", "1"]);
            let pairing = Pairing::over(&params, &graph).unwrap();
            Coupling::with(&mut params, pairing, penalty, strength).unwrap()
        }
        Held::Frozen(frozen) => {
            frozen.iter().zip(ids).for_each(|(&frozen, id)| params.set_trainable(id, !frozen));
            pair(&mut params, penalty, 0.3)
        }
        Held::Related => {
            let coupling = pair(&mut params, penalty, 0.3).affine(&mut params, "relation").unwrap();
            for (leaf, x) in [("scale", -3.7), ("shift", 0.4)] {
                params.set(params.find(&format!("relation.0.w.1.w.{leaf}")).unwrap(), Tensor::scalar(x)).unwrap();
            }
            coupling
        }
        Held::RelatedRowsOfOneFrozenScale if first >= 2 => {
            let coupling = list(&mut params, rows("0.w", ..first / 2), rows("0.w", first / 2..2 * (first / 2)));
            let half = first / 2;
            let name = format!("relation.0.w[0..{half}].0.w[{half}..{}].scale", 2 * half);
            let coupling = coupling.affine(&mut params, "relation").unwrap();
            params.set_trainable(params.find(&name).unwrap(), false);
            coupling
        }
        Held::Chain => {
            let pairing = Pairing::over(&params, &ModelGraph::chain(names(3))).unwrap();
            Coupling::with(&mut params, pairing, penalty, strength).unwrap()
        }
        _ => return None,
    };
    Some((params, coupling))
}

/// A loss on which model `1` does not depend.
fn data<'t>(tape: &'t Tape<'_, f64>) -> Var<'t, f64> {
    let ids = tape.params().names().filter(|(_, name)| !name.starts_with('1')).map(|(id, _)| id);
    ids.map(|id| 0.5 * (tape.param(id) - 0.2).square().sum()).reduce(|sum, term| sum + term).unwrap()
}

/// Penalty and gradients, both ways.
fn on_tape(params: &Params<f64>, coupling: &Coupling<f64>) -> (f64, Gradients<f64>) {
    let tape = Tape::new(params);
    let penalty = coupling.penalty(&tape);
    (penalty.item(), (data(&tape) + penalty).backward())
}

fn fused(params: &Params<f64>, coupling: &Coupling<f64>, threads: usize) -> (f64, Gradients<f64>) {
    kernels::set_threads(threads);
    let mut gradients = data(&Tape::new(params)).backward();
    (coupling.add_gradients(params, &mut gradients), gradients)
}

/// Moves every tensor by its gradient, its largest number by 0.02.
fn descend(params: &mut Params<f64>, gradients: &Gradients<f64>) {
    for (slot, g) in gradients.iter() {
        let rate = 0.02 / largest(g);
        params.update(slot, |w| w.iter_mut().zip(g.data()).for_each(|(w, g)| *w -= rate * g));
    }
}

fn largest(g: &Tensor<f64>) -> f64 {
    g.data().iter().fold(0.0, |largest, g| largest.max(g.abs()))
}

/// The largest differences: of the value, relative; of a gradient, relative to the largest numbers of its tensor, of
/// the data's and the sum, or to the sum of its terms.
fn compare<P: Penalty<f64> + Copy + 'static>(penalty: P, worst: &mut [f64; 2]) {
    for shape in [&[][..], &[1], &[255], &[1, 257], &[51, 5], &[70, 10, 100]] {
        let n: usize = shape.iter().product();
        for held in ALL {
            let Some((mut params, coupling)) = setting(penalty, held, shape) else { continue };
            // The largest takes its time.
            for step in 0..if n > 1_000 { 2 } else { 4 } {
                let context = format!("{penalty:?}, {held:?}, {shape:?}, step {step}");
                let (value, gradients) = on_tape(&params, &coupling);
                let of_data = data(&Tape::new(&params)).backward();
                let [one, two] = [1, 2].map(|threads| fused(&params, &coupling, threads));
                assert_eq!(one.0.to_bits(), two.0.to_bits(), "{context}: one thread and two");
                assert_eq!(one.1.iter().count(), gradients.iter().count(), "{context}");
                assert!(value > 0.0, "{context}: there is nothing to compare");
                let off = (one.0 - value).abs() / value;
                assert!(off <= 4e-15, "{context}: {} for {value}, off by {off:e}", one.0);
                worst[0] = worst[0].max(off);
                for (((slot, g), (_, one)), (_, two)) in gradients.iter().zip(one.1.iter()).zip(two.1.iter()) {
                    assert!(one == two, "{context}: one thread and two");
                    // The derivatives of a relation are sums over all numbers, which cancel: their terms count.
                    let is_sum = params.names_of(slot).any(|(_, name)| name.starts_with("relation"));
                    let terms = n as f64 * gradients.iter().fold(0.0, |all, (_, g)| f64::max(all, largest(g)));
                    let scale = if is_sum { terms } else { largest(g) + of_data.get(slot).map_or(0.0, largest) };
                    for (i, (g, fused)) in g.data().iter().zip(one.data()).enumerate() {
                        let off = (g - fused).abs() / scale;
                        assert!(off <= 4e-15, "{context}, {slot:?} {i}: {fused} for {g}, off by {off:e}");
                        worst[1] = worst[1].max(off);
                    }
                }
                descend(&mut params, &gradients);
            }
        }
    }
}

#[test]
fn tape_and_fused_agree_at_every_step_on_one_thread_and_two() {
    let mut worst = [0.0; 2];
    compare(SquaredL2, &mut worst);
    compare(L1, &mut worst);
    compare(Huber::new(0.4), &mut worst);
    for groups in [Groups::Whole, Groups::Rows, Groups::Filters] {
        compare(GroupLasso { groups }, &mut worst);
    }
    compare(PseudoHuber, &mut worst);
    compare(FourthPower, &mut worst);
    println!("largest relative differences: values {:e}, gradients {:e}", worst[0], worst[1]);
}

/// Where wA = wB, in all numbers or in the first row, nothing moves; the other rows do.
fn at_zero<P: Penalty<f64> + Copy + 'static>(penalty: P) {
    for (shape, equal) in [(&[][..], 1), (&[6], 6), (&[3, 4], 12), (&[3, 4], 4)] {
        let n = shape.iter().product::<usize>();
        let [a, mut b] = [noise(1, n), noise(2, n)];
        b[..equal].copy_from_slice(&a[..equal]);
        let mut params = models(shape, [a, b]);
        let anchor = Anchor::of(&params, "0", &params, "1").unwrap();
        let anchored = Coupling::toward(&params, anchor, penalty, Strength::Coupled(1e6)).unwrap();
        for coupling in [pair(&mut params, penalty, 1e6), anchored] {
            let tape = Tape::new(&params);
            let penalty = coupling.penalty(&tape);
            let value = penalty.item();
            let none = |tape: &Tape<'_, f64>| {
                let zero = |name| 0.0 * tape.param(params.find(name).unwrap()).sum();
                (zero("0.w") + zero("1.w")).backward()
            };
            let mut fused = none(&Tape::new(&params));
            assert!(coupling.add_gradients(&params, &mut fused) == value || equal < n);
            for (way, gradients) in [("tape", penalty.backward()), ("fused", fused)] {
                for (slot, g) in gradients.iter() {
                    let (here, there) = g.data().split_at(equal);
                    let context = format!("{coupling:?}, {way}, {slot:?}: {g:?}");
                    // The whole is one group, of which some numbers are 0 apart.
                    assert!(here.iter().all(|&g| g == 0.0), "{context}");
                    assert!(there.iter().all(|g| g.is_finite()), "{context}");
                }
                let moves = |g: &Tensor<f64>| g.data().iter().any(|&g| g != 0.0);
                assert_eq!(gradients.iter().any(|(_, g)| moves(g)), equal < n, "{coupling:?}, {way}");
            }
            assert_eq!(value == 0.0, equal == n);
            let mut moved = params.clone();
            if coupling.proximal_step(&mut moved, 0.1).is_ok() && equal == n {
                assert!(moved.slots().all(|slot| moved.value(slot) == params.value(slot)), "{coupling:?}");
            }
        }
    }
}

#[test]
fn where_two_models_meet_the_gradient_is_exactly_zero() {
    at_zero(SquaredL2);
    at_zero(L1);
    at_zero(Huber::new(0.4));
    for groups in [Groups::Whole, Groups::Rows, Groups::Filters] {
        at_zero(GroupLasso { groups });
    }
    at_zero(PseudoHuber);
    at_zero(FourthPower);
}
