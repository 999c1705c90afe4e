//! A shared parameter is one parameter: one value, one gradient that sums over its uses, one state,
//! one step.

use rand::SeedableRng;
use rand::rngs::StdRng;
use tandem::autograd::{Footprint, ParamId, Params, Tape, Tensor, Var, dry_run};
use tandem::nn::{Activation, Adam, AdamW, Init, Layer, Linear, Mode, Optimizer, Sgd};

/// `uses` linear layers of one width, all tied to the first. `whole` numbers are −2, …, 2.
fn tied_layers(uses: usize, whole: bool) -> (Params<f64>, Vec<Linear>) {
    let (mut params, mut rng) = (Params::new(), StdRng::seed_from_u64(1));
    let layers: Vec<_> =
        (0..uses).map(|i| Linear::new(&mut params, &i.to_string(), [4, 4], Init::Uniform, &mut rng)).collect();
    for layer in &layers[1..] {
        params.tie(layer.weight, layers[0].weight).unwrap();
        params.tie(layer.bias.unwrap(), layers[0].bias.unwrap()).unwrap();
    }
    if whole {
        for id in [layers[0].weight, layers[0].bias.unwrap()] {
            params.update(params.slot(id), |w| w.iter_mut().for_each(|w: &mut f64| *w = (4.0 * *w).round()));
        }
    }
    (params, layers)
}

/// The gradients of a loss after all layers in a row: for each layer those of weight and bias.
fn gradients(params: &Params<f64>, layers: &[Linear], activation: Activation) -> Vec<[Tensor<f64>; 2]> {
    let tape = Tape::new(params);
    let x = tape.constant(Tensor::new([2, 4], vec![1.0, -2.0, 3.0, 1.0, 2.0, 1.0, -1.0, -3.0]));
    let y = layers.iter().fold(x, |x, layer| activation.apply(layer.forward(&tape, x, Mode::Eval)));
    let gradients = y.square().sum().backward();
    let of = |id| gradients.of(params, id).unwrap().clone();
    layers.iter().map(|layer| [of(layer.weight), of(layer.bias.unwrap())]).collect()
}

#[test]
fn the_shared_gradient_is_the_sum_of_the_copies_gradients() {
    for (uses, activation) in [2, 3, 5].into_iter().flat_map(|n| [(n, Activation::Tanh), (n, Activation::Relu)]) {
        // Of whole numbers every sum is exact, in any order.
        let whole = activation == Activation::Relu;
        let (shared, layers) = tied_layers(uses, whole);
        let mut untied = shared.clone();
        for layer in &layers[1..] {
            untied.untie(layer.weight);
            untied.untie(layer.bias.unwrap());
        }
        assert_eq!(untied.numel(), uses * shared.numel());
        let (together, copies) = (gradients(&shared, &layers, activation), gradients(&untied, &layers, activation));
        for which in [0, 1] {
            assert!(copies.iter().all(|copy| copy[which].data().iter().any(|&g| g != 0.0)), "every use contributes");
            for (i, &found) in together[0][which].data().iter().enumerate() {
                let parts = || copies.iter().map(|copy| copy[which].data()[i]);
                // Two orders of a sum of n terms differ by at most (n − 1) · ε · Σ |term|.
                let rounding = if whole { 0.0 } else { (uses - 1) as f64 * f64::EPSILON };
                let bound = rounding * parts().map(f64::abs).sum::<f64>();
                let expected: f64 = parts().sum();
                assert!((found - expected).abs() <= bound, "{uses} uses, number {i}: {found:e} for {expected:e}");
            }
        }
    }
}

#[test]
fn a_clone_keeps_the_ties_and_takes_the_ids_and_is_a_store_of_its_own() {
    let mut params = Params::<f64>::new();
    let [a, b, c] = ["a", "b", "c"].map(|path| params.add(path, Tensor::full([2], 1.0)));
    params.tie(b, a).unwrap();
    let mut clone = params.clone();
    assert_eq!((clone.slot(a), clone.numel()), (clone.slot(b), params.numel()));
    assert!(clone.is_shared(a) && !clone.is_shared(c));
    clone.update(clone.slot(b), |w| w.fill(5.0));
    assert_eq!([a, b, c].map(|id| clone.get(id).data()[0]), [5.0, 5.0, 1.0]);
    assert_eq!([a, b, c].map(|id| params.get(id).data()[0]), [1.0; 3]);
    clone.untie(b);
    assert!(params.is_shared(b) && !clone.is_shared(b));
}

/// The optimizers, fresh.
fn optimizers() -> Vec<Box<dyn Optimizer<f64>>> {
    let heavy = Sgd::new(0.1).momentum(0.9);
    vec![Box::new(Sgd::new(0.1)), Box::new(heavy), Box::new(Adam::new(0.1)), Box::new(AdamW::new(0.1))]
}

/// One step on Σ over names of (strength · w + w²), all numbers of a parameter alike.
fn step(optimizer: &mut dyn Optimizer<f64>, params: &mut Params<f64>, names: &[(ParamId, f64)]) {
    let tape = Tape::new(params);
    let terms = names.iter().map(|&(id, strength)| strength * tape.param(id) + tape.param(id).square());
    let loss = terms.reduce(|sum, term| sum + term).unwrap().sum();
    let gradients = loss.backward();
    optimizer.step(params, &gradients);
}

#[test]
fn an_optimizer_steps_a_shared_parameter_once() {
    // Three names with one slot take the steps of one name with three times the loss.
    for (mut three, mut one) in optimizers().into_iter().zip(optimizers()) {
        let (mut shared, mut single) = (Params::new(), Params::new());
        let [a, b, c] = ["a", "b", "c"].map(|path| shared.add(path, Tensor::full([2], 1.5)));
        shared.tie(b, a).unwrap();
        shared.tie(c, a).unwrap();
        let w = single.add("w", Tensor::full([2], 1.5));
        for _ in 0..4 {
            step(&mut *three, &mut shared, &[(a, 0.5), (b, 0.5), (c, 0.5)]);
            step(&mut *one, &mut single, &[(w, 0.5), (w, 0.5), (w, 0.5)]);
            assert_eq!(shared.get(b), single.get(w));
        }
        assert_ne!(single.get(w).data(), [1.5; 2]);
    }
}

#[test]
fn a_name_that_is_untied_goes_on_with_a_copy_of_value_and_state() {
    // Untied before the first step, when there is no state, or after some.
    for shared_steps in [0, 3] {
        for (mut optimizer, mut reference) in optimizers().into_iter().zip(optimizers()) {
            let mut params = Params::new();
            let [a, b, c] = ["a", "b", "c"].map(|path| params.add(path, Tensor::full([3], 2.0)));
            params.tie(b, a).unwrap();
            params.tie(c, a).unwrap();
            let mut still = params.clone();
            for _ in 0..shared_steps {
                step(&mut *optimizer, &mut params, &[(a, 1.0), (b, 3.0)]);
                step(&mut *reference, &mut still, &[(a, 1.0), (b, 3.0)]);
            }
            params.untie(b);
            // `c` becomes a copy of the copy.
            params.tie(c, b).unwrap();
            params.untie(c);
            assert_eq!([params.get(b), params.get(c)], [params.get(a); 2]);
            assert_eq!(params.numel(), 3 * still.numel());
            // Under the same gradients all go where the shared one goes.
            for _ in 0..2 {
                step(&mut *optimizer, &mut params, &[(a, 1.0), (b, 1.0), (c, 1.0)]);
                step(&mut *reference, &mut still, &[(a, 1.0)]);
                assert_eq!([a, b, c].map(|id| params.get(id)), [still.get(a); 3], "after {shared_steps} steps");
            }
        }
    }
}

#[test]
fn a_name_that_is_tied_again_leaves_value_and_state_behind() {
    for mut optimizer in optimizers() {
        let mut params = Params::new();
        let [a, b] = ["a", "b"].map(|path| params.add(path, Tensor::full([3], 2.0)));
        for _ in 0..2 {
            step(&mut *optimizer, &mut params, &[(a, 1.0), (b, -9.0)]);
        }
        assert_ne!(params.get(a), params.get(b));
        params.tie(b, a).unwrap();
        assert_eq!((params.get(b), params.numel()), (params.get(a), 3));
        // In a slot of its own once more, in the very place of the old one, `b` has the state of `a`.
        params.untie(b);
        step(&mut *optimizer, &mut params, &[(a, 1.0), (b, 1.0)]);
        assert_eq!(params.get(a), params.get(b));
    }
}

/// The footprint of a gradient of Σ x · w over `names` names, tied or not, each used `uses` times.
fn footprint(names: usize, tied: bool, uses: usize) -> Footprint {
    dry_run::<f32, _>(|probe| {
        let mut params = Params::<f32>::new();
        let ids: Vec<_> = (0..names).map(|i| params.add(&i.to_string(), Tensor::zeros([50, 1]))).collect();
        for &id in ids.iter().filter(|_| tied) {
            params.tie(id, ids[0]).unwrap();
        }
        let sweep = || {
            let tape = Tape::new(&params);
            let product = |id| tape.constant(Tensor::zeros([1, 50])).matmul(tape.param(id));
            let uses = ids.iter().flat_map(|&id| (0..uses).map(move |_| id));
            uses.map(product).reduce(|sum, term| sum + term).unwrap().backward();
        };
        sweep();
        probe.forget_peak();
        sweep();
        probe.footprint(params.bookkeeping_bytes())
    })
}

#[test]
fn a_thousand_uses_are_one_leaf_and_one_gradient() {
    let mut params = Params::<f64>::new();
    let [a, b] = ["a", "b"].map(|path| params.add(path, Tensor::full([3], 1.0)));
    params.tie(b, a).unwrap();
    let tape = Tape::new(&params);
    let product = (0..1000).map(|i| tape.param([a, b][i % 2])).reduce(|product: Var<f64>, w| product * w).unwrap();
    let loss = product.sum();
    // The leaf, 999 products and the sum.
    assert_eq!(tape.len(), 1 + 999 + 1);
    assert_eq!(tape.recorded().iter().filter(|&&op| op == "Leaf").count(), 1);
    let gradients = loss.backward();
    let all: Vec<_> = gradients.iter().collect();
    // d w¹⁰⁰⁰ / dw = 1000 at w = 1.
    assert_eq!(all, [(params.slot(b), &Tensor::full([3], 1000.0))]);

    let bytes = 50 * size_of::<f32>();
    for (names, tied, uses, slots) in [(1, false, 1, 1), (1, false, 1000, 1), (100, true, 10, 1), (100, false, 10, 100)]
    {
        let found = footprint(names, tied, uses);
        assert_eq!([found.parameters, found.gradients], [slots * bytes; 2], "{names} names, tied: {tied}: {found:?}");
    }
}

#[test]
fn gradients_belong_to_their_store_and_its_clones() {
    let make = || {
        let mut params = Params::<f64>::new();
        let w = params.add("w", Tensor::scalar(3.0));
        (params, w)
    };
    let ((params, w), (other, same_index)) = (make(), make());
    let clone = params.clone();
    let gradients = Tape::new(&params).param(w).square().backward();
    assert_eq!(gradients.of(&clone, w).map(Tensor::item), Some(6.0));
    assert_eq!(gradients.of(&other, same_index), None);
}
