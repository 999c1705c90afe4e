//! All steps on the same numbers: that they agree, and how long each takes.

use std::hint::black_box;
use std::time::Instant;

use tandem::autograd::kernels::convolution::{Geometry, forward, forward_space};
use tandem::autograd::kernels::elementwise::each;
use tandem::autograd::kernels::{Instructions, set_threads, with_direct_convolution, with_instructions};

use crate::steps::{
    IMAGES, IN, OUT, PAD, PLACES, POSITIONS, Packed, SIDE, SIZE, definition, product, product_in_tiles, reordered,
    unfold,
};

/// Multiplications and additions of the definition, the padding's included.
pub const OPERATIONS: f64 = 2.0 * (POSITIONS * PLACES * OUT) as f64;

/// What writes the result.
type Run<'a> = Box<dyn FnMut(&mut [f32]) + 'a>;

/// One way to compute the convolution.
pub struct Step<'a> {
    pub name: &'static str,
    run: Run<'a>,
    /// Seconds, of each round.
    seconds: Vec<f64>,
}

impl Step<'_> {
    /// The median of all rounds, in seconds: far above the quietest where the machine was busy.
    pub fn median(&self) -> f64 {
        let mut sorted = self.seconds.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    }

    /// The quietest round, in seconds.
    pub fn least(&self) -> f64 {
        self.seconds.iter().copied().fold(f64::INFINITY, f64::min)
    }
}

/// Numbers between −½ and ½ without a pattern that matters here.
pub fn numbers(len: usize, step: usize) -> Vec<f32> {
    (0..len).map(|i| (i * step % 1009) as f32 / 1009.0 - 0.5).collect()
}

/// Every step that this machine can take, the slowest first.
pub fn steps<'a>(x: &'a [f32], kernel: &'a [f32]) -> Vec<Step<'a>> {
    let step = |name, run: Run<'a>| Step { name, run, seconds: Vec::new() };
    let (mut matrix, mut same) = (vec![0.0; POSITIONS * PLACES], vec![0.0; POSITIONS * PLACES]);
    let mut packed = Packed::default();
    let mut steps = vec![
        step("the definition, seven loops", Box::new(|z| definition(x, kernel, z))),
        step("output channels innermost", Box::new(|z| reordered(x, kernel, z))),
        step(
            "unfolded, product by three loops",
            Box::new(move |z| {
                unfold(x, &mut matrix);
                product(&matrix, kernel, z, [PLACES, OUT]);
            }),
        ),
        step(
            "… product in tiles of 4 × 8",
            Box::new(move |z| {
                unfold(x, &mut same);
                product_in_tiles(&same, kernel, z, [PLACES, OUT]);
            }),
        ),
        step("… packed, a block at a time", Box::new(move |z| packed.convolve(x, kernel, z))),
    ];
    let products = [
        ("the library, nothing unfolded", Instructions::Portable),
        ("… registers of 32 bytes, AVX2", Instructions::Avx2),
        ("… registers of 64 bytes, AVX-512", Instructions::Avx512),
    ];
    for (name, set) in products.into_iter().filter(|(_, set)| set.available()) {
        let mut direct = library(x, kernel, 1);
        let run = move |z: &mut [f32]| with_instructions(set, || with_direct_convolution(|| direct(z)));
        steps.push(step(name, Box::new(run)));
    }
    steps.push(step("… by tiles at points (Winograd)", Box::new(library(x, kernel, 1))));
    steps.push(step("… on two threads", Box::new(library(x, kernel, 2))));
    steps
}

/// The library's convolution on so many threads.
fn library<'a>(x: &'a [f32], kernel: &'a [f32], threads: usize) -> impl FnMut(&mut [f32]) + 'a {
    let geometry = Geometry {
        images: IMAGES,
        image: [SIDE; 2],
        channels: [IN, OUT],
        kernel: [SIZE; 2],
        stride: [1; 2],
        pad: [PAD; 2],
        dilation: [1; 2],
        groups: 1,
        tile: [1; 2],
        out: [SIDE; 2],
    };
    let mut space = Vec::new();
    move |z| {
        set_threads(threads);
        space.resize(forward_space::<f32>(&geometry), 0.0);
        forward(&geometry, x, kernel, z, &mut space);
        set_threads(1);
    }
}

/// The largest distance of a step's result from the definition's, as a part of the root of the mean square.
pub fn distance(found: &[f32], expected: &[f32]) -> f32 {
    let mean = expected.iter().map(|x| x * x).sum::<f32>() / expected.len() as f32;
    found.iter().zip(expected).map(|(x, y)| (x - y).abs()).fold(0.0, f32::max) / mean.sqrt()
}

/// Runs every step once, and says how far its result is from the first one's.
pub fn distances(steps: &mut [Step<'_>]) -> Vec<f32> {
    let mut expected = Vec::new();
    let mut distances = Vec::new();
    for step in steps {
        let mut z = vec![f32::NAN; POSITIONS * OUT];
        (step.run)(&mut z);
        if expected.is_empty() {
            expected.clone_from(&z);
        }
        distances.push(distance(&z, &expected));
    }
    distances
}

/// Times all steps in turn, so that what else the machine does hits all of them. A fast step is repeated in each round.
pub fn measure(steps: &mut [Step<'_>], rounds: usize) {
    const LONG_ENOUGH: f64 = 0.002;
    let mut z = vec![0.0; POSITIONS * OUT];
    let mut repetitions = vec![1; steps.len()];
    for round in 0..=rounds {
        for (step, repetitions) in steps.iter_mut().zip(&mut repetitions) {
            let start = Instant::now();
            for _ in 0..*repetitions {
                (step.run)(black_box(&mut z));
            }
            let seconds = start.elapsed().as_secs_f64() / f64::from(*repetitions);
            if round == 0 {
                *repetitions = (LONG_ENOUGH / seconds).clamp(1.0, 1000.0) as i32;
            } else {
                step.seconds.push(seconds);
            }
        }
    }
}

/// Operations a second that one core reaches where there is nothing to wait for: 32 fused multiply-adds for each number
/// read, in four chains, over numbers in the first cache. The best of some rounds; none without the instruction.
pub fn peak(rounds: usize) -> Option<f64> {
    const LEN: usize = 2048;
    const TIMES: usize = 20;
    let (x, mut z) = (numbers(LEN, 389), vec![0.0; LEN]);
    let round = |_| {
        let start = Instant::now();
        for _ in 0..TIMES {
            each([black_box(&mut z[..])], [&x], |_, [x]| {
                let mut sums = [x, x + 1.0, x + 2.0, x + 3.0];
                for _ in 0..8 {
                    sums = sums.map(|sum| sum.mul_add(x, 0.5));
                }
                [sums.iter().sum()]
            });
        }
        (2 * 32 * LEN * TIMES) as f64 / start.elapsed().as_secs_f64()
    };
    Instructions::Avx2.available().then(|| (0..rounds).map(round).fold(0.0, f64::max))
}
