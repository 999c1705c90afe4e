//! From close to equal: what training and consolidating make of the weights.

use super::*;

/// Trains 47 weights around −1, 0.1 and 1 by the penalty alone, and consolidates them. Also the largest
/// distance of two weights of one group: before, after training, and in the end.
fn grouped(components: usize) -> (Codebook, [f64; 3]) {
    let mut params = Params::<f64>::new();
    let around = |k: usize| [-1.0, 0.1, 1.0][k % 3] + 0.3 * ((k as f64 * 0.618_034) % 1.0 - 0.5);
    let ids = [("a", 0..30), ("b", 30..47)].map(|(path, range)| {
        let numbers: Vec<f64> = range.map(around).collect();
        params.add(path, Tensor::new([numbers.len()], numbers))
    });
    let spread = |params: &Params<f64>| {
        let all: Vec<f64> = ids.iter().flat_map(|&id| params.get(id).data()).copied().collect();
        let of_group = |group: usize| all.iter().copied().skip(group).step_by(3);
        let range = |group| of_group(group).fold(f64::MIN, f64::max) - of_group(group).fold(f64::MAX, f64::min);
        (0..3).map(range).fold(0.0, f64::max)
    };
    let before = spread(&params);
    let sharing = SoftSharing::new(&mut params, "mix", |_| true, components, 0.05, 1.0).unwrap();
    let mut last = f64::INFINITY;
    for _ in 0..20_000 {
        let mut gradients = none(&params);
        let value = sharing.add_gradients(&params, &mut gradients);
        assert!(value < last + 1e-9, "{value} after {last}");
        last = value;
        descend(&mut params, &gradients, 1e-4);
    }
    let after = spread(&params);
    let codebook = sharing.consolidate(&mut params, spread);
    assert_eq!((codebook.loss_before, codebook.loss_after), (after, spread(&params)));
    (codebook, [before, after, spread(&params)])
}

#[test]
fn the_penalty_alone_pulls_weights_into_groups_that_become_values() {
    let (codebook, [before, after, end]) = grouped(8);
    assert!(before > 0.28 && after < 1e-6 && end == 0.0, "{before}, {after}, {end}: {codebook}");
    let weights: Vec<usize> = codebook.entries.iter().map(|entry| entry.weights).collect();
    assert_eq!((codebook.distinct, weights), (3, vec![16, 16, 15]));
    for (entry, group) in codebook.entries.iter().zip([-1.0, 0.1, 1.0]) {
        assert!((entry.value - group).abs() < 0.15, "{codebook}");
    }
    // With as many components as groups, each starts so wide that it draws neighbours together.
    assert_eq!(grouped(3).0.distinct, 2);
}

#[test]
fn consolidating_gives_each_weight_the_mean_that_is_most_responsible() {
    let mut params = Params::<f32>::new();
    let a = params.add("a", Tensor::new([3, 3], vec![0.0, 0.9, 1.4, -0.1, 1.1, 0.2, 1.0, 3.0, 3.1]));
    let twin = params.add("twin", Tensor::zeros([3, 3]));
    params.tie(twin, a).unwrap();
    let b = params.add("b", Tensor::scalar(-5.0));
    params.set_trainable(b, false);
    params.add("other", Tensor::scalar(0.3));
    let sharing = SoftSharing::new(&mut params, "mix", |name| name != "other", 5, 1e-3, 1.0).unwrap();
    // The second one is narrow, the third is the first again and gets no weight, the last ones are one value.
    change(&mut params, "mix.means", |x| x.copy_from_slice(&[0.0, 1.0, 0.0, 3.0, 3.0]));
    change(&mut params, "mix.log_widths", |x| x.copy_from_slice(&[0.0, -2.0, 0.0, -1.0, 2.0]));
    let at_one = |params: &Params<f32>| params.get(a).data().iter().filter(|w| **w == 1.0).count() as f64;
    let codebook = sharing.consolidate(&mut params, at_one);
    assert_eq!(params.get(a).data(), [0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 3.0, 3.0]);
    assert_eq!((params.get(b).item(), vector(&params, "other"), params.is_shared(twin)), (3.0, vec![0.3], true));
    // 3 values of 4 bytes, 18 bits for one tensor and 2 for the other.
    insta::assert_snapshot!(codebook, @r"
    component        value    weights
            0     0.0000e0          4
            1     1.0000e0          3
            3     3.0000e0          2
            4     3.0000e0          1
    distinct values: 3, bits a weight: 2
    bytes: 40, in a file with a table 16
    loss: 1.0, after 3.0
    ");
    insta::assert_snapshot!(sharing.mixture(&params), @r"
    component    share         mean        width
            0   0.2000     0.0000e0     1.0010e0
            1   0.2000     1.0000e0    1.3634e-1
            2   0.2000     0.0000e0     1.0010e0
            3   0.2000     3.0000e0    3.6888e-1
            4   0.2000     3.0000e0     7.3901e0
    ");
}

#[test]
fn what_is_no_number_is_not_made_one() {
    let mut params = Params::<f64>::new();
    let w = params.add("w", Tensor::new([4], vec![1.0, f64::NAN, -1.0, f64::INFINITY]));
    let codebook = SoftSharing::new(&mut params, "mix", |name| name == "w", 2, 0.1, 1.0)
        .unwrap()
        .consolidate(&mut params, |_| 0.0);
    let numbers = params.get(w).data();
    assert!(numbers[0] > 0.0 && numbers[1].is_nan() && numbers[2] < 0.0 && numbers[3] == f64::INFINITY, "{numbers:?}");
    assert_eq!(codebook.entries.iter().map(|entry| entry.weights).sum::<usize>(), 2);
}
