//! The table against what PyTorch computes: `crates/autograd/tests/fixtures/ops.json`, made by the script
//! beside it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::table::{Case, V, cases};
use super::*;
use crate::{Params, Tape};

fn tensor(of: &Value) -> Tensor<f64> {
    let numbers = |of: &Value| of.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect::<Vec<_>>();
    let shape: Vec<usize> = numbers(&of["shape"]).iter().map(|&x| x as usize).collect();
    Tensor::new(&shape[..], numbers(&of["data"]))
}

fn tensors(of: &Value) -> Vec<Tensor<f64>> {
    of.as_array().into_iter().flatten().map(tensor).collect()
}

/// Panics unless both agree to within rounding, a few units in the last place of the largest number.
fn agree(what: &str, ours: &Tensor<f64>, theirs: &Tensor<f64>) {
    assert_eq!(ours.shape(), theirs.shape(), "{what}");
    let size = theirs.data().iter().fold(1.0_f64, |size, x| size.max(x.abs()));
    for (ours, theirs) in ours.data().iter().zip(theirs.data()) {
        assert!((ours - theirs).abs() <= 1e-13 * size, "{what}: {ours} here, {theirs} in PyTorch");
    }
}

/// Runs a case on PyTorch's numbers, and says which ops it took, rules included.
fn compare(case: &Case, theirs: &Value) -> Vec<&'static str> {
    let name = &case.name;
    let params = Params::<f64>::new();
    let tape = Tape::new(&params);
    let inputs: Vec<V<'_>> = tensors(&theirs["inputs"]).into_iter().map(|x| tape.input(x)).collect();
    assert_eq!(inputs.iter().map(Var::shape).collect::<Vec<_>>(), case.shapes, "{name}");
    if let Some(constants) = theirs["constants"].as_array() {
        let constants: Vec<f64> = constants.iter().map(|x| x.as_f64().unwrap()).collect();
        assert_eq!(case.constants[0].data(), constants, "{name}");
    }
    let z = case.apply(&inputs, &|c| tape.constant(c));
    agree(&format!("{name}: output"), z.value(), &tensor(&theirs["output"]));
    // As inputs, so that what the rules do with them is recorded too.
    let weighted = (z * tape.input(tensor(&theirs["weights"]))).sum();
    let gradients: Vec<_> = inputs.iter().map(|x| tape.grad(&weighted, [x])[0].clone()).collect();
    let expected = tensors(&theirs["gradients"]);
    assert_eq!(gradients.len(), expected.len(), "{name}");
    for (i, (ours, theirs)) in gradients.iter().zip(&expected).enumerate() {
        agree(&format!("{name}: gradient {i}"), ours.value(), theirs);
    }
    if !theirs["hvp"].is_null() {
        let directions = tensors(&theirs["hvp"]["directions"]);
        let products = tensors(&theirs["hvp"]["products"]);
        let along = gradients.iter().zip(directions).map(|(g, d)| (g * tape.constant(d)).sum());
        let along = along.fold(tape.constant(0.0), |sum, term| sum + term);
        for (i, (x, theirs)) in inputs.iter().zip(&products).enumerate() {
            agree(&format!("{name}: second derivative {i}"), tape.grad(&along, [x])[0].value(), theirs);
        }
    }
    tape.recorded()
}

#[test]
fn values_gradients_and_second_derivatives_agree_with_pytorch() {
    let file: Value = serde_json::from_str(include_str!("../../../tests/fixtures/ops.json")).unwrap();
    let (cases, mut covered) = (cases(), BTreeSet::new());
    for theirs in file["cases"].as_array().unwrap() {
        let name = theirs["name"].as_str().unwrap();
        let ours = cases.iter().find(|case| case.name == name);
        let ours = ours.unwrap_or_else(|| panic!("the table has no case `{name}`, which the fixture has"));
        covered.extend(compare(ours, theirs));
    }
    covered.remove("Leaf");
    assert_eq!(covered, OPS.iter().copied().collect(), "every op stands in a case of the fixture, or in its rule");
}
