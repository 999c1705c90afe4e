//! What is said about the figures: all words depend on them.

use serde_json::json;

use crate::digits::{self, BATCH, Digits, NOISE, RATE, WEIGHT};
use crate::gaussians::{PRIOR, UNLABELLED};
use crate::line::{Line, Verdict, beyond, of};
use crate::pictures;
use crate::support::experiment::Report;
use crate::sweep::{SETTINGS, Sweep};

/// Numbers of training to a gradient of 10⁻⁹ that differ by more differ by more than rounding.
const ROUNDING: f64 = 1e-6;

/// All of it.
pub fn report(sweep: &Sweep, digits: &Digits) -> Report {
    Report {
        title: "Between a generative and a discriminative model".into(),
        claim:
            "With few labels and many inputs without, the best is between one set of parameters for p(c|x) and p(x), \
                and two that do not know of each other: two that are close (Lasserre, Bishop and Minka 2006)."
                .into(),
        shows: shows(sweep, digits),
        limits: limits(sweep, digits),
        setting: setting(sweep, digits),
        tables: vec![sweep.table(), digits.table(), sweep.ends_table()],
        pictures: vec![pictures::gaussians(sweep), pictures::of_digits(digits)],
        figures: json!({ "gaussians": sweep.figures(), "digits": digits.figures() }),
    }
}

fn shows(sweep: &Sweep, digits: &Digits) -> String {
    let wins = of(sweep.count(Verdict::Wins), sweep.lines.len(), "settings of Gaussians");
    // The clearest win: that whose smaller lead is largest.
    let smaller = |line: &Line| line.leads().map(|lead| lead.mean).into_iter().fold(f64::INFINITY, f64::min);
    let winners = SETTINGS.iter().zip(&sweep.lines).filter(|(_, line)| line.verdict() == Verdict::Wins);
    let most = winners.max_by(|(_, a), (_, b)| smaller(a).total_cmp(&smaller(b))).map(|((name, _), line)| {
        let ([first, last], alpha) = (line.leads(), sweep.alphas[line.chosen]);
        format!(", most with {name} (α = {alpha}: {first:+.1} points over α = 0, {last:+.1} over α = 1)")
    });
    format!(
        "A place between the ends is better than both by more than two standard errors in {wins}{}; {}; {}.",
        most.unwrap_or_default(),
        shows_digits(digits),
        shows_ends(sweep)
    )
}

/// What coupling is worth over a free classifier, and whether sharing is worth as much.
fn shows_digits(results: &Digits) -> String {
    let over_free = |line: &Line| line.leads()[0];
    let cases = digits::SETTINGS.iter().zip(&results.lines);
    let gains: Vec<_> = cases.filter(|(_, line)| beyond(over_free(line), 1.0)).collect();
    let most = gains.iter().max_by(|(_, a), (_, b)| over_free(a).mean.total_cmp(&over_free(b).mean));
    let most = most.map(|(setting, line)| {
        format!(
            " (at most by {:+.1} points, with {} labels and the encoder {}; by {:+.1} there if it is shared)",
            over_free(line),
            setting.labels,
            setting.layers(),
            line.last_over_first()
        )
    });
    format!(
        "in {} of digits a classifier is better than a free one, by more than two standard errors, if its encoder is \
         close to that of an autoencoder of all images{}",
        of(gains.len(), results.lines.len(), "cases"),
        most.unwrap_or_default()
    )
}

/// How exactly the ends are what training without a coupling comes to.
fn shows_ends(sweep: &Sweep) -> String {
    let [first, .., last] = &sweep.ends[..] else { return "the ends were not looked at".into() };
    let apart = [first.differences[0], last.differences[1]];
    let are = if apart.iter().all(|apart| *apart < ROUNDING) { "are" } else { "are not" };
    format!(
        "the ends {are} what training without a coupling finds: θ differs from it by {:.0e} at α = 0 and by {:.0e} at α = 1",
        apart[0], apart[1]
    )
}

fn limits(sweep: &Sweep, digits: &Digits) -> String {
    let named = |verdict: Verdict| {
        let lines = SETTINGS.iter().zip(&sweep.lines).filter(|(_, line)| line.verdict() == verdict);
        lines.map(|((name, _), _)| (*name).to_string()).collect::<Vec<String>>()
    };
    let list = |names: &[String]| if names.is_empty() { String::new() } else { format!(" ({})", names.join("; ")) };
    let (open, loses) = (named(Verdict::Open), named(Verdict::Loses));
    let all = sweep.lines.len();
    let ends = |line: &Line| [0, line.chosen, sweep.alphas.len() - 1].map(|k| format!("{:.1}", line.spread(k)));
    let [first, chosen, last] = ends(&sweep.lines[0]);
    format!(
        "The middle is no law: it can't be told from the better end in {}{}, and loses to it in {}{}; of the digits it \
         wins over both ends in {}, can't be told in {} and loses in {}; and single draws differ much more than means \
         do, by a standard deviation of {first}, {chosen} and {last} points at α = 0, at the chosen α and at α = 1 for \
         the first setting.",
        of(open.len(), all, "settings of Gaussians"),
        list(&open),
        of(loses.len(), all, "settings"),
        list(&loses),
        of(digits.count(Verdict::Wins), digits.lines.len(), "cases"),
        digits.count(Verdict::Open),
        digits.count(Verdict::Loses),
    )
}

fn setting(sweep: &Sweep, digits: &Digits) -> String {
    let [choose, measure] = sweep.draws;
    let [choose_digits, measure_digits] = digits.draws;
    format!(
        "Gaussians: two classes, mostly long, labels for some points of each and {UNLABELLED} points without, and a model of round classes, \
         p(x, c) = π N(x; μ, s² I) with s of both in common; minimised is Σ −ln p(c|x, θ) over labelled points + Σ −ln \
         p(x|θ̃) over all + ‖θ − θ̃‖²/2σ² + ‖θ‖²/2τ² + ‖θ̃‖²/2τ², τ = {PRIOR}, θ of the means, ln s² and the class logits, \
         by proximal steps; our map is σ = (α/(1 − α))², shared at α = 0 and free at α = 1; both start from the class \
         means of the labelled points and the variance of all; accuracies are exact integrals over the true classes; {choose} \
         draws choose α, {measure} others measure. Digits: a classifier with labels for few of the training rows \
         and an autoencoder of all of them, with encoders of tanh layers coupled by λ‖W − W′‖² (biases too) that start \
         equal; noise of {NOISE} on the inputs of both, the squared error of an image weighs {WEIGHT}; Adam, rate {RATE}, \
         {} steps, batches of {BATCH} images; tested on rows of other writers; {choose_digits} draws choose λ on \
         held-out training rows, {measure_digits} others measure. ± is the standard error over draws, of differences \
         paired by draw; a difference counts if it is more than two of them and not shown as 0.0.",
        digits.steps
    )
}
