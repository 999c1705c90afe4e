//! A tie survives everything but `untie`: one row for each way in which ties get lost elsewhere, with the public thread
//! that shows it.
//!
//! Every row holds a program whose two names are tied against one that has a single name and uses it twice: where
//! nothing is tied, no tie can be lost.

use std::path::{Path, PathBuf};

use tandem::autograd::{Float, Gradients, ParamId, Params, Tape, Tensor};
use tandem::memory::MemoryByName;
use tandem::nn::checkpoint::Checkpoint;
use tandem::nn::{Adam, AdamW, Ema, Optimizer, PerSlot, Sgd, clip_norm, clip_value, gradient_norm};

/// A parameter under two names, or under one that stands for both; and one of its own.
#[derive(Clone)]
struct Program<T: Float = f32> {
    params: Params<T>,
    input: ParamId,
    output: ParamId,
    bias: ParamId,
}

impl Program {
    /// Two names; `seed` decides the numbers.
    fn tied(seed: u8) -> Program {
        let mut params = Params::new();
        let [input, output] = ["input", "output"].map(|name| params.add(name, matrix(seed)));
        params.tie(output, input).unwrap();
        let bias = params.add("bias", Tensor::full([3], 0.5));
        Program { params, input, output, bias }
    }

    /// One name in both places.
    fn single(seed: u8) -> Program {
        let mut params = Params::new();
        let input = params.add("input", matrix(seed));
        let bias = params.add("bias", Tensor::full([3], 0.5));
        Program { params, input, output: input, bias }
    }

    fn both(seed: u8) -> [Program; 2] {
        [Program::tied(seed), Program::single(seed)]
    }
}

impl<T: Float> Program<T> {
    /// Both names are used, with different inputs.
    fn gradients(&self) -> Gradients<T> {
        let tape = Tape::new(&self.params);
        let [x, y] = [0.3, -0.7].map(|x| tape.constant(Tensor::full([1, 3], T::from_f64(x))));
        let hidden = (x.matmul(tape.param(self.input)) + tape.param(self.bias)).tanh();
        (hidden.matmul(tape.param(self.output)) - y).square().sum().backward()
    }

    fn step(&mut self, optimizer: &mut dyn Optimizer<T>) {
        let gradients = self.gradients();
        optimizer.step(&mut self.params, &gradients);
    }

    /// The numbers under both names, which are the same place.
    fn numbers(&self) -> Vec<T> {
        assert_eq!(self.params.slot(self.input), self.params.slot(self.output), "the tie is lost");
        assert!(std::ptr::eq(self.params.get(self.input).data(), self.params.get(self.output).data()));
        [self.input, self.bias].iter().flat_map(|&id| self.params.get(id).data().to_vec()).collect()
    }
}

fn matrix(seed: u8) -> Tensor {
    Tensor::new([3, 3], (0..9).map(|i| f32::from(i * 7 % 5 + seed) / 8.0 - 0.3).collect())
}

/// What becomes of both programs when the same is done to them.
fn same<R: PartialEq + std::fmt::Debug>(act: impl Fn(&mut Program) -> R) {
    let [mut tied, mut single] = Program::both(1);
    let [found, expected] = [act(&mut tied), act(&mut single)];
    assert_eq!(found, expected);
    assert_eq!(tied.numbers(), single.numbers());
}

fn file(directory: &Path) -> PathBuf {
    directory.join("model.safetensors")
}

type Row = (&'static str, &'static str, fn(&Path));

const TABLE: [Row; 15] = [
    ("clone", "pytorch/pytorch#79788", |_| {
        same(|program| {
            let mut clone = program.clone();
            clone.step(&mut Sgd::new(0.1));
            assert_ne!(clone.numbers(), program.numbers(), "the clone has numbers of its own");
            clone.numbers()
        });
    }),
    ("load", "pytorch/pytorch#188346", |directory| {
        same(|program| {
            Checkpoint::of(&mut program.params).save(file(directory)).unwrap();
            let before = program.numbers();
            program.step(&mut Sgd::new(0.1));
            Checkpoint::of(&mut program.params).load(file(directory)).unwrap();
            assert_eq!(program.numbers(), before);
            program.step(&mut Sgd::new(0.1));
        });
    }),
    ("load into a new model", "huggingface/accelerate#1204", |directory| {
        Checkpoint::of(&mut Program::tied(1).params).save(file(directory)).unwrap();
        let mut program = Program::tied(2);
        Checkpoint::of(&mut program.params).load(file(directory)).unwrap();
        assert_eq!(program.numbers(), Program::single(1).numbers());
        // One that does not tie them is told; it can take the file's tie.
        let mut apart = Program::tied(2);
        apart.params.untie(apart.output);
        let message = Checkpoint::of(&mut apart.params).load(file(directory)).unwrap_err().to_string();
        assert!(
            message.contains("`input`, `output`: one tensor in the file, but not tied in the program"),
            "{message}"
        );
        Checkpoint::of(&mut apart.params).tying().load(file(directory)).unwrap();
        assert_eq!(apart.numbers(), Program::single(1).numbers());
    }),
    ("load a subset", "huggingface/transformers#37758", |directory| {
        for name in ["input", "output"] {
            Checkpoint::of(&mut Program::tied(1).params).save(file(directory)).unwrap();
            let mut program = Program::tied(2);
            Checkpoint::of(&mut program.params).only(&|each| each == name).load(file(directory)).unwrap();
            assert_eq!(program.numbers(), Program::single(1).numbers(), "{name}");
        }
    }),
    ("save", "safetensors/safetensors#202", |directory| {
        let mut program = Program::tied(1);
        Checkpoint::of(&mut program.params).save(file(directory)).unwrap();
        let bytes = std::fs::read(file(directory)).unwrap();
        let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        assert_eq!(bytes.len() - 8 - header, program.params.bytes());
        assert_eq!(program.params.bytes(), (9 + 3) * 4);
    }),
    ("cast to f64 and back", "InfiniTensor/InfiniTrain#236", |_| {
        same(|program| {
            let Program { ref params, input, output, bias } = *program;
            let mut precise = Program::<f64> { params: params.cast(), input, output, bias };
            precise.step(&mut Sgd::new(0.1));
            program.params = precise.params.cast();
            precise.numbers()
        });
    }),
    ("optimizer state", "pytorch/pytorch#40967", |_| {
        same(|program| {
            let (mut adam, mut momentum) = (Adam::new(0.1), Sgd::new(0.1).momentum(0.9));
            for _ in 0..3 {
                program.step(&mut adam);
                program.step(&mut momentum);
            }
            let slots = program.params.slots().collect::<Vec<_>>();
            let states = |of: &dyn PerSlot<f32>| {
                slots.iter().map(|&slot| (of.of_slot(slot).unwrap().0, of.state_bytes(slot))).collect::<Vec<_>>()
            };
            [states(&adam), states(&momentum)]
        });
    }),
    ("weight decay", "rwth-i6/returnn#1319", |_| {
        same(|program| {
            program.step(&mut AdamW::new(0.1).decay(0.5));
            program.step(&mut Sgd::new(0.1).decay(0.5));
        });
    }),
    ("gradient clipping", "NVIDIA/Megatron-LM#7228", |_| {
        same(|program| {
            let mut gradients = program.gradients();
            clip_norm(&mut gradients, 0.1);
            let clipped = gradients.of(&program.params, program.output).unwrap().clone();
            let mut gradients = program.gradients();
            clip_value(&mut gradients, 0.01);
            (clipped, gradients.of(&program.params, program.output).unwrap().clone())
        });
    }),
    ("gradient norm", "NVIDIA/Megatron-LM#7227", |_| same(|program| gradient_norm(&program.gradients()))),
    ("moving average", "pytorch/pytorch#79788", |_| {
        same(|program| {
            let (mut average, mut optimizer) = (Ema::new(0.5), Sgd::new(0.1));
            for _ in 0..3 {
                program.step(&mut optimizer);
                average.update(&program.params);
            }
            let averaged = Program { params: average.averaged(&program.params), ..program.clone() };
            assert_ne!(averaged.numbers(), program.numbers());
            averaged.numbers()
        });
    }),
    ("counting", "sksq96/pytorch-summary#37", |_| {
        same(|program| {
            let params = &program.params;
            let by_name = MemoryByName::new(params).with_gradients(&program.gradients());
            (params.numel(), params.bytes(), params.slots().count(), by_name.unique())
        });
    }),
    ("freezing", "CarperAI/trlx#543", |_| {
        same(|program| {
            // By one of its names, for all of them.
            program.params.set_trainable(program.output, false);
            assert!(!program.params.is_trainable(program.input));
            assert!(program.gradients().of(&program.params, program.input).is_none());
            program.step(&mut AdamW::new(0.1));
        });
    }),
    ("resume", "NVIDIA-NeMo/Automodel#2571", |directory| {
        let mut whole = (Program::single(1), Adam::new(0.1));
        (0..4).for_each(|_| whole.0.step(&mut whole.1));
        let mut first = (Program::tied(1), Adam::new(0.1));
        (0..2).for_each(|_| first.0.step(&mut first.1));
        Checkpoint::of(&mut first.0.params).slots("adam", &mut first.1).save(file(directory)).unwrap();
        let mut second = (Program::tied(2), Adam::new(0.1));
        Checkpoint::of(&mut second.0.params).slots("adam", &mut second.1).load(file(directory)).unwrap();
        (0..2).for_each(|_| second.0.step(&mut second.1));
        assert_eq!(second.0.numbers(), whole.0.numbers());
    }),
    ("untie then retie", "NVIDIA-NeMo/Automodel#2942", |_| {
        let (mut program, mut optimizer) = (Program::tied(1), Adam::new(0.1));
        program.step(&mut optimizer);
        program.params.untie(program.output);
        program.step(&mut optimizer);
        let [input, output] = [program.input, program.output].map(|id| program.params.get(id).clone());
        let steps = |program: &Program, id| optimizer.of_slot(program.params.slot(id)).unwrap().0;
        assert!(input != output, "untied names go ways of their own");
        assert_eq!([steps(&program, program.input), steps(&program, program.output)], [2, 2]);
        program.params.tie(program.output, program.input).unwrap();
        assert_eq!((program.params.numel(), program.params.get(program.output)), (9 + 3, &input));
        // And goes on as a program with one name would, from there.
        let mut single = Program::single(1);
        single.params.set(single.input, input).unwrap();
        single.params.set(single.bias, program.params.get(program.bias).clone()).unwrap();
        let mut other = Adam::new(0.1);
        let entry = |id| {
            let (steps, tensors) = optimizer.of_slot(program.params.slot(id)).unwrap();
            (steps, tensors.to_vec())
        };
        let entries = [(single.input, entry(program.input)), (single.bias, entry(program.bias))];
        let entries = entries.map(|(id, (steps, tensors))| (single.params.slot(id), steps, tensors));
        other.restore(&single.params, entries.to_vec());
        program.step(&mut optimizer);
        single.step(&mut other);
        assert_eq!(program.numbers(), single.numbers());
    }),
];

#[test]
fn a_tie_survives_everything_but_untie() {
    for (what, thread, check) in TABLE {
        println!("{what}: elsewhere https://github.com/{}", thread.replace('#', "/issues/"));
        check(tempfile::tempdir().unwrap().path());
    }
}
