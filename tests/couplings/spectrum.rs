//! One program all along the line, where only the strength differs.

use rand::SeedableRng;
use rand::rngs::StdRng;
use tandem::autograd::{Footprint, Params, Tape, Tensor, Var, dry_run};
use tandem::nn::{Activation, Adam, Init, Layer, Mlp, Mode, Optimizer, PerSlot};
use tandem::tying::{Coupling, Pairing, Strength};

use super::noise;

const WIDTHS: [usize; 3] = [5, 7, 3];

/// The networks of these names, all with the same numbers on each name that they would have alone.
fn networks(params: &mut Params<f64>, models: &[&str]) -> Vec<Mlp> {
    let network = |name: &&str| {
        let seed = if *name == "b" { 2 } else { 1 };
        let mut rng = StdRng::seed_from_u64(seed);
        Mlp::new(params, name, &WIDTHS, Activation::Tanh, Init::Glorot, &mut rng)
    };
    models.iter().map(network).collect()
}

/// The loss of a task, the first or the second.
fn loss<'t>(tape: &'t Tape<'_, f64>, network: &Mlp, task: u64) -> Var<'t, f64> {
    let x = tape.constant(Tensor::new([8, 5], noise(100 + task, 40)));
    let labels = (0..8).map(|i| ((i * (task + 2)) % 3) as f64).collect();
    network.forward(tape, x, Mode::Eval).cross_entropy(tape.constant(Tensor::new([8], labels)))
}

/// Steps of the program; all three ways are called in it.
fn steps(params: &mut Params<f64>, tasks: [(&Mlp, u64); 2], coupling: &mut Coupling<f64>, optimizer: &mut Adam<f64>) {
    for _ in 0..25 {
        let tape = Tape::new(params);
        let losses = tasks.map(|(network, task)| loss(&tape, network, task)).into_iter();
        let losses = losses.reduce(|sum, term| sum + term).unwrap();
        let mut gradients = (losses + coupling.penalty(&tape)).backward();
        drop(tape);
        coupling.add_gradients(params, &mut gradients);
        optimizer.step(params, &gradients);
        coupling.proximal_step(params, 0.01).unwrap();
        coupling.advance(params);
    }
}

/// The same steps on one store, of losses without a coupling.
fn alone(models: &[&str], tasks: &[(usize, u64)]) -> Params<f64> {
    let mut params = Params::new();
    let networks = networks(&mut params, models);
    let mut optimizer = Adam::new(0.01);
    for _ in 0..25 {
        let tape = Tape::new(&params);
        let losses = tasks.iter().map(|&(model, task)| loss(&tape, &networks[model], task));
        let gradients = losses.reduce(|sum, term| sum + term).unwrap().backward();
        drop(tape);
        optimizer.step(&mut params, &gradients);
    }
    params
}

/// The bits of a model.
fn bits(params: &Params<f64>, model: &str) -> Vec<u64> {
    let names = params.names().filter(|(_, name)| name.starts_with(model));
    names.flat_map(|(id, _)| params.get(id).data()).map(|w| w.to_bits()).collect()
}

fn couple(params: &mut Params<f64>, strength: Strength) -> Coupling<f64> {
    let pairing = Pairing::by_path(params, "a", "b").unwrap();
    Coupling::new(params, pairing, strength).unwrap()
}

/// The two models after training, and the store and the coupling to go on with.
fn together(strength: Strength) -> (Params<f64>, Vec<Mlp>, Coupling<f64>, Adam<f64>) {
    let mut params = Params::new();
    let networks = networks(&mut params, &["a", "b"]);
    let mut coupling = couple(&mut params, strength);
    let mut optimizer = Adam::new(0.01);
    steps(&mut params, [(&networks[0], 0), (&networks[1], 1)], &mut coupling, &mut optimizer);
    (params, networks, coupling, optimizer)
}

#[test]
fn free_is_two_models_apart_and_shared_is_one_to_the_bit() {
    let (free, ..) = together(Strength::Free);
    assert_eq!(bits(&free, "a"), bits(&alone(&["a"], &[(0, 0)]), "a"));
    assert_eq!(bits(&free, "b"), bits(&alone(&["b"], &[(0, 1)]), "b"));

    let (mut shared, networks, mut coupling, mut optimizer) = together(Strength::Shared);
    let one = alone(&["a"], &[(0, 0), (0, 1)]);
    assert_eq!(bits(&shared, "a"), bits(&one, "a"));
    assert_eq!(bits(&shared, "b"), bits(&one, "a"));
    assert_eq!((shared.bytes(), shared.bytes() * 2), (one.bytes(), free.bytes()));

    let (coupled, ..) = together(Strength::Coupled(0.05));
    assert!(bits(&coupled, "a") != bits(&free, "a") && bits(&coupled, "a") != bits(&coupled, "b"));

    // Two models again, from where they were one; the optimizer goes on.
    coupling.set_strength(&mut shared, Strength::Free).unwrap();
    assert_eq!(shared.bytes(), free.bytes());
    assert_eq!(bits(&shared, "a"), bits(&shared, "b"));
    // On one task, both go the way of one.
    steps(&mut shared, [(&networks[0], 0), (&networks[1], 0)], &mut coupling, &mut optimizer);
    assert_eq!(bits(&shared, "a"), bits(&shared, "b"));
    assert_ne!(bits(&shared, "a"), bits(&one, "a"));
    steps(&mut shared, [(&networks[0], 0), (&networks[1], 1)], &mut coupling, &mut optimizer);
    assert!(coupling.distance(&shared) > 0.1);
}

#[test]
fn shared_takes_less_memory_by_exactly_the_second_model() {
    // When the gradients of a step are there.
    let footprint = |strength| {
        dry_run::<f64, Footprint>(|probe| {
            let (params, networks, coupling, optimizer) = together(strength);
            let tape = Tape::new(&params);
            let losses = loss(&tape, &networks[0], 0) + loss(&tape, &networks[1], 1);
            let gradients = (losses + coupling.penalty(&tape)).backward();
            let lists = gradients.bookkeeping_bytes() + coupling.bookkeeping_bytes() + optimizer.bookkeeping_bytes();
            probe.now(lists + params.bookkeeping_bytes())
        })
    };
    let model: usize = WIDTHS.windows(2).map(|w| (w[0] + 1) * w[1]).sum::<usize>() * size_of::<f64>();
    let [free, coupled, shared] = [Strength::Free, Strength::Coupled(0.05), Strength::Shared].map(footprint);
    for two in [free, coupled] {
        assert_eq!([two.parameters, two.gradients, two.optimizer], [2 * model, 2 * model, 4 * model]);
    }
    assert_eq!([shared.parameters, shared.gradients, shared.optimizer], [model, model, 2 * model]);
}
