use tandem_autograd::Tensor;

use super::*;

fn store(names: &[(&str, &[usize])]) -> Params<f32> {
    let mut params = Params::new();
    for (path, shape) in names {
        params.add(path, Tensor::zeros(*shape));
    }
    params
}

fn names(params: &Params<f32>, pairing: &Pairing) -> Vec<(String, String)> {
    let name = |part: Part| part.name(params);
    pairing.pairs().iter().map(|pair| (name(pair.first), name(pair.second))).collect()
}

#[test]
fn names_pair_by_whole_segments_in_the_order_of_the_first_model() {
    let params = store(&[
        ("b.y", &[2]),
        ("ab.x", &[9]),
        ("a.y", &[2]),
        ("b.x.w", &[3, 1]),
        ("a.x.w", &[3, 1]),
        ("a", &[]),
        ("b", &[]),
        ("b.", &[7]),
        ("a.", &[7]),
    ]);
    let pairs = names(&params, &Pairing::by_path(&params, "a", "b").unwrap());
    let expected = [("a.y", "b.y"), ("a.x.w", "b.x.w"), ("a", "b"), ("a.", "b.")];
    assert_eq!(pairs, expected.map(|(a, b)| (a.into(), b.into())));
    let pairs = names(&params, &Pairing::by_path(&params, "b.x", "a.x").unwrap());
    assert_eq!(pairs, [("b.x.w".into(), "a.x.w".into())]);
}

#[test]
fn one_error_lists_all_that_stands_in_the_way() {
    let params = store(&[
        ("a.0.weight", &[4, 8]),
        ("a.0.bias", &[8]),
        ("a.1.weight", &[8, 3]),
        ("b.0.weight", &[4, 9]),
        ("b.1.weight", &[3, 8]),
        ("b.1.bias", &[3]),
        ("ab.0.bias", &[8]),
    ]);
    let message = |result: Result<Pairing, PairingError>| result.unwrap_err().to_string();
    insta::assert_snapshot!(message(Pairing::by_path(&params, "a", "b")), @r"
    `a` and `b` do not pair:
      `a.0.bias` has no partner `b.0.bias`
      `b.1.bias` has no partner `a.1.bias`
      `a.0.weight` has shape [4, 8], but `b.0.weight` has shape [4, 9]
      `a.1.weight` has shape [8, 3], but `b.1.weight` has shape [3, 8]
    ");
    insta::assert_snapshot!(message(Pairing::by_path(&params, "x", "a.")), @r"
    `x` and `a.` do not pair:
      no parameter is named `x` or `x.…`
      no parameter is named `a.` or `a..…`
    ");
    insta::assert_snapshot!(message(Pairing::by_path(&params, "a.0", "c")), @r"
    `a.0` and `c` do not pair:
      no parameter is named `c` or `c.…`
    ");
    insta::assert_snapshot!(message(Pairing::by_path_where(&params, "a", "b", |rest| rest == "2.bias")), @r"
    `a` and `b` do not pair:
      no parameter was chosen
    ");
    // A choice leaves nothing out without a word: what is chosen needs a partner.
    insta::assert_snapshot!(message(Pairing::by_path_where(&params, "a", "b", |rest| rest == "1.bias")), @r"
    `a` and `b` do not pair:
      `b.1.bias` has no partner `a.1.bias`
    ");
}

#[test]
fn the_table_tells_what_is_shared() {
    let mut params = store(&[("a.weight", &[2, 3]), ("a.b", &[3]), ("long.weight", &[2, 3]), ("long.b", &[3])]);
    let pairing = Pairing::by_path(&params, "a", "long").unwrap();
    let pair = pairing.pairs()[0];
    params.tie(pair.second.id, pair.first.id).unwrap();
    insta::assert_snapshot!(pairing.table(&params), @r"
    first     second       shape   status
    a.weight  long.weight  [2, 3]  shared
    a.b       long.b       [3]     free
    ");
    let itself = Pairing::by_path(&params, "a.b", "a.b").unwrap();
    insta::assert_snapshot!(itself.table(&params), @r"
    first  second  shape  status
    a.b    a.b     [3]    one name, counts as zero
    ");
}
