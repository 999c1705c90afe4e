//! Tables and sentences.

use serde_json::json;

use crate::support::experiment::{Experiment, Report};
use crate::support::format::{Table, count};
use crate::support::stats::{Estimate, mean};
use crate::{BATCH, COUNTS, EQUAL, HIDDEN, Outcome, PLAIN, PRIOR, Run, SHOWN, Seed, Setting, pictures};

/// One of the networks of a run.
pub type Which = fn(&Run) -> &Outcome;
/// A number of an outcome.
pub type Number = fn(&Outcome) -> f64;
const FITTED: &str = "fitted mixture";
/// The networks of a run, with names.
pub const METHODS: [(&str, Which); 4] = [
    ("prior", |run| &run.soft),
    (FITTED, |run| &run.fitted),
    ("k-means, as many values", |run| &run.as_many),
    ("k-means that pays for bits", |run| &run.as_small),
];

/// Places of the rivals that sentences are about.
const AS_MANY: usize = 2;
const AS_SMALL: usize = 3;

/// What all seeds found.
pub fn report(experiment: &Experiment, rows: [usize; 2], settings: &[Setting], seeds: &[Seed]) -> Report {
    let weights = seeds.iter().flat_map(|seed| &seed.moments).next().map_or(0, |moment| moment.weights.len());
    let shown = settings.iter().position(|setting| *setting == SHOWN).unwrap_or(0);
    Report {
        title: "Weights that find their groups".into(),
        claim: "A mixture prior makes groups of equal weights (Nowlan and Hinton 1992), which take fewer bytes than \
                values that are found once the weights are trained."
            .into(),
        shows: shows(settings, seeds, shown),
        limits: limits(settings, seeds, shown, weights),
        setting: setting(experiment, rows, weights),
        tables: vec![
            ("What each method leaves: means over the seeds, accuracies in per cent ± standard error".into(), methods(settings, seeds, weights)),
            (
                "The prior's lead in points, paired over the seeds, ± standard error: over the network whose weights are as they are, the \
                 mixture that is fitted to it, k-means with as many values, and k-means with as few coded bytes"
                    .into(),
                leads(settings, seeds),
            ),
            ("k-means by the number of its values, ± standard error".into(), k_means(seeds)),
        ],
        pictures: pictures::pictures(experiment, settings, seeds, shown),
        figures: json!({ "settings": settings, "counts": COUNTS, "seeds": seeds }),
    }
}

/// What was trained, and how.
fn setting(experiment: &Experiment, [train, test]: [usize; 2], weights: usize) -> String {
    format!(
        "The digits that ship, {} rows to train on and {} by other writers to test on; 64 pixels, {HIDDEN} hidden units, 10 \
         classes: {} weights, to which the {} biases come as they are. {} epochs plain, {} under the prior or plain, {} \
         with equal weights; Adam, {BATCH} rows a step. λ is per mean loss. \"As they are\": each weight a value of its own. \
         \"Before\", \"right after\", \"trained on\": before weights become equal, as soon as they are, and when the values have \
         learned on. A fitted mixture learns from weights that stay; k-means that pays for bits minimises distortion + price · \
         code length (Chou, Lookabaugh and Gray 1989). Coded bits give frequent values short codes: the entropy, and 6 bytes \
         a value. {}; ± is the standard error over seeds, differences are paired.",
        count(train),
        count(test),
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

/// Accuracies of the network with its weights as they are.
fn plain(seeds: &[Seed]) -> Vec<f64> {
    seeds.iter().map(|seed| seed.plain).collect()
}

/// A row for each prior and rival.
fn methods(settings: &[Setting], seeds: &[Seed], weights: usize) -> Table {
    let mut table = Table::new(["components", "λ", "method"].into_iter().chain(OF_OUTCOME));
    let all = Estimate::with_error(&plain(seeds)).to_string();
    let bytes = count(4 * weights);
    table.row(["", "", "as they are", &count(weights), "32", &bytes, "", "", "", "", &all]);
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

/// The columns of an outcome; [`cells`] fills them.
const OF_OUTCOME: [&str; 8] =
    ["values", "bits", "bytes", "coded bits", "coded bytes", "before", "right after", "trained on"];

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

/// A row for each number of values.
fn k_means(seeds: &[Seed]) -> Table {
    let mut table = Table::new(OF_OUTCOME.into_iter().chain(["trained on, over as they are"]));
    for (place, count) in COUNTS.into_iter().enumerate() {
        let numbers = |number: Number| seeds.iter().map(|seed| number(&seed.k_means[place])).collect();
        let mut cells = cells(&numbers);
        cells[0] = count.to_string();
        table.row(cells.into_iter().chain([format!("{:+}", over_plain(seeds, &numbers(|outcome| outcome.equal)))]));
    }
    table
}

/// Points over the network with its weights as they are.
fn over_plain(seeds: &[Seed], accuracies: &[f64]) -> Estimate {
    Estimate::paired_difference(accuracies, &plain(seeds))
}

/// The prior's lead over another method: with the values in place, or with the values trained on.
fn lead(seeds: &[Seed], place: usize, over: Which, number: Number) -> Estimate {
    let [soft, other] = [METHODS[0].1, over].map(|which| numbers(seeds, place, which, number));
    Estimate::paired_difference(&soft, &other)
}

/// A row for each prior.
fn leads(settings: &[Setting], seeds: &[Seed]) -> Table {
    let others = ["fitted", "as many", "as small"];
    let columns = others.iter().flat_map(|other| ["after", "trained on"].map(|when| format!("over {other}, {when}")));
    let head = ["components".into(), "λ".into(), "values".into(), "over as they are".into()];
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
    match (sign(difference), difference.spread) {
        (1, _) => format!("{size} points above"),
        (-1, _) => format!("{size} points below"),
        (_, None) => format!("{difference:+} points beside"),
        _ => format!("level within two standard errors ({difference:+} points) with"),
    }
}

/// What the shown prior gains.
fn shows(settings: &[Setting], seeds: &[Seed], shown: usize) -> String {
    let Setting { components, strength } = settings[shown];
    let soft = |number: Number| numbers(seeds, shown, METHODS[0].1, number);
    let [after, equal]: [Number; 2] = [|outcome| outcome.after, |outcome| outcome.equal];
    let beside = |method: usize, number: Number| beside(lead(seeds, shown, METHODS[method].1, number));
    format!(
        "With {components} components and λ = {strength} the prior leaves {:.1} values and {:.2} coded bits a weight; \
         making equal what is close changes the accuracy by {:+.2} points, to {} %, which is {} k-means with as many \
         values, and {} k-means that pays for bits until it takes as few coded bytes; once the values are trained on, it \
         is {} the former and {} the latter.",
        mean(&soft(|outcome| outcome.values as f64)),
        mean(&soft(|outcome| outcome.coded_bits)),
        Estimate::paired_difference(&soft(after), &soft(|outcome| outcome.before)),
        Estimate::with_error(&soft(after)),
        beside(AS_MANY, after),
        beside(AS_SMALL, after),
        beside(AS_MANY, equal),
        beside(AS_SMALL, equal),
    )
}

/// What it costs, and where it gains nothing.
fn limits(settings: &[Setting], seeds: &[Seed], shown: usize, weights: usize) -> String {
    let places = || 0..settings.len();
    let equal: Number = |outcome| outcome.equal;
    let count_of = |wanted: i32, differences: &[Estimate]| differences.iter().filter(|&&d| sign(d) == wanted).count();
    let tally = |method: usize| {
        let leads: Vec<Estimate> = places().map(|i| lead(seeds, i, METHODS[method].1, equal)).collect();
        [1, -1].map(|wanted| count_of(wanted, &leads))
    };
    let ([many_above, many_below], [small_above, small_below]) = (tally(AS_MANY), tally(AS_SMALL));
    // Both before values are made: the plain network is the same for all rivals.
    let regularised: Vec<Estimate> = places().map(|i| lead(seeds, i, METHODS[AS_MANY].1, |o| o.before)).collect();
    format!(
        "Of {} priors, once the values are trained on, {many_above} stand above k-means with as many values and \
         {many_below} below it, {small_above} above k-means that takes as few coded bytes and {small_below} below it; \
         {}; before anything is made equal, {} of the priors make the network more accurate and {} less; {}; and a step \
         under the prior takes an exponential for each weight and component, {} with {} components.",
        settings.len(),
        cost(settings, seeds),
        count_of(1, &regularised),
        count_of(-1, &regularised),
        enough(seeds, shown),
        count(weights * SHOWN.components),
        SHOWN.components,
    )
}

/// How far below the network with its weights as they are the prior's stand.
fn cost(settings: &[Setting], seeds: &[Seed]) -> String {
    let place = |i: usize| over_plain(seeds, &numbers(seeds, i, METHODS[0].1, |outcome| outcome.equal));
    let below: Vec<Estimate> = (0..settings.len()).map(place).filter(|cost| sign(*cost) < 0).collect();
    match below.iter().min_by(|a, b| a.mean.total_cmp(&b.mean)) {
        Some(most) => format!(
            "{} stand below the network with its weights as they are, at most by {} points",
            below.len(),
            Estimate { mean: -most.mean, ..*most }
        ),
        None => "none can be told to stand below the network with its weights as they are".into(),
    }
}

/// With how many values k-means does as well as the shown prior, if a rare value takes as many bits as a frequent one.
fn enough(seeds: &[Seed], shown: usize) -> String {
    let of_prior = |number: Number| numbers(seeds, shown, METHODS[0].1, number);
    let of_k_means =
        |place: usize, number: Number| -> Vec<f64> { seeds.iter().map(|seed| number(&seed.k_means[place])).collect() };
    let [equal, bytes]: [Number; 2] = [|outcome| outcome.equal, |outcome| outcome.bytes as f64];
    let as_well = |place: &usize| {
        let lead = Estimate::paired_difference(&of_k_means(*place, equal), &of_prior(equal));
        lead.mean + 2.0 * lead.spread.unwrap_or(0.0) >= 0.0
    };
    let prior = format!("the prior with λ = {}", SHOWN.strength);
    match (0..COUNTS.len()).find(as_well) {
        Some(place) => format!(
            "where all values take as many bits, k-means with {} values that are trained on can't be told to be worse \
             than {prior}, in {:.0} bytes against {:.0}",
            COUNTS[place],
            mean(&of_k_means(place, bytes)),
            mean(&of_prior(bytes)),
        ),
        None => format!("{prior} is above k-means with all numbers of values that were tried"),
    }
}
