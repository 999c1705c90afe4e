//! Twenty steps of every optimizer, and the rates of every schedule, against PyTorch's:
//! `crates/nn/tests/fixtures/optimizers.json`, made by the script beside it.

use serde_json::Value;
use tandem_autograd::{Gradients, ParamId, Params, Tape, Tensor};
use tandem_nn::{Adam, AdamW, Ema, Group, Optimizer, RateSchedule, Sgd, clip_norm, clip_value};

/// The same arithmetic in another order, over some tens of steps.
const BOUND: f64 = 1e-12;

fn fixture() -> Value {
    serde_json::from_str(include_str!("../fixtures/optimizers.json")).unwrap()
}

fn numbers(list: &Value) -> Vec<f64> {
    list.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

#[track_caller]
fn compare(found: &[f64], expected: &Value, context: &str) {
    let expected = numbers(expected);
    assert_eq!(found.len(), expected.len(), "{context}");
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!((found - expected).abs() <= BOUND * expected.abs(), "{context}, number {i}: {found} for {expected}");
    }
}

/// The network that the script describes; its matrix is one parameter with two names.
struct Problem {
    x: Tensor<f64>,
    y: Tensor<f64>,
    first: ParamId,
    second: ParamId,
    bias: ParamId,
    scale: ParamId,
}

impl Problem {
    fn new(file: &Value) -> (Params<f64>, Problem) {
        let [x, y] = ["x", "y"].map(|key| Tensor::new([4, 2], numbers(&file[key])));
        let start = numbers(&file["start"]);
        let mut params = Params::new();
        let first = params.add("first.weight", Tensor::new([2, 2], start[..4].to_vec()));
        let bias = params.add("bias", Tensor::new([2], start[4..6].to_vec()));
        let second = params.add("second.weight", Tensor::zeros([2, 2]));
        let scale = params.add("scale", Tensor::scalar(start[6]));
        params.tie(second, first).unwrap();
        (params, Problem { x, y, first, second, bias, scale })
    }

    fn gradients(&self, params: &Params<f64>) -> Gradients<f64> {
        let tape = Tape::new(params);
        let [first, second, bias, scale] = [self.first, self.second, self.bias, self.scale].map(|id| tape.param(id));
        let hidden = (tape.constant(self.x.clone()).matmul(first) + bias).tanh();
        let error = scale * hidden.matmul(second).tanh() - tape.constant(self.y.clone());
        error.square().mean().backward()
    }

    /// As the script writes them.
    fn numbers(&self, params: &Params<f64>) -> Vec<f64> {
        [self.first, self.bias, self.scale].into_iter().flat_map(|id| params.get(id).data().to_vec()).collect()
    }
}

/// Changes gradients, and may tell their norm from before.
type Clip = fn(&mut Gradients<f64>) -> Option<f64>;

/// What happens beside the steps of a run.
#[derive(Default)]
struct Beside {
    /// The steps for which the bias is frozen.
    frozen: usize,
    schedule: Option<RateSchedule>,
    clip: Option<Clip>,
    average: Option<f64>,
}

/// Takes the steps. `path` is the name under which the file has them, `name` that of all else.
fn run(file: &Value, name: &str, path: &str, mut optimizer: impl Optimizer<f64>, beside: Beside) {
    let (mut params, problem) = Problem::new(file);
    let mut average = beside.average.map(Ema::new);
    let path = file["paths"][path].as_array().unwrap();
    assert_eq!(path.len(), 20);
    for (step, expected) in path.iter().enumerate() {
        let context = format!("{name}, step {step}");
        params.set_trainable(problem.bias, step >= beside.frozen);
        if let Some(schedule) = &beside.schedule {
            optimizer.set_rate(schedule.at(step as u64));
        }
        let mut gradients = problem.gradients(&params);
        if let Some(norm) = beside.clip.and_then(|clip| clip(&mut gradients)) {
            compare(&[norm], &Value::from(vec![file["norms"][name][step].clone()]), &format!("{context}, norm"));
        }
        optimizer.step(&mut params, &gradients);
        compare(&problem.numbers(&params), expected, &context);
        if let Some(average) = &mut average {
            average.update(&params);
            let averaged = average.averaged(&params);
            assert!(averaged.is_shared(problem.second));
            compare(&problem.numbers(&averaged), &file["averages"][name][step], &format!("{context}, average"));
        }
    }
}

#[test]
fn twenty_steps_agree_with_pytorch() {
    let file = &fixture();
    let plain = |name, optimizer| run(file, name, name, optimizer, Beside::default());
    let sgd = || Sgd::new(0.2);
    plain("sgd", sgd());
    plain("sgd, momentum", sgd().momentum(0.9));
    plain("sgd, nesterov", sgd().momentum(0.9).nesterov());
    plain("sgd, decay", sgd().decay(0.1));
    plain("sgd, all", sgd().momentum(0.8).nesterov().decay(0.1));
    let few = Group::new().rate(0.5).decay(0.3);
    let not_weights = |name: &str| !name.ends_with(".weight");
    plain("sgd, groups", sgd().momentum(0.9).decay(0.1).group(not_weights, few));
    let plain = |name, optimizer| run(file, name, name, optimizer, Beside::default());
    plain("adam", Adam::new(0.1));
    plain("adam, decay", Adam::new(0.1).betas([0.8, 0.99]).decay(0.1));
    run(file, "adamw", "adamw", AdamW::new(0.1), Beside::default());
    let name = "adam, bias frozen for 7 steps";
    run(file, name, name, Adam::new(0.1), Beside { frozen: 7, ..Beside::default() });
    let name = "adamw, groups, cosine behind a warm-up";
    let schedule = RateSchedule::cosine(0.1, 20).warm_up(4);
    let optimizer = AdamW::new(f64::NAN).decay(0.1).group(not_weights, few);
    run(file, name, name, optimizer, Beside { schedule: Some(schedule), ..Beside::default() });
}

#[test]
fn clipped_and_averaged_steps_agree_with_pytorch() {
    let file = &fixture();
    let cases: [(&str, &str, Clip); 3] = [
        ("sgd, clipped to norm 0.3", "sgd, clipped to norm 0.3", |g| Some(clip_norm(g, 0.3))),
        ("sgd, clipped to norm 10", "sgd", |g| Some(clip_norm(g, 10.0))),
        ("sgd, clipped to values of 0.1", "sgd, clipped to values of 0.1", |g| {
            clip_value(g, 0.1);
            None
        }),
    ];
    for (name, path, clip) in cases {
        run(file, name, path, Sgd::new(0.2), Beside { clip: Some(clip), ..Beside::default() });
    }
    let beside = Beside { average: Some(0.9), ..Beside::default() };
    run(file, "sgd, averaged", "sgd, momentum", Sgd::new(0.2).momentum(0.9), beside);
}

#[test]
fn rates_agree_with_pytorch() {
    let file = fixture();
    let step = || RateSchedule::step(0.1, 7, 0.3);
    let table = [
        ("constant", RateSchedule::constant(0.1)),
        ("step", step()),
        ("cosine", RateSchedule::cosine(0.1, 24).floor(0.01)),
        ("constant behind a warm-up", RateSchedule::constant(0.1).warm_up(5)),
        ("step behind a warm-up", step().warm_up(5)),
        ("cosine behind a warm-up", RateSchedule::cosine(0.1, 19).floor(0.01).warm_up(5)),
    ];
    for (name, schedule) in table {
        let rates: Vec<f64> = (0..25).map(|step| schedule.at(step)).collect();
        compare(&rates, &file["schedules"][name], name);
    }
}
