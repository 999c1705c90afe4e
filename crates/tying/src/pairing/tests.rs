use tandem_autograd::Tensor;

use super::*;
use crate::rows;

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

#[test]
fn patterns_end_at_segments() {
    let shape: &[usize] = &[2];
    let names = ["a.0.w", "a.0.b", "a.10.w", "a.x.y.w", "b.0.w", "b.0.b", "b.10.w", "b.x.y.w"];
    let params = store(&names.map(|name| (name, shape)));
    let cases: [(&str, &[&str]); 7] = [
        ("*.w", &["a.0.w", "a.10.w"]),
        ("?.w", &["a.0.w"]),
        ("0.*", &["a.0.w", "a.0.b"]),
        ("**.w", &["a.0.w", "a.10.w", "a.x.y.w"]),
        ("x.**", &["a.x.y.w"]),
        ("[01]*.[bw]", &["a.0.w", "a.0.b", "a.10.w"]),
        ("**", &["a.0.w", "a.0.b", "a.10.w", "a.x.y.w"]),
    ];
    for (pattern, expected) in cases {
        let pairing = Pairing::by_glob(&params, "a", "b", pattern).unwrap();
        let firsts: Vec<&str> = pairing.pairs().iter().map(|pair| params.name(pair.first.id)).collect();
        assert_eq!(firsts, expected, "{pattern}");
    }
}

#[test]
fn what_is_left_out_on_purpose_is_shown() {
    let params = store(&[("a.0", &[2, 3]), ("a.1", &[3]), ("b.0", &[2, 3]), ("b.2", &[]), ("c.0", &[4])]);
    let pairing = Pairing::by_glob(&params, "a", "b", "0").unwrap();
    insta::assert_snapshot!(pairing.table(&params), @r"
    first  second  shape   status
    a.0    b.0     [2, 3]  free
    a.1    –       [3]     left out
    b.2    –       []      left out
    ");
}

#[test]
fn what_another_pairing_takes_in_is_no_longer_left_out() {
    let shape: &[usize] = &[2];
    let params = store(&["a.w", "a.b", "a.c", "b.w", "b.b", "b.c"].map(|name| (name, shape)));
    let of = |pattern: &str| Pairing::by_glob(&params, "a", "b", pattern).unwrap();
    // A pair that both have stands once.
    insta::assert_snapshot!(of("w").and(of("b")).and(of("w")).table(&params), @r"
    first  second  shape  status
    a.w    b.w     [2]    free
    a.b    b.b     [2]    free
    a.c    –       [2]    left out
    b.c    –       [2]    left out
    ");
}

#[test]
fn rows_pair_with_all_of_another() {
    let params = store(&[("big", &[5, 3]), ("small", &[2, 3]), ("flat", &[5])]);
    let list = [
        (rows("big", ..2), rows("small", ..)),
        (rows("big", 3..=4), rows("big", 1..3)),
        (rows("flat", 1..2), rows("flat", 4..)),
        (rows("big", 0..5), rows("big", ..)),
    ];
    let pairing = Pairing::list(&params, list).unwrap();
    insta::assert_snapshot!(pairing.table(&params), @r"
    first       second      shape   status
    big[0..2]   small       [2, 3]  free
    big[3..5]   big[1..3]   [2, 3]  free
    flat[1..2]  flat[4..5]  [1]     free
    big         big         [5, 3]  one name, counts as zero
    ");
}

#[test]
fn graphs_make_pairs_with_weights() {
    let shape: &[usize] = &[2];
    let names = ["a.x", "a.y", "b.x", "b.y", "c.x", "c.y", "d.x", "d.y"];
    let params = store(&names.map(|name| (name, shape)));
    let models = ["a", "b", "c", "d"];
    let edges = |graph: &ModelGraph| {
        let pairing = Pairing::over_where(&params, graph, |rest| rest == "x").unwrap();
        let name = |part: Part| params.name(part.id)[..1].to_string();
        let edges =
            pairing.pairs().iter().map(|pair| format!("{}{} {}", name(pair.first), name(pair.second), pair.weight));
        edges.collect::<Vec<_>>().join(", ")
    };
    assert_eq!(edges(&ModelGraph::chain(models)), "ab 1, bc 1, cd 1");
    assert_eq!(edges(&ModelGraph::star("a", ["b", "c", "d"])), "ab 1, ac 1, ad 1");
    assert_eq!(edges(&ModelGraph::complete(models)), "ab 1, ac 1, ad 1, bc 1, bd 1, cd 1");
    assert_eq!(edges(&ModelGraph::mean(models)), "ab 0.25, ac 0.25, ad 0.25, bc 0.25, bd 0.25, cd 0.25");
    assert_eq!(edges(&ModelGraph::new(models).edge("d", "b", 0.5)), "db 0.5");
    let all = Pairing::over(&params, &ModelGraph::mean(["a", "b"])).unwrap();
    insta::assert_snapshot!(all.and(Pairing::by_path(&params, "c", "d").unwrap()).table(&params), @r"
    first  second  shape  weight  status
    a.x    b.x     [2]    0.5     free
    a.y    b.y     [2]    0.5     free
    c.x    d.x     [2]    1       free
    c.y    d.y     [2]    1       free
    ");
}
