//! The figures that the README gives are those that the code computes now.

#[expect(dead_code, reason = "the example uses the rest")]
#[path = "../examples/convnet_memory/networks.rs"]
mod networks;
#[expect(dead_code, reason = "the example uses the rest")]
#[path = "../examples/convnet_memory/training.rs"]
mod training;

use networks::{Plan, Sharing};
use tandem::autograd::kernels;
use tandem::nn::data::{Batches, Last, digits};
use training::{OptimizerKind, Phase, Setting, Trainer, gather, predict};

const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data");

fn setting() -> Setting {
    let plan = Plan::new([8, 8], 1, 10).unwrap();
    Setting { plan, optimizer: OptimizerKind::Adam, lr: OptimizerKind::Adam.usual_rate(), batch: 32 }
}

/// The numbers in the row of the README's table that begins with this label, without "× less".
fn row(label: &str) -> Vec<usize> {
    let readme = include_str!("../README.md");
    let line = readme.lines().find(|line| line.starts_with(label)).expect("the table has this row");
    let cells = line[label.len()..].split_whitespace().filter(|cell| !cell.ends_with('×'));
    cells.map(|cell| cell.replace(',', "").parse().unwrap()).collect()
}

#[test]
fn the_readme_has_the_footprints_that_are_predicted_now() {
    kernels::set_threads(2);
    for (label, phase) in
        [("training: total, predicted", Phase::Training), ("inference: total, predicted", Phase::Inference)]
    {
        let predicted = Sharing::ALL.map(|sharing| predict(&setting(), sharing, phase).total());
        assert_eq!(row(label), predicted, "{label}");
    }
    let parameters = Sharing::ALL.map(|sharing| Trainer::new(&setting(), sharing, 0).params.numel());
    assert_eq!(row("unique parameters"), parameters);
}

#[test]
fn the_convolutional_network_reaches_94_5_per_cent_on_other_peoples_digits() {
    let (train, test) = digits(SHIPPED).unwrap();
    let accuracies = [0, 1, 2, 3, 4].map(|seed| {
        let mut trainer = Trainer::new(&setting(), Sharing::Convolutional, seed);
        let mut batches = Batches::new(train.len(), 32, seed, Last::Drop).unwrap();
        for epoch in 0..30 {
            for rows in batches.epoch(epoch) {
                let (x, labels) = gather(&train, rows);
                trainer.step(x, labels);
            }
        }
        trainer.accuracy(&test, 32)
    });
    let mean = accuracies.iter().sum::<f64>() / 5.0;
    assert!(mean >= 94.5, "{mean:.2} from {accuracies:.2?}");
}
