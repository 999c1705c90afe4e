//! Chapter 6.

use super::{expect, expect_close};
use crate::ch06::{Store, clipped, step};

/// Four names: 0, 1 and 3 share slot 0, and 2 has slot 1.
fn three_share() -> Store {
    Store { names: vec![0, 0, 1, 0], slots: vec![Some(vec![1.0, 2.0]), Some(vec![5.0])] }
}

#[test]
fn store_counts_what_is_tied_once() {
    let mut store = Store::default();
    let names = [store.add(vec![1.0, 2.0]), store.add(vec![3.0, 4.0]), store.add(vec![5.0])];
    let before = store.numel();
    store.tie(names[1], names[0]);
    let why = "After the tie slot 1 is free, and its numbers are no longer stored.";
    expect("ch06::Store::numel", "sizes 2, 2, 1: before and after a tie", (before, store.numel()), (5, 3), why);
}

#[test]
fn store_uses_a_free_slot_again() {
    let mut store = three_share();
    store.tie(2, 0);
    let name = store.add(vec![7.0]);
    let why = "Slot 1 was freed by the tie; the new name gets it.";
    expect("ch06::Store::add", "tie name 2 with name 0, add a name: its slot", store.names[name], 1, why);
}

#[test]
fn untie_parts_one_name_only() {
    let mut store = three_share();
    store.untie(3);
    let shares = |a: usize, b: usize| store.names[a] == store.names[b];
    let why = "Name 3 goes, names 0 and 1 stay together.";
    expect("ch06::Store::untie", "names 0, 1, 3 share; untie 3", (shares(0, 1), shares(0, 3)), (true, false), why);
}

#[test]
fn untie_copies_the_value_and_leaves_the_others_alone() {
    let mut store = three_share();
    store.untie(0);
    store.untie(2);
    let values = store.names.iter().map(|&slot| store.slots[slot].clone().unwrap_or_default()).collect::<Vec<_>>();
    let stored: usize = store.slots.iter().flatten().map(Vec::len).sum();
    let expected = (vec![vec![1.0, 2.0], vec![1.0, 2.0], vec![5.0], vec![1.0, 2.0]], 5);
    let why = "One more copy of two numbers; name 2 had its slot to itself.";
    expect("ch06::Store::untie", "untie 0 and 2: values by name, numbers stored", (values, stored), expected, why);
}

#[test]
fn step_moves_a_shared_parameter_once() {
    let mut store = three_share();
    step(&mut store, &[vec![1.0, 0.0], vec![2.0]], 0.5);
    let expected = vec![Some(vec![0.5, 2.0]), Some(vec![4.0])];
    expect(
        "ch06::step",
        "gradients [1, 0] and [2], rate 0.5: slots",
        store.slots,
        expected,
        "Go over slots, not over names.",
    );
}

#[test]
fn clipped_takes_the_norm_over_slots() {
    let mut gradients = vec![vec![3.0, 0.0], vec![4.0]];
    let norm = clipped(&three_share(), &mut gradients, 1.0);
    let why = "3² + 4² = 5², however many names there are.";
    expect_close("ch06::clipped", "gradients [3, 0] and [4], at most 1: the norm", norm, 5.0, why);
    expect_close("ch06::clipped", "…: the first number, scaled", gradients[0][0], 0.6, "Times most / norm.");
    clipped(&three_share(), &mut gradients, 2.0);
    expect_close("ch06::clipped", "gradients of norm 1, at most 2", gradients[0][0], 0.6, "What is small stays.");
}

#[test]
fn clipped_leaves_free_slots_out() {
    let mut store = three_share();
    store.names[2] = 0;
    store.slots[1] = None;
    let norm = clipped(&store, &mut [vec![3.0, 0.0], vec![4.0]], 10.0);
    let why = "Slot 1 is free: what stands in its place is an earlier slot's gradient.";
    expect_close("ch06::clipped", "gradients [3, 0] and [4], where slot 1 is free", norm, 3.0, why);
}
