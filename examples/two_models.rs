//! Two models of related tasks: independent, close or equal (Deep Learning, section 7.9).
//!
//! Model A has 800 labelled digits; model B has 50, by other writers and turned: related inputs.

use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use tandem::autograd::{Params, Tape, Tensor};
use tandem::nn::data::{Batches, DataError, Images, Last, digits};
use tandem::nn::{Adam, Generator, Init, Layer, Linear, Mode, Optimizer, Training, accuracy};
use tandem::tying::{Coupling, Pairing, Strength};

/// All that differs between the three programs. λ and the angle were chosen on draws 1000 to 1011.
pub const SPECTRUM: [Strength; 3] = [Strength::Free, Strength::Coupled(0.0003), Strength::Shared];
const DRAWS: u64 = 12;
const DEGREES: f64 = 25.0;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (train, test) = digits(concat!(env!("CARGO_MANIFEST_DIR"), "/data"))?;
    let images = [train.subset(0..905), train.subset(905..1029).followed_by(&test).rotated(DEGREES)];
    println!("B has 50 labels and is turned by {DEGREES}°. Means of {DRAWS} draws of rows and first weights:");
    println!("strength             accuracy of B  ‖wA − wB‖  unique parameters  bytes");
    let mut results = Vec::new();
    for strength in SPECTRUM {
        let run = |draw| fit(strength, draw, &images, |_, _, _| ());
        let runs = (0..DRAWS).map(run).collect::<Result<Vec<_>, _>>()?;
        let (accuracy, distance) = (mean(runs.iter().map(|run| run.0)).0, mean(runs.iter().map(|run| run.1)).0);
        let (.., unique, bytes) = runs[0];
        println!("{:19}  {accuracy:11.1} %  {distance:9.2}  {unique:17}  {bytes:5}", strength.to_string());
        results.push((strength, accuracy, runs));
    }
    results.sort_by(|one, other| other.1.total_cmp(&one.1));
    println!("Best here: {}. Its lead ± standard error over the draws (within two: maybe chance):", results[0].0);
    for (strength, _, runs) in &results[1..] {
        let (lead, error) = mean(results[0].2.iter().zip(runs).map(|(best, run)| best.0 - run.0));
        println!("  over {strength}: {lead:.1} ± {error:.1} points");
    }
    Ok(())
}

/// Accuracy of B in per cent on images not trained on, ‖wA − wB‖, unique parameters, their bytes.
type Run = Result<(f64, f64, usize, usize), Box<dyn std::error::Error>>;

/// `see` may look on before each step.
pub(crate) fn fit(strength: Strength, draw: u64, of: &[Images; 2], see: impl Fn(&Params, &Coupling, &Adam)) -> Run {
    let ([(xa, ya), _], [(xb, yb), (unseen, labels)]) = (split(&of[0], 800, draw)?, split(&of[1], 50, draw)?);
    let (mut params, mut rng) = (Params::<f32>::new(), Xoshiro256PlusPlus::seed_from_u64(draw));
    let [a, b] = ["a", "b"].map(|model| Linear::new(&mut params, model, [64, 10], Init::Glorot, &mut rng));
    let pairing = Pairing::by_path(&params, "a", "b")?;
    let coupling = Coupling::new(&mut params, pairing, strength)?;
    let (mut optimizer, training) = (Adam::new(0.02), Training::new(Generator::seed_from_u64(draw)));
    for _ in 0..400 {
        see(&params, &coupling, &optimizer);
        let tape = Tape::new(&params);
        let constant = |tensor: &Tensor| tape.constant(tensor.clone());
        let loss_a = a.forward(&tape, constant(&xa), Mode::Train(&training)).cross_entropy(constant(&ya));
        let loss_b = b.forward(&tape, constant(&xb), Mode::Train(&training)).cross_entropy(constant(&yb));
        let gradients = (loss_a + loss_b + coupling.penalty(&tape)).backward();
        optimizer.step(&mut params, &gradients);
    }
    let tape = Tape::without_gradients(&params);
    let logits = b.forward(&tape, tape.constant(unseen), Mode::Eval).into_value();
    let labels: Vec<usize> = labels.data().iter().map(|&label| label as usize).collect();
    Ok((100.0 * accuracy(&logits, &labels), coupling.distance(&params), params.numel(), params.bytes()))
}

/// Images and labels of as many rows, drawn at random, and of the rest.
fn split(images: &Images, count: usize, draw: u64) -> Result<[(Tensor, Tensor); 2], DataError> {
    let rows: Vec<usize> = Batches::new(images.len(), 1, draw, Last::Keep)?.iter().flatten().copied().collect();
    Ok([&rows[..count], &rows[count..]].map(|rows| {
        let Images { pixels, labels, .. } = images.subset(rows.iter().copied());
        let labels = labels.iter().map(|&label| label as f32).collect();
        (Tensor::new([rows.len(), images.size()], pixels), Tensor::new([rows.len()], labels))
    }))
}

/// The mean and its standard error.
fn mean(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (n, sum, squares) = values.fold((0.0, 0.0, 0.0), |(n, sum, squares), x| (n + 1.0, sum + x, squares + x * x));
    (sum / n, ((squares - sum * sum / n) / (n * (n - 1.0))).sqrt())
}
