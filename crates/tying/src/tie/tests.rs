use tandem_autograd::Tensor;

use super::*;

/// The names with what they share: each name with the first one of its slot.
fn owners(params: &Params<f64>) -> Vec<String> {
    let owner = |id| params.names_of(params.slot(id)).next().unwrap().1.to_string();
    params.names().map(|(id, _)| owner(id)).collect()
}

/// Two models of three parameters, and a stranger; those of each group share a slot.
fn store(groups: &[&[&str]]) -> Params<f64> {
    let mut params = Params::new();
    for (i, path) in ["a.x", "a.y", "a.z", "b.x", "b.y", "b.z", "c"].into_iter().enumerate() {
        params.add(path, Tensor::full([2], i as f64));
    }
    for group in groups {
        let id = |path| params.find(path).unwrap();
        let ids: Vec<ParamId> = group.iter().map(|path| id(path)).collect();
        ids[1..].iter().for_each(|&other| params.tie(other, ids[0]).unwrap());
    }
    params
}

#[test]
fn whatever_was_tied_before_is_so_again_after_tying_and_undoing() {
    let cases: [(&[&[&str]], usize); 6] = [
        (&[], 4),
        (&[&["a.x", "a.y"], &["b.x", "b.y"]], 3),
        (&[&["a.x", "a.y"]], 3),
        (&[&["b.x", "b.y"]], 3),
        (&[&["b.x", "c"], &["b.y", "a.z"]], 2),
        (&[&["a.x", "b.x"], &["b.z", "b.y", "c"]], 2),
    ];
    for (groups, slots) in cases {
        let mut params = store(groups);
        let before = owners(&params);
        let pairing = Pairing::by_path(&params, "a", "b").unwrap();
        let tie = pairing.tie(&mut params, Keep::First).unwrap();
        // Equality is transitive: what was one before is one still, and each pair is one.
        assert!(pairing.pairs().iter().all(|pair| pair.is_shared(&params)), "{groups:?}");
        for group in groups {
            let owner = |path: &str| params.slot(params.find(path).unwrap());
            assert!(group.iter().all(|path| owner(path) == owner(group[0])), "{groups:?}");
        }
        assert_eq!((params.slots().count(), params.numel()), (slots, 2 * slots), "{groups:?}");
        tie.undo(&mut params);
        assert_eq!(owners(&params), before, "{groups:?}");
    }
}

#[test]
fn without_a_record_the_second_model_becomes_a_copy_of_the_first() {
    let mut params = store(&[&["a.x", "a.y", "b.x", "b.y"], &["a.z", "b.z", "c"]]);
    let pairing = Pairing::by_path(&params, "a", "b").unwrap();
    pairing.untie(&mut params);
    assert_eq!(owners(&params), ["a.x", "a.x", "a.z", "b.x", "b.x", "b.z", "a.z"]);
    assert!(pairing.pairs().iter().all(|pair| params.get(pair.first.id) == params.get(pair.second.id)));
    let itself = Pairing::by_path(&params, "a", "a").unwrap();
    let before = owners(&params);
    itself.tie(&mut params, Keep::First).unwrap().undo(&mut params);
    itself.untie(&mut params);
    assert_eq!(owners(&params), before);
}

#[test]
fn the_first_value_stays_and_what_was_frozen_is_frozen_again() {
    let mut params = store(&[]);
    let [a, b] = ["a.x", "b.x"].map(|path| params.find(path).unwrap());
    params.set_trainable(a, false);
    let pairing = Pairing::by_path(&params, "a.x", "b.x").unwrap();
    let kept = params.slot(a);
    let tie = pairing.tie(&mut params, Keep::First).unwrap();
    assert_eq!((params.slot(b), params.get(b).data(), params.is_trainable(b)), (kept, &[0.0, 0.0][..], false));
    tie.undo(&mut params);
    assert_eq!((params.slot(a), params.get(b).data()), (kept, &[0.0, 0.0][..]));
    assert_eq!((params.is_trainable(a), params.is_trainable(b)), (false, true));
    // The optimizer finds the state of the copy where it was copied from.
    assert_eq!(params.copy_of(params.slot(b)), Some(kept));
}

#[test]
fn undoing_leaves_alone_what_someone_else_has_moved() {
    let mut params = store(&[]);
    let [z, c] = ["b.z", "c"].map(|path| params.find(path).unwrap());
    let tie = Pairing::by_path(&params, "a", "b").unwrap().tie(&mut params, Keep::First).unwrap();
    params.tie(z, c).unwrap();
    tie.undo(&mut params);
    assert_eq!(owners(&params), ["a.x", "a.y", "a.z", "b.x", "b.y", "b.z", "b.z"]);
    assert_eq!(params.get(z).data(), [6.0, 6.0]);
}

#[test]
fn the_mean_of_all_that_become_one_survives() {
    // The values are 0, 1, 2 for a and 3, 4, 5 for b, and 6 for c; each slot counts once.
    type Case<'a> = (&'a [&'a [&'a str]], &'a [(&'a str, &'a str)], [f64; 7]);
    let cases: [Case<'_>; 5] = [
        (&[], &[("a.x", "b.x"), ("a.y", "b.y")], [1.5, 2.5, 2.0, 1.5, 2.5, 5.0, 6.0]),
        // A chain becomes one: (0 + 1 + 2) / 3, in whatever order.
        (&[], &[("a.x", "a.y"), ("a.y", "a.z")], [1.0, 1.0, 1.0, 3.0, 4.0, 5.0, 6.0]),
        (&[], &[("a.x", "a.y"), ("b.x", "c"), ("c", "a.y")], [2.5, 2.5, 2.0, 2.5, 4.0, 5.0, 2.5]),
        // Names that shared a slot before bring one value: (0 + 3) / 2, not (0 + 0 + 3) / 3.
        (&[&["a.x", "a.z"]], &[("a.x", "b.x")], [1.5, 1.0, 1.5, 1.5, 4.0, 5.0, 6.0]),
        (
            &[&["b.x", "c"]],
            &[("a.x", "b.x"), ("b.y", "c")],
            [7.0 / 3.0, 1.0, 2.0, 7.0 / 3.0, 7.0 / 3.0, 5.0, 7.0 / 3.0],
        ),
    ];
    for (groups, list, expected) in cases {
        let mut params = store(groups);
        let pairing = Pairing::list(&params, list.iter().copied()).unwrap();
        let tie = pairing.tie(&mut params, Keep::Mean).unwrap();
        let values = |params: &Params<f64>| params.names().map(|(id, _)| params.get(id).data()[0]).collect::<Vec<_>>();
        let found = values(&params);
        assert!(
            found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-15),
            "{list:?}: {found:?}"
        );
        // Both sides start from the mean.
        tie.undo(&mut params);
        assert_eq!(values(&params), found, "{list:?}");
        assert_eq!(owners(&params), owners(&store(groups)), "{list:?}");
    }
}

#[test]
fn a_frozen_value_survives_whichever_side_it_is_on() {
    for keep in [Keep::First, Keep::Mean] {
        for (frozen, expected) in [(["b.x"].as_slice(), 3.0), (&["a.x"], 0.0), (&["a.x", "b.x"], 0.0)] {
            let mut params = store(&[]);
            let id = |params: &Params<f64>, name| params.find(name).unwrap();
            let trainable = |params: &Params<f64>| ["a.x", "b.x"].map(|name| params.is_trainable(id(params, name)));
            for name in frozen {
                params.set_trainable(id(&params, name), false);
            }
            let before = trainable(&params);
            let tie = Pairing::by_path(&params, "a.x", "b.x").unwrap().tie(&mut params, keep).unwrap();
            assert_eq!(params.get(id(&params, "a.x")).data(), [expected; 2], "{frozen:?}, {keep:?}");
            assert_eq!(trainable(&params), [false; 2], "{frozen:?}, {keep:?}");
            tie.undo(&mut params);
            assert_eq!(trainable(&params), before, "{frozen:?}, {keep:?}");
        }
    }
}

#[test]
fn ties_in_a_chain_come_apart_in_any_order() {
    for first in [0, 1] {
        let mut params = store(&[]);
        let mut tie = |list| Some(Pairing::list(&params, [list]).unwrap().tie(&mut params, Keep::First).unwrap());
        let mut ties = [tie(("a.x", "b.x")), tie(("b.x", "c"))];
        assert_eq!(params.slots().count(), 5);
        for i in [first, 1 - first] {
            ties[i].take().unwrap().undo(&mut params);
        }
        assert_eq!(owners(&params), owners(&store(&[])), "{first}");
    }
}
