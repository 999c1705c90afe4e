//! Sharing that is not convolution: a recurrent network reads a digit row by row, with one cell for all times, or with
//! one for each time, at equal compute. `cargo run --release --example shared_in_time`

use std::process::ExitCode;

use rand::{RngExt, SeedableRng};
use support::experiment::{self, About, Experiment, Failure, Report, shipped_digits};
use support::{fit, fit::Effort, rows::draw, size::Size, versus::Versus};
use tandem::autograd::{Params, Tape, Tensor, Var};
use tandem::nn::data::{DataError, Images};
use tandem::nn::{Generator, Init, Layer, Linear, Mode, RateSchedule, RnnCell, accuracy};

#[path = "support/mod.rs"]
mod support;

const ABOUT: About =
    About { name: "shared_in_time", help: "One cell for all times, or one for each?", seeds: 20, quick: 3 };
/// Training images, drawn at random; the 50 are among the 100, and so on. The batch divides all these numbers.
const IMAGES: [usize; 5] = [50, 100, 200, 400, 1000];
const BATCH: usize = 25;
/// Empty rows around the digit. Where there are some, it begins at a random time: what a cell learns of one time is of
/// use at another.
const ROOMS: [usize; 2] = [0, 4];
const CASES: [&str; 2] = ["digits that begin at once", "digits that begin at a random time"];
/// The best of 0.005, 0.01 and 500, 1,000 on held-out quarters of the training rows, over all (seeds 1000 to 1007).
const RATE: f64 = 0.01;
const STEPS: usize = 1000;
const HIDDEN: usize = 32;

fn study(experiment: &Experiment) -> Result<Report, Failure> {
    let rows: [Images; 2] = shipped_digits()?.into();
    let with_images = |room| IMAGES.into_iter().flat_map(move |images| [true, false].map(|one| (room, images, one)));
    let settings: Vec<_> = ROOMS.into_iter().flat_map(with_images).collect();
    let runs = experiment.over_seeds("networks", &settings, |&setting, seed| run(setting, seed, &rows))?;
    let (names, x, y) = (["one cell", "a cell for each time"], "training images", "test accuracy, %");
    let versus =
        Versus { names, x, y, less: false, decimals: 1, cases: Vec::new() }.fill(&CASES, &IMAGES, &runs, |run| run.0);
    let error =
        format!("Means of {}; whiskers and ± are standard errors, of paired differences too", experiment.count());
    let picture = versus.picture("One cell for all times, or a cell for each", &error);
    let ([small, large], times) = ([2, 1].map(|back| runs[runs.len() - back][0].1), rows[1].height + ROOMS[1]);
    Ok(Report {
        title: "Shared in time".into(),
        claim: "One cell for all times stores less, and is worth data where what is read may come at any time.".into(),
        shows: format!("One cell takes {small}, {times} cells {large}; the lead in accuracy: {}.", versus.words(1)),
        limits: format!("Where each row has its time, a cell of its own may suit it: {}.", versus.words(0)),
        setting: format!(
            "h′ = tanh(x W + b + h U + c), {HIDDEN} wide, then a linear layer; {STEPS} steps of Adam ({RATE}), {BATCH} images each. {error}."
        ),
        tables: vec![("Test accuracy in per cent".into(), versus.table())],
        pictures: vec![("shared_in_time.svg".into(), picture)],
        figures: versus.figures(),
    })
}

/// Trains a network; its accuracy in per cent, and what it stores.
fn run((room, n, one): (usize, usize, bool), seed: u64, rows: &[Images; 2]) -> Result<(f64, Size), DataError> {
    let (mut params, mut rng) = (Params::new(), Generator::seed_from_u64(seed));
    let [test, train] = [&rows[1], &draw(&rows[0], n, seed)?].map(|images| late(images, room, &mut rng));
    let mut cell = |time| RnnCell::new(&mut params, &format!("cell{time}"), [train.width, HIDDEN], &mut rng);
    let cells: Vec<RnnCell> = (0..if one { 1 } else { train.height }).map(&mut cell).collect();
    let out = Linear::new(&mut params, "out", [HIDDEN, train.classes], Init::Uniform, &mut rng);
    let effort = Effort { rate: RateSchedule::constant(RATE), steps: STEPS, batch: BATCH };
    let size = fit::fit(&mut params, &train, effort, seed, |tape, images| {
        let labels = images.labels.iter().map(|&label| label as f32).collect();
        read(tape, images, &cells, out).cross_entropy(tape.constant(Tensor::new([images.len()], labels)))
    })?;
    let tape = Tape::without_gradients(&params);
    Ok((100.0 * accuracy(read(&tape, &test, &cells, out).value(), &test.labels), size))
}

/// The images, each after some empty rows and before others, of which there are `room` in all.
fn late(images: &Images, room: usize, rng: &mut Generator) -> Images {
    let (mut pixels, empty) = (Vec::new(), vec![0.0; room * images.width]);
    for image in images.pixels.chunks(images.size()) {
        let (before, after) = empty.split_at(rng.random_range(0..=room) * images.width);
        pixels.extend([before, image, after].concat());
    }
    Images { pixels, labels: images.labels.clone(), height: images.height + room, ..*images }
}

/// The logits of images that are read from top to bottom, at time t by cell t modulo the number of cells.
fn read<'t>(tape: &'t Tape<'_>, images: &Images, cells: &[RnnCell], out: Linear) -> Var<'t> {
    let (n, width) = (images.len(), images.width);
    let pixels = tape.constant(Tensor::new([n, images.height, width], images.pixels.clone()));
    let mut h = tape.constant(Tensor::zeros([n, HIDDEN]));
    for time in 0..images.height {
        h = cells[time % cells.len()].step(tape, pixels.clone().slice(1, time, 1).reshape([n, width]), h);
    }
    out.forward(tape, h, Mode::Eval)
}

fn main() -> ExitCode {
    experiment::run(&ABOUT, study)
}
