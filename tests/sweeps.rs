//! Sweeps, checkpoints, explanations and traces where they meet, and after a panic.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rand::SeedableRng;
use rand::rngs::StdRng;
use tandem::autograd::{
    Float, NonFinite, Op, Out, ParamId, Params, Rule, Segment, Shape, ShapeError, Tape, Tensor, Var,
};
use tandem::nn::{Activation, Init, Layer, Linear, Mode, Sequential};

/// Two parameters, of which the first has two names.
fn store() -> (Params<f64>, [ParamId; 3]) {
    let mut params = Params::new();
    let ids = [("a", 0.7), ("b", -0.4), ("again", 0.0)].map(|(name, x)| (name, Tensor::new([2], vec![x, x + 0.5])));
    let [a, b, again] = ids.map(|(name, value)| params.add(name, value));
    params.tie(again, a).unwrap();
    (params, [a, b, again])
}

/// A program that uses both in a segment and outside, the first by both of its names, and a segment in a segment.
fn program<'t>(tape: &'t Tape<'_, f64>, [a, b, again]: [ParamId; 3], checkpointed: bool) -> Var<'t, f64> {
    let inner = Segment::new(move |tape, x| (tape.param(a) * x).tanh() * tape.param(b));
    let outer = Segment::new(move |tape, x| {
        let x = x * tape.param(again);
        if checkpointed { tape.checkpoint(&inner, x) } else { inner.run(tape, x) }.exp() + tape.param(a)
    });
    let x = tape.param(a).square();
    let y = if checkpointed { tape.checkpoint(&outer, x.clone()) } else { outer.run(tape, x.clone()) };
    (y * tape.param(b) + x).square().sum()
}

fn gradients_of(params: &Params<f64>, loss: Var<'_, f64>, ids: [ParamId; 3]) -> [Option<Tensor<f64>>; 3] {
    let gradients = loss.backward();
    ids.map(|id| gradients.of(params, id).cloned())
}

#[test]
fn frozen_and_tied_parameters_pass_through_segments() {
    for frozen in [None, Some(0), Some(1)] {
        let (mut params, ids) = store();
        if let Some(i) = frozen {
            params.set_trainable(ids[i], false);
        }
        let [kept, again] = [false, true].map(|checkpointed| {
            let tape = Tape::new(&params);
            gradients_of(&params, program(&tape, ids, checkpointed), ids)
        });
        assert_eq!(kept, again, "{frozen:?}");
        assert_eq!(again.each_ref().map(Option::is_none), [0, 1, 0].map(|slot| frozen == Some(slot)));
    }
}

#[test]
fn without_gradients_a_segment_just_runs() {
    let (params, ids) = store();
    let tape = Tape::without_gradients(&params);
    let value = program(&tape, ids, true);
    assert_eq!(value.value(), program(&Tape::new(&params), ids, false).value());
    assert!(tape.is_empty() && !value.is_recorded());
}

#[test]
fn explanations_add_up_to_the_gradient_and_leave_the_tape_as_it_was() {
    let (params, ids) = store();
    for checkpointed in [false, true] {
        let tape = Tape::new(&params);
        let loss = program(&tape, ids, checkpointed);
        let nodes = tape.len();
        let [first, second] = [(); 2].map(|()| ids.map(|id| tape.explain(&tape.param(id))));
        assert_eq!(first.each_ref().map(ToString::to_string), second.each_ref().map(ToString::to_string));
        assert_eq!(tape.len(), nodes);
        assert!(first[2].to_string().starts_with("parameter `a` = `again` at "), "{}", first[2]);
        let found = gradients_of(&params, loss, ids);
        for (explanation, found) in first.iter().zip(&found) {
            assert_eq!(&explanation.gradient, found);
            for (i, &whole) in found.as_ref().unwrap().data().iter().enumerate() {
                let sum: f64 = explanation.contributions.iter().map(|part| part.value.data()[i]).sum();
                assert!((sum - whole).abs() < 1e-14, "{sum} {whole}: {explanation}");
            }
        }
    }
}

#[test]
fn outputs_that_stand_twice_are_constant_or_are_inputs() {
    let params = Params::<f64>::new();
    let tape = Tape::new(&params);
    let (x, y) = (tape.input(3.0), tape.input(5.0));
    let z = &x * &y;
    let [one, two, ten] = [1.0, 2.0, 10.0].map(|c| tape.constant(c));
    let items = |outputs: &[(&Var<'_, f64>, &Var<'_, f64>)], inputs: &[&Var<'_, f64>]| {
        tape.grad_with(outputs, inputs).iter().map(Var::item).collect::<Vec<_>>()
    };
    assert_eq!(items(&[(&z, &one), (&z, &ten)], &[&x, &y]), [55.0, 33.0]);
    assert_eq!(items(&[(&ten, &one)], &[&x]), [0.0]);
    assert_eq!(items(&[], &[&x]), [0.0]);
    assert_eq!(items(&[(&x, &two), (&z, &one)], &[&x, &y, &x]), [7.0, 3.0, 7.0]);
    assert_eq!(items(&[(&z, &two)], &[&z, &x]), [2.0, 10.0]);
    assert!(items(&[(&z, &one)], &[]).is_empty());
    // A cotangent that depends on the inputs counts as a constant, and can be differentiated.
    let g = tape.grad_with(&[(&z, &x)], &[&x]).remove(0);
    assert_eq!((g.item(), tape.grad(&g, [&x, &y]).map(|g| g.item())), (15.0, [5.0, 3.0]));
}

#[test]
fn an_explanation_is_no_news_to_a_trace() {
    let params = Params::<f64>::new();
    let tape = Tape::new(&params);
    tape.trace_non_finite();
    let x = tape.input(0.0);
    let y = x.clone().sqrt();
    assert_eq!(tape.explain(&x).gradient.unwrap().item(), f64::INFINITY);
    assert!(tape.first_non_finite().is_none());
    y.backward();
    assert!(tape.first_non_finite().is_some());
}

/// x, with a rule that panics.
struct Mine;

impl<T: Float> Op<T> for Mine {
    fn name(&self) -> &'static str {
        "mine"
    }
    fn shape(&self, x: &[Shape]) -> Result<Shape, ShapeError> {
        Ok(x[0])
    }
    fn forward(&self, x: &mut [Tensor<T>], _: Out) -> Tensor<T> {
        x[0].clone()
    }
    fn vjp<'t>(&self, _: &mut Rule<'_, 't, T>, _: Var<'t, T>) {
        panic!("on purpose")
    }
}

#[test]
fn a_tape_goes_on_after_a_panic() {
    let (params, ids) = store();
    let expected = gradients_of(&params, program(&Tape::new(&params), ids, false), ids);
    let wrong = Segment::new(move |tape, x: Var<'_, f64>| tape.param(ids[1]) * x.reshape([7]));
    let sweeps = Segment::new(move |tape, x| tape.grad(&tape.param(ids[1]), [&x])[0].clone());

    let tape = Tape::new(&params);
    tape.trace_non_finite();
    let mistakes: [(&str, &dyn Fn()); 4] = [
        ("reshape([2]): [2] holds 2 numbers, [7] holds 7", &|| drop(tape.checkpoint(&wrong, tape.param(ids[0])))),
        ("grad(): nothing is recorded in a checkpointed segment", &|| {
            drop(tape.checkpoint(&sweeps, tape.param(ids[0])));
        }),
        ("sum_to([2]): ", &|| drop(tape.param(ids[0]).sum_to([3]))),
        ("on purpose", &|| {
            let part = tape.enter("part");
            let z = Var::apply_op(Mine, [tape.param(ids[0])]);
            drop(part);
            drop(tape.grad(&z, [&tape.param(ids[0])]));
        }),
    ];
    for (expected, mistake) in mistakes {
        let panic = catch_unwind(AssertUnwindSafe(mistake)).unwrap_err();
        let text = panic.downcast_ref::<&str>().map(ToString::to_string);
        let message = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap();
        assert!(message.starts_with(expected), "{message}");
    }
    let loss = program(&tape, ids, true);
    assert_eq!(tape.path(&loss), "");
    assert!(tape.first_non_finite().is_none());
    let infinite = loss.clone().sum() / 0.0;
    assert_eq!(tape.first_non_finite().map(|found| found.op), Some("div"));
    drop(infinite);
    assert_eq!(gradients_of(&params, loss, ids), expected);
}

/// What is found to be the first value that is not finite when the segment runs on x, and then is swept.
fn found(w: f32, x: f32, segment: &Segment<f32>) -> NonFinite {
    let mut params = Params::new();
    params.add("w", Tensor::scalar(w));
    let tape = Tape::new(&params);
    tape.trace_non_finite();
    let x = tape.input(x);
    let _part = tape.enter("part");
    tape.checkpoint(segment, x).backward();
    tape.first_non_finite().unwrap()
}

#[test]
fn traces_see_through_segments() {
    let param = |tape: &Tape<'_, f32>| tape.params().find("w").unwrap();
    let product = Segment::new(move |tape, x| tape.param(param(tape)) * x.exp());
    // Beyond the largest number of this type, in the first run.
    let born = found(1.0, 100.0, &product);
    assert_eq!((born.op, born.backward, &*born.path, born.from[0].others), ("exp", false, "part", 0));
    // A parameter that is not finite was so before any op.
    let handed = found(f32::NAN, 1.0, &product);
    assert_eq!((handed.op, handed.from[0].others), ("mul", 1));
    assert!(handed.to_string().contains(" was handed the first value that is not finite"), "{handed}");
    // What a rule within makes is the segment's.
    let root = Segment::new(move |tape, x| x.sqrt() * tape.param(param(tape)));
    let swept = found(1.0, 0.0, &root);
    assert_eq!((swept.op, swept.backward, &*swept.path), ("checkpoint", true, "part"));
}

#[test]
fn what_layers_and_rules_record_counts_as_recorded_at_the_callers_line() {
    let (mut params, mut rng) = (Params::<f64>::new(), StdRng::seed_from_u64(2));
    let mut inner = Sequential::new();
    inner.push("hidden", Linear::new(&mut params, "hidden", [3, 4], Init::He, &mut rng));
    inner.push("tanh", Activation::Tanh);
    let mut net = Sequential::new();
    net.push("inner", inner);
    net.push("out", Linear::new(&mut params, "out", [4, 2], Init::He, &mut rng));
    let tape = Tape::new(&params);
    let x = tape.input(Tensor::full([2, 3], 0.5));
    let line = line!() + 1;
    let y = net.forward(&tape, x.clone(), Mode::Eval);
    let [g] = tape.grad(&y.clone().square().sum(), [&x]);
    let (graph, here) = (tape.graph(), |at: &std::panic::Location<'_>| at.file() == file!());
    assert!(graph.nodes.iter().all(|node| here(node.at)), "{tape:?}");
    // Five ops and four parameters in the forward pass, and the rules of the five.
    assert!(graph.nodes.iter().filter(|node| node.at.line() == line).count() > 9, "{tape:?}");
    assert_eq!((tape.path(&y), tape.path(&g)), ("out".into(), "inner.hidden".into()));
}
