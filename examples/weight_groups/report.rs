//! Tables and sentences.

use serde_json::json;

use crate::support::experiment::{Experiment, Report};
use crate::support::format::{Table, count};
use crate::support::stats::{Estimate, mean};
use crate::{BATCH, COUNTS, EQUAL, HIDDEN, Outcome, PLAIN, PRIOR, Run, SHOWN, Seed, Setting, pictures};

/// One of the networks of a run.
pub type Which = fn(&Run) -> &Outcome;
/// A number of an outcome.
type Number = fn(&Outcome) -> f64;
const FITTED: &str = "fitted mixture";
/// The networks of a run, with names.
pub const METHODS: [(&str, Which); 4] = [
    ("prior", |run| &run.soft),
    (FITTED, |run| &run.fitted),
    ("k-means, as many values", |run| &run.as_many),
    ("k-means that pays for bits", |run| &run.as_small),
];

/// What all seeds found.
pub fn report(experiment: &Experiment, settings: &[Setting], seeds: &[Seed], weights: usize) -> Report {
    let shown = settings.iter().position(|setting| *setting == SHOWN).unwrap_or(0);
    Report {
        title: "Weights that find their groups".into(),
        claim: "A mixture prior makes groups of equal weights (Nowlan and Hinton 1992), which take fewer bytes than \
                values that are found once the weights are trained."
            .into(),
        shows: shows(settings, seeds, shown),
        limits: limits(settings, seeds, weights),
        setting: setting(experiment, weights),
        tables: vec![
            ("Methods: means over the seeds, accuracies ± standard error".into(), methods(settings, seeds, weights)),
            (
                "The prior's lead in points, paired over the seeds, ± standard error: right after, and trained on".into(),
                leads(settings, seeds),
            ),
            ("k-means by the number of its values, ± standard error".into(), k_means(seeds)),
        ],
        pictures: pictures::pictures(experiment, settings, seeds, shown),
        figures: json!({ "settings": settings, "counts": COUNTS, "seeds": seeds }),
    }
}

fn setting(experiment: &Experiment, weights: usize) -> String {
    format!(
        "Digits that ship, trained on 1,029 rows, tested on 768 by other writers; 64 pixels, {HIDDEN} hidden units, 10 \
         classes: {} weights, to which the {} biases come as they are. {} epochs plain, {} under the prior or plain, {} \
         with equal weights; Adam, {BATCH} rows a step. λ is per mean loss. {}; ± is the standard error over seeds, \
         differences are paired.",
        count(weights),
        HIDDEN + 10,
        PLAIN.epochs,
        PRIOR.epochs,
        EQUAL.epochs,
        experiment.count()
    )
}

/// A number of an outcome, by seed.
fn numbers(seeds: &[Seed], place: usize, which: Which, number: Number) -> Vec<f64> {
    seeds.iter().map(|seed| number(which(&seed.runs[place]))).collect()
}

fn plain(seeds: &[Seed]) -> Vec<f64> {
    seeds.iter().map(|seed| seed.plain).collect()
}

fn methods(settings: &[Setting], seeds: &[Seed], weights: usize) -> Table {
    let mut table = Table::new([
        "components", "λ", "method", "values", "bits", "bytes", "coded bits", "coded bytes", "before", "right after",
        "trained on",
    ]);
    let all = Estimate::with_error(&plain(seeds)).to_string();
    let bytes = count(4 * weights);
    table.row(["", "", "no values", &count(weights), "32", &bytes, "", "", &all, "", ""]);
    for (place, setting) in settings.iter().enumerate() {
        // A fitted mixture knows of no λ.
        let again = settings[..place].iter().any(|earlier| earlier.components == setting.components);
        for (name, which) in METHODS.into_iter().filter(|(name, _)| !(again && *name == FITTED)) {
            let head = [setting.components.to_string(), setting.strength.to_string(), name.into()];
            table.row(head.into_iter().chain(cells(&|number| numbers(seeds, place, which, number))));
        }
    }
    table
}

/// From the number of values on, given how to get numbers of outcomes by seed.
fn cells(numbers: &dyn Fn(Number) -> Vec<f64>) -> [String; 8] {
    let average = |number: Number| mean(&numbers(number));
    let accuracy = |number: Number| Estimate::with_error(&numbers(number)).to_string();
    [
        format!("{:.1}", average(|outcome| outcome.values as f64)),
        format!("{:.1}", average(|outcome| f64::from(outcome.bits))),
        count(average(|outcome| outcome.bytes as f64).round() as usize),
        format!("{:.2}", average(|outcome| outcome.coded_bits)),
        count(average(|outcome| outcome.coded_bytes as f64).round() as usize),
        accuracy(|outcome| outcome.before),
        accuracy(|outcome| outcome.after),
        accuracy(|outcome| outcome.equal),
    ]
}

fn k_means(seeds: &[Seed]) -> Table {
    let mut table = Table::new([
        "values", "bits", "bytes", "coded bits", "coded bytes", "before", "right after", "trained on",
        "trained on, over no values",
    ]);
    for (place, count) in COUNTS.into_iter().enumerate() {
        let numbers = |number: Number| seeds.iter().map(|seed| number(&seed.k_means[place])).collect();
        let mut cells = cells(&numbers);
        cells[0] = count.to_string();
        table.row(cells.into_iter().chain([format!("{:+}", over_plain(seeds, &numbers(|outcome| outcome.equal)))]));
    }
    table
}

fn over_plain(seeds: &[Seed], accuracies: &[f64]) -> Estimate {
    Estimate::paired_difference(accuracies, &plain(seeds))
}

/// The prior's lead over another method: with the values in place, or with the values trained on.
fn lead(seeds: &[Seed], place: usize, over: Which, number: Number) -> Estimate {
    let [soft, other] = [METHODS[0].1, over].map(|which| numbers(seeds, place, which, number));
    Estimate::paired_difference(&soft, &other)
}

fn leads(settings: &[Setting], seeds: &[Seed]) -> Table {
    let others = [FITTED, "as many values", "as few coded bytes"];
    let columns = others.iter().flat_map(|other| [format!("over {other}"), "trained on".into()]);
    let head = ["components".into(), "λ".into(), "values".into(), "over no values".into()];
    let mut table = Table::new(head.into_iter().chain(columns));
    for (place, setting) in settings.iter().enumerate() {
        let soft = |number: Number| numbers(seeds, place, METHODS[0].1, number);
        let head = [
            setting.components.to_string(),
            setting.strength.to_string(),
            format!("{:.1}", mean(&soft(|outcome| outcome.values as f64))),
            format!("{:+}", over_plain(seeds, &soft(|outcome| outcome.equal))),
        ];
        let columns = METHODS[1..].iter().flat_map(|(_, over)| {
            let of = |number: Number| format!("{:+}", lead(seeds, place, *over, number));
            [of(|outcome| outcome.after), of(|outcome| outcome.equal)]
        });
        table.row(head.into_iter().chain(columns));
    }
    table
}

/// Beyond two standard errors: 1 above, −1 below; 0 within, or where nothing is known.
fn sign(difference: Estimate) -> i32 {
    match difference.spread {
        Some(spread) if difference.mean.abs() > 2.0 * spread => difference.mean.signum() as i32,
        _ => 0,
    }
}

/// "3.1 ± 0.7 points above", for a difference that can be told from none.
fn beside(difference: Estimate) -> String {
    let size = Estimate { mean: difference.mean.abs(), ..difference };
    match sign(difference) {
        1 => format!("{size} points above"),
        -1 => format!("{size} points below"),
        _ => format!("level within two standard errors ({difference:+} points) with"),
    }
}

fn shows(settings: &[Setting], seeds: &[Seed], shown: usize) -> String {
    let Setting { components, strength } = settings[shown];
    let soft = |number: Number| numbers(seeds, shown, METHODS[0].1, number);
    let average = |number: Number| mean(&soft(number));
    let [after, equal]: [Number; 2] = [|outcome| outcome.after, |outcome| outcome.equal];
    let [_, _, many, small] = METHODS.map(|(_, which)| which);
    format!(
        "With {components} components and λ = {strength} the prior leaves {:.1} values and {:.2} coded bits a weight; \
         to make equal what is close changes its accuracy by {:+} points, to {}, which is {} k-means with as many values \
         ({} it once the values are trained on), and {} k-means that pays for bits until it takes as few coded bytes ({} it once the values are \
         trained on).",
        average(|outcome| outcome.values as f64),
        average(|outcome| outcome.coded_bits),
        Estimate::paired_difference(&soft(after), &soft(|outcome| outcome.before)),
        Estimate::with_error(&soft(after)),
        beside(lead(seeds, shown, many, after)),
        beside(lead(seeds, shown, many, equal)),
        beside(lead(seeds, shown, small, after)),
        beside(lead(seeds, shown, small, equal)),
    )
}

fn limits(settings: &[Setting], seeds: &[Seed], weights: usize) -> String {
    let equal: Number = |outcome| outcome.equal;
    let signs = |over: Which| -> Vec<i32> { (0..settings.len()).map(|i| sign(lead(seeds, i, over, equal))).collect() };
    let [_, _, many, small] = METHODS.map(|(_, which)| signs(which));
    let of = |signs: &[i32], sign: i32| signs.iter().filter(|found| **found == sign).count();
    let costs: Vec<Estimate> =
        (0..settings.len()).map(|i| over_plain(seeds, &numbers(seeds, i, METHODS[0].1, equal))).collect();
    let dearest = costs.iter().copied().reduce(|a, b| if b.mean < a.mean { b } else { a });
    let by_count = |i: usize| seeds.iter().map(|seed| seed.k_means[i].equal).collect::<Vec<_>>();
    let enough = (0..COUNTS.len()).find(|&i| sign(over_plain(seeds, &by_count(i))) >= 0);
    format!(
        "Of {} priors {} stand above k-means with as many values, once the values are trained on, and {} below; above \
         k-means with as few coded bytes {}, below {}; {} stand below the network without values, at most by {} points; \
         {}; and each step under the prior takes an exponential for each weight and component, {} with {} components.",
        settings.len(),
        of(&many, 1),
        of(&many, -1),
        of(&small, 1),
        of(&small, -1),
        costs.iter().filter(|cost| sign(**cost) < 0).count(),
        dearest.map_or(String::new(), |cost| Estimate { mean: -cost.mean, ..cost }.to_string()),
        enough.map_or_else(
            || "k-means stays below it with all counts of values that were tried".into(),
            |i| format!(
                "k-means alone, with {} values that are trained on, is not below it by more than two standard errors",
                COUNTS[i]
            )
        ),
        count(weights * SHOWN.components),
        SHOWN.components,
    )
}
