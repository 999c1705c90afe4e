//! The figures as a table, a picture, JSON and CSV.

use std::fmt::Write;

use serde::Serialize;
use tandem::autograd::Footprint;
use tandem::memory::NameBytes;

use crate::cli::Task;
use crate::networks::Sharing;
use crate::study::{LayerLine, Memory, Network};
use crate::support::bars::{Bar, BarChart};
use crate::support::format::{Table, bytes, count, times};
use crate::support::stats::Estimate;
use crate::training::{Setting, predict_kept};

/// The names of a footprint's categories, in the order in which they are shown.
fn categories() -> [&'static str; 7] {
    Footprint::default().categories().map(|(name, _)| name)
}

/// Of the first categories, what they would take if nothing were shared.
const AS_IF_UNSHARED: [fn(&NameBytes) -> usize; 3] = [|n| n.parameters, |n| n.gradients, |n| n.optimizer];

/// The one table: a column for each network, and for all but the first how many times less it takes.
pub fn table(networks: &[Network]) -> Table {
    let mut header = vec![String::new()];
    for (i, network) in networks.iter().enumerate() {
        header.push(network.name.into());
        if i > 0 {
            header.push("× less".into());
        }
    }
    let mut table = Table::new(header);
    let mut less = |label: &str, show: fn(usize) -> String, value: &dyn Fn(&Network) -> usize| {
        let mut cells = vec![label.to_string()];
        for (i, network) in networks.iter().enumerate() {
            cells.push(show(value(network)));
            if i > 0 {
                cells.push(if value(network) == 0 { "–".into() } else { times(value(&networks[0]), value(network)) });
            }
        }
        table.row(cells);
    };
    less("unique parameters", count, &|n| n.parameters);
    less("connections", count, &|n| n.connections);
    for (i, category) in categories().into_iter().enumerate() {
        less(&format!("training: {category}"), bytes, &|n| n.training.predicted.categories()[i].1);
        if i < AS_IF_UNSHARED.len() {
            less("  as if unshared", bytes, &|n| AS_IF_UNSHARED[i](&n.as_if_unshared));
        }
    }
    less("training: total, predicted", count, &|n| n.training.predicted.total());
    less("training: total, measured", count, &|n| n.training.measured);
    less("kept after the forward pass", bytes, &|n| n.kept_after_forward);
    let of_training = ["gradients", "optimizer state"];
    for (i, category) in categories().into_iter().enumerate().filter(|(_, name)| !of_training.contains(name)) {
        less(&format!("inference: {category}"), bytes, &|n| n.inference.predicted.categories()[i].1);
    }
    less("inference: total, predicted", count, &|n| n.inference.predicted.total());
    less("inference: total, measured", count, &|n| n.inference.measured);
    let mut plain = |label: &str, value: &dyn Fn(&Network) -> String| {
        let mut cells = vec![label.to_string()];
        for (i, network) in networks.iter().enumerate() {
            cells.push(value(network));
            cells.extend((i > 0).then(String::new));
        }
        table.row(cells);
    };
    plain("peak resident (process)", &|n| n.resident.map_or("–".into(), bytes));
    plain("connections a parameter", &|n| format!("{:.1}", n.connections as f64 / n.parameters as f64));
    plain("milliseconds a step", &|n| format!("{:.3}", n.milliseconds_a_step));
    plain("loss, last epoch", &|n| format!("{:.4}", Estimate::with_deviation(&n.losses)));
    plain("test accuracy, %", &|n| format!("{:.2}", Estimate::with_deviation(&n.accuracies)));
    table
}

/// Whether every prediction was right to the byte, in words; `Err` if one was not.
pub fn verdict(networks: &[Network]) -> Result<String, String> {
    let memories = |network: &Network| [&network.training, &network.inference].map(Memory::difference);
    let wrong: Vec<String> = networks
        .iter()
        .filter(|network| memories(network) != [0, 0])
        .map(|network| format!("{} by {:?} bytes (training, inference)", network.name, memories(network)))
        .collect();
    if wrong.is_empty() {
        return Ok("Predicted = measured, to the byte, for each of them, in training and in inference.".into());
    }
    Err(format!("The allocator measured other totals than were predicted: {}.", wrong.join("; ")))
}

impl Memory {
    /// Measured less predicted.
    fn difference(&self) -> i64 {
        self.measured as i64 - self.predicted.total() as i64
    }
}

/// What the tape of each network keeps after the forward pass, for growing batches: sharing does not
/// shrink it, the batch grows it.
pub fn activations(task: &Task, networks: &[Network]) -> Table {
    let batches = [1, 2, 4].map(|factor| factor * task.batch);
    let mut table = Table::new([
        "kept after the forward pass".into(),
        format!("batch {}", batches[0]),
        format!("batch {}", batches[1]),
        format!("batch {}", batches[2]),
    ]);
    for (sharing, network) in Sharing::ALL.into_iter().zip(networks) {
        let setting = |batch| Setting { plan: task.plan, optimizer: task.optimizer, lr: task.lr, batch };
        let kept = batches.map(|batch| bytes(predict_kept(&setting(batch), sharing)));
        table.row([network.name.to_string()].into_iter().chain(kept));
    }
    table
}

/// A network, layer by layer and name by name.
pub fn per_layer(network: &Network, batch: usize) -> String {
    let header =
        "layer, kind, result, parameters, connections, times, parameters, gradients, optimizer, result of a batch";
    let mut table = Table::new(header.split(", "));
    let shape = |dims: &[usize]| dims.iter().map(usize::to_string).collect::<Vec<_>>().join("×");
    for LayerLine { name, kind, output, parameters, connections } in &network.layers {
        let result = output.iter().product::<usize>() * batch;
        let shared = if *parameters == 0 { "–".into() } else { times(*connections, *parameters) };
        let sizes = [*parameters, *parameters, parameters * network.optimizer_numbers, result];
        let numbers = [count(*parameters), count(*connections), shared];
        let numbers = numbers.into_iter().chain(sizes.map(|size| bytes(size * size_of::<f32>())));
        table.row([name.clone(), (*kind).into(), shape(output)].into_iter().chain(numbers));
    }
    let (name, by_name) = (network.name, &network.by_name);
    format!("{name}, layer by layer (f32, batch {batch}):\n{table}\n{name}, name by name, bytes:\n{by_name}\n")
}

/// The picture.
pub fn chart(task: &Task, networks: &[Network]) -> BarChart {
    let dense = &networks[0];
    let bar = |network: &Network| Bar {
        label: network.name.into(),
        note: if network.parameters == dense.parameters {
            format!("{} parameters", count(network.parameters))
        } else {
            format!("{} parameters, {} fewer", count(network.parameters), times(dense.parameters, network.parameters))
        },
        parts: network.training.predicted.categories().map(|(_, bytes)| bytes).to_vec(),
        score: Estimate::with_deviation(&network.accuracies),
    };
    let seeds = match task.seeds.end - task.seeds.start {
        1 => "one seed".into(),
        seeds => format!("mean ± standard deviation of {seeds} seeds"),
    };
    BarChart {
        title: "What sharing parameters does to memory".into(),
        subtitle: format!(
            "Four networks with the same feature maps, at the peak of a training step with {}, batch {}, f32. \
             Dots: accuracy on {} test rows, {seeds}.",
            task.optimizer.name(),
            task.batch,
            count(task.test.len())
        ),
        bytes_title: "Memory".into(),
        score_title: "Test accuracy, %".into(),
        categories: categories().map(String::from).to_vec(),
        bars: networks.iter().map(bar).collect(),
    }
}

/// All figures as JSON.
pub fn json(task: &Task, networks: &[Network]) -> String {
    #[derive(Serialize)]
    struct All<'a> {
        data: &'a str,
        feature_maps: String,
        optimizer: &'a str,
        learning_rate: f64,
        batch: usize,
        epochs: u64,
        seeds: Vec<u64>,
        threads: usize,
        networks: &'a [Network],
    }
    let all = All {
        data: &task.data,
        feature_maps: task.plan.describe(),
        optimizer: task.optimizer.name(),
        learning_rate: task.lr,
        batch: task.batch,
        epochs: task.epochs,
        seeds: task.seeds.clone().collect(),
        threads: task.threads,
        networks,
    };
    serde_json::to_string_pretty(&all).expect("figures and names can be written as JSON") + "\n"
}

/// A row for each network as CSV, bytes where nothing else is said; of losses and accuracies the mean
/// and the standard deviation, where the JSON has those of all seeds.
pub fn csv(networks: &[Network]) -> String {
    let mut text = String::from("network,parameters,connections");
    for category in categories().into_iter().take(AS_IF_UNSHARED.len()) {
        let _ = write!(text, ",{}_as_if_unshared", category.replace(' ', "_"));
    }
    for phase in ["training", "inference"] {
        for category in categories().into_iter().chain(["predicted", "measured"]) {
            let _ = write!(text, ",{phase}_{}", category.replace(' ', "_"));
        }
    }
    text.push_str(
        ",kept_after_forward,resident,milliseconds_a_step,loss_mean,loss_deviation,accuracy_mean,accuracy_deviation\n",
    );
    for n in networks {
        let _ = write!(text, "{},{},{}", n.name, n.parameters, n.connections);
        for unshared in AS_IF_UNSHARED {
            let _ = write!(text, ",{}", unshared(&n.as_if_unshared));
        }
        for memory in [&n.training, &n.inference] {
            let parts = memory.predicted.categories().map(|(_, bytes)| bytes);
            for value in parts.into_iter().chain([memory.predicted.total(), memory.measured]) {
                let _ = write!(text, ",{value}");
            }
        }
        let resident = n.resident.map_or(String::new(), |bytes| bytes.to_string());
        let _ = write!(text, ",{},{resident},{}", n.kept_after_forward, n.milliseconds_a_step);
        for values in [&n.losses, &n.accuracies] {
            let Estimate { mean, spread } = Estimate::with_deviation(values);
            let _ = write!(text, ",{mean},{}", spread.map_or(String::new(), |spread| spread.to_string()));
        }
        text.push('\n');
    }
    text
}
