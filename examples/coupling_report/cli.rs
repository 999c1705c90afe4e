//! The flags.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Parser, ValueEnum};
use tandem::tying::{Schedule, Strength};

/// Trains two networks from first weights of their own, drawn together; makes one what came close; trains on.
#[derive(Debug, Parser)]
#[command(name = "coupling_report")]
pub struct Flags {
    /// How strongly they are held: free, shared, a λ, or from one λ to another in equal ratios
    #[arg(long, value_name = "free|shared|λ|λ..λ", default_value = "0.001..0.03", allow_negative_numbers = true)]
    pub strength: Hold,

    /// What a difference costs
    #[arg(long, value_enum, default_value = "l2")]
    pub penalty: Norm,

    /// How the coupling comes into a step
    #[arg(long, value_enum, default_value = "fused")]
    pub way: Way,

    /// A tenth of the steps
    #[arg(long)]
    pub quick: bool,

    /// Where coupling.svg and coupling.json go
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// The penalties that a flag can name.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Norm {
    /// Σ d²
    L2,
    /// Σ |d|
    L1,
    /// ½d² up to 0.1, linear beyond
    Huber,
    /// The group lasso over all that leads to one output
    Group,
}

/// The ways that a flag can name.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Way {
    /// As nodes on the tape
    Tape,
    /// In one pass over the gradients
    Fused,
    /// By a step of its own, after the optimizer's
    Proximal,
}

/// A strength, but for the number of steps that it takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Hold {
    Free,
    Shared,
    At(f64),
    FromTo(f64, f64),
}

impl FromStr for Hold {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Hold, &'static str> {
        let lambda = |text: &str| text.parse().ok().filter(|x: &f64| x.is_finite() && *x >= 0.0);
        let ends = || text.split_once("..").and_then(|(from, to)| Some((lambda(from)?, lambda(to)?)));
        match text {
            "free" => Some(Hold::Free),
            "shared" => Some(Hold::Shared),
            _ => lambda(text).map(Hold::At).or_else(|| {
                ends().filter(|&(from, to)| from > 0.0 && to > 0.0).map(|(from, to)| Hold::FromTo(from, to))
            }),
        }
        .ok_or("expected free, shared, a number of at least 0, or two above 0 as in 0.001..0.1")
    }
}

impl Hold {
    /// The strength that gets there in so many steps.
    pub fn over(self, steps: u64) -> Strength {
        match self {
            Hold::Free => Strength::Free,
            Hold::Shared => Strength::Shared,
            Hold::At(lambda) => Strength::Coupled(lambda),
            Hold::FromTo(from, to) => Strength::Scheduled(Schedule::Geometric { from, to, steps }),
        }
    }
}
