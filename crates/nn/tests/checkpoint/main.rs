//! Checkpoints: what comes back, what is refused, and that nothing changes when it is.

mod layouts;
mod parts;
mod refused;

use std::fs;
use std::path::{Path, PathBuf};

use insta::assert_snapshot;
use rand::{Rng, SeedableRng};
use tandem_autograd::{Params, Tensor};
use tandem_nn::Generator;
use tandem_nn::checkpoint::{Checkpoint, CheckpointError};
use tempfile::TempDir;

fn directory() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.safetensors");
    (directory, path)
}

/// Parameters of these names and one number each, which are drawn from the seed; `ties` are pairs of names.
fn store(names: &[&str], ties: &[[&str; 2]], seed: u64) -> Params<f32> {
    let (mut params, mut rng) = (Params::new(), Generator::seed_from_u64(seed));
    for name in names {
        params.add(name, Tensor::new([2], vec![rng.next_u32() as f32, rng.next_u32() as f32]));
    }
    for [name, with] in ties {
        let [name, with] = [name, with].map(|name| params.find(name).unwrap());
        params.tie(name, with).unwrap();
    }
    params
}

/// Every name with its slot's place and its numbers.
fn content(params: &Params<f32>) -> Vec<(String, usize, Vec<f32>)> {
    let states = params.states().map(|(id, name)| (name.to_string(), usize::MAX, params.state(id).data().to_vec()));
    let of = |(id, name): (_, &str)| (name.to_string(), params.slot(id).index(), params.get(id).data().to_vec());
    params.names().map(of).chain(states).collect()
}

fn data<'p>(params: &'p Params<f32>, name: &str) -> &'p [f32] {
    params.get(params.find(name).unwrap()).data()
}

/// A safetensors file, by hand.
fn raw(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data].concat()
}

/// The header of a file.
fn header(path: &Path) -> String {
    let bytes = fs::read(path).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    String::from_utf8(bytes[8..8 + length].to_vec()).unwrap().trim_end().to_string()
}

/// What a load says, without the folder; and it has to leave the program as it was.
fn refusal(mut load: impl FnMut(&mut Params<f32>) -> Result<(), CheckpointError>, params: &mut Params<f32>) -> String {
    let before = content(params);
    let message = load(params).unwrap_err().to_string();
    assert_eq!(content(params), before, "{message}");
    let start = message.find("model.safetensors").unwrap();
    message[start..].to_string()
}

#[test]
fn a_slot_is_saved_once_and_all_its_names_come_back_tied() {
    let (_directory, path) = directory();
    let mut params = store(&["out", "in", "bias", "third"], &[["out", "in"], ["third", "in"]], 1);
    params.add_state("running", Tensor::new([1], vec![0.25]));
    let expected = content(&params);
    Checkpoint::of(&mut params).save(&path).unwrap();
    assert_snapshot!(header(&path), @r#"{"__metadata__":{"out":"in","tandem.layout":"tandem","tandem.shared":"[[\"in\",\"out\",\"third\"]]","third":"in"},"bias":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"in":{"dtype":"F32","shape":[2],"data_offsets":[8,16]},"running":{"dtype":"F32","shape":[1],"data_offsets":[16,20]}}"#);
    // Into the same store, moved on, and into a new one of the same program.
    let slot = params.slot(params.find("in").unwrap());
    params.update(slot, |w| w.fill(7.0));
    Checkpoint::of(&mut params).load(&path).unwrap();
    assert_eq!(content(&params), expected);
    let mut fresh = store(&["out", "in", "bias", "third"], &[["out", "in"], ["third", "in"]], 2);
    fresh.add_state("running", Tensor::zeros([1]));
    Checkpoint::of(&mut fresh).load(&path).unwrap();
    assert_eq!(content(&fresh), expected);
}

#[test]
fn the_same_content_makes_the_same_bytes_in_whatever_order_it_was_made() {
    let (_directory, path) = directory();
    let mut files = Vec::new();
    for names in [["a", "b", "c", "d"], ["d", "c", "b", "a"]] {
        let (mut params, mut x, mut y) = (Params::<f32>::new(), 3_u8, "text".to_string());
        for name in names {
            params.add(name, Tensor::full([3], f32::from(name.as_bytes()[0])));
        }
        for [name, with] in [["d", "a"], ["c", "b"]] {
            let [name, with] = [name, with].map(|name| params.find(name).unwrap());
            params.tie(name, with).unwrap();
        }
        Checkpoint::of(&mut params).value("x", &mut x).value("y", &mut y).save(&path).unwrap();
        files.push(fs::read(&path).unwrap());
    }
    assert_eq!(files[0], files[1]);
    // Saved over a file that is there, without a trace of the way.
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn values_come_back_and_a_generator_goes_on_where_it_was() {
    let (_directory, path) = directory();
    let (mut params, mut generator) = (store(&["a"], &[], 1), Generator::seed_from_u64(5));
    generator.set_stream(9);
    assert_ne!([0; 13].map(|_| generator.next_u32()), [0; 13]);
    let (mut epoch, mut best) = (17_u64, Some(0.1_f64 + 0.2));
    let mut all = Checkpoint::of(&mut params).value("epoch", &mut epoch).value("best", &mut best);
    all = all.value("generator", &mut generator);
    all.save(&path).unwrap();
    let next: Vec<u64> = (0..9).map(|_| generator.next_u64()).collect();
    let (mut fresh, mut first, mut found) = (Generator::seed_from_u64(0), 0_u64, None::<f64>);
    let mut all = Checkpoint::of(&mut params).value("epoch", &mut first).value("best", &mut found);
    all = all.value("generator", &mut fresh);
    all.load(&path).unwrap();
    assert_eq!((first, found.map(f64::to_bits)), (epoch, best.map(f64::to_bits)));
    assert!((0..9).map(|_| fresh.next_u64()).eq(next));

    // What JSON can't hold is refused when it is saved, not when it is needed.
    let before = fs::read(&path).unwrap();
    let mut lost = f64::INFINITY;
    let message = Checkpoint::of(&mut params).value("lost", &mut lost).save(&path).unwrap_err().to_string();
    assert!(message.contains("`lost`: written as null, it can't be read again"), "{message}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn ties_that_differ_are_refused_unless_the_caller_asks() {
    let (_directory, path) = directory();
    let names = ["a", "b", "c"];
    // Apart in the file, with different values for a and b, and tied in the program.
    Checkpoint::of(&mut store(&names, &[], 1)).save(&path).unwrap();
    let mut params = store(&names, &[["b", "a"], ["c", "a"]], 2);
    assert_snapshot!(refusal(|params| Checkpoint::of(params).load(&path), &mut params), @r"
    model.safetensors: 1 entry that does not fit:
      `a`, `b`, `c`: tied in the program, but of different values in the file (untying() would part them)
    ");
    Checkpoint::of(&mut params).untying().load(&path).unwrap();
    assert_eq!((params.numel(), data(&params, "b")), (6, data(&store(&names, &[], 1), "b")));

    // Apart in the file, with equal values: the tie holds, unless the caller asks.
    let mut equal = store(&names, &[["b", "a"]], 1);
    equal.untie(equal.find("b").unwrap());
    Checkpoint::of(&mut equal).save(&path).unwrap();
    for ask in [false, true] {
        let mut params = store(&names, &[["b", "a"]], 2);
        let all = Checkpoint::of(&mut params);
        let mut all = if ask { all.untying() } else { all };
        all.load(&path).unwrap();
        assert_eq!((params.numel(), data(&params, "b")), (if ask { 6 } else { 4 }, data(&equal, "a")));
    }

    // Tied in the file and apart in the program.
    Checkpoint::of(&mut store(&names, &[["b", "a"]], 1)).save(&path).unwrap();
    let mut params = store(&names, &[], 2);
    assert_snapshot!(refusal(|params| Checkpoint::of(params).load(&path), &mut params), @r"
    model.safetensors: 1 entry that does not fit:
      `a`, `b`: one tensor in the file, but not tied in the program (tying() would tie them)
    ");
    Checkpoint::of(&mut params).tying().load(&path).unwrap();
    assert_eq!((params.numel(), data(&params, "b")), (4, data(&store(&names, &[], 1), "a")));

    // a and b in the file, b and c in the program: both at once.
    let mut params = store(&names, &[["c", "b"]], 2);
    assert_snapshot!(refusal(|params| Checkpoint::of(params).load(&path), &mut params), @r"
    model.safetensors: 2 entries that do not fit:
      `a`, `b`: one tensor in the file, but not tied in the program (tying() would tie them)
      `a`, `b`, `c`: tied in the program, but of different values in the file (untying() would part them)
    ");
    Checkpoint::of(&mut params).tying().untying().load(&path).unwrap();
    let tied =
        |one: &str, other: &str| params.slot(params.find(one).unwrap()) == params.slot(params.find(other).unwrap());
    assert_eq!((tied("a", "b"), tied("b", "c"), params.numel()), (true, false, 4));
}

#[test]
fn a_part_of_a_model_is_loaded_under_whatever_names() {
    let (_directory, path) = directory();
    let mut saved = store(&["encoder.w", "head.w", "encoder.b"], &[["head.w", "encoder.w"]], 1);
    Checkpoint::of(&mut saved).renamed(&|name| format!("model.{name}")).save(&path).unwrap();
    // The tensor stands under `model.encoder.w`; `model.head.w` is a name that shares it.
    let mut params = store(&["top.w", "top.v", "x"], &[["top.v", "top.w"]], 2);
    let before = data(&params, "x").to_vec();
    let theirs = |name: &str| name.replace("top", "model.head");
    Checkpoint::of(&mut params).renamed(&theirs).only(&|name| name == "top.w").load(&path).unwrap();
    assert_eq!(data(&params, "top.v"), data(&saved, "head.w"));
    assert_eq!(data(&params, "x"), before);

    // What loads nothing is no load.
    let message = refusal(|params| Checkpoint::of(params).only(&|name| name == "typo").load(&path), &mut params);
    assert!(message.ends_with("only(): no parameter of the program is meant"), "{message}");

    let mut one = store(&["a", "b"], &[], 1);
    let message = Checkpoint::of(&mut one).renamed(&|_| "same".into()).save(&path).unwrap_err().to_string();
    assert!(message.ends_with("1 entry that does not fit:\n  `same`: the name of two entries"), "{message}");
}
