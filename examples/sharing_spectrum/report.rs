//! The study in tables, pictures and sentences.

use serde_json::json;

use crate::support::experiment::{Experiment, Report};
use crate::support::format::{Table, bytes, count, times};
use crate::support::plot::{Axis, Look, Panel, Plot, Point, Series, svg};
use crate::support::stats::Estimate;
use crate::support::versus::{differences, list};
use crate::{BATCH, CHANNELS, RATE, SCENES, SIDE, STEPS, Study, View};

pub fn report(experiment: &Experiment, study: &Study) -> Report {
    Report {
        title: "From unshared over tiled to shared convolution".into(),
        claim:
            "Networks of one shape and one compute, whose kernels are shared more and more, take fewer bytes; where \
                what a kernel finds in one place is of use in another, sharing is also worth data."
                .into(),
        shows: shows(study),
        limits: limits(study),
        setting: setting(experiment, study.rows),
        tables: tables(study),
        pictures: vec![
            ("sharing_spectrum.svg".into(), svg(&spectrum(experiment, study))),
            ("sharing_worth.svg".into(), svg(&data(experiment, study))),
        ],
        figures: figures(study),
    }
}

fn setting(experiment: &Experiment, [train, test]: [usize; 2]) -> String {
    format!(
        "Two layers of {} and {} maps with 3×3 kernels, each with ReLU and max pooling, and a linear layer; {STEPS} steps \
         of Adam ({RATE}) on batches of {BATCH} whatever the number of images, so that all compute the same products. \
         Images are drawn at random from {} training rows, tests are {} rows by other writers; a shift is by one pixel \
         in one of eight directions, random places are those of {SIDE}×{SIDE} pixels in {side}×{side}. Settings were chosen on \
         held-out training rows. Means of {}; ± is the standard error, of paired differences where two networks are \
         compared; what data is worth is interpolated, with the 90 % interval of a bootstrap over the seeds.",
        CHANNELS[0],
        CHANNELS[1],
        count(train),
        count(test),
        experiment.count(),
        side = SCENES[1].side()
    )
}

fn tables(study: &Study) -> Vec<(String, Table)> {
    let mut tables =
        vec![("Sizes: numbers stored, and bytes of parameters, gradients and Adam's state.".into(), sizes(study))];
    for view in &study.views {
        tables.push((format!("Test accuracy in per cent on {}.", view.name), accuracies(study, view)));
    }
    let caption = "How many images the unshared network needs to be as good as the shared one with so many, and the 90 % interval.";
    tables.push((caption.into(), worths(study)));
    tables
}

fn sizes(study: &Study) -> Table {
    let mut table = Table::new(["image", "kernels", "parameters", "connections", "bytes", "× fewer than unshared"]);
    for ((scene, sizes), &connections) in SCENES.iter().zip(&study.sizes).zip(&study.connections) {
        for (sharing, size) in study.sharings.iter().zip(sizes) {
            let unshared = sizes[sizes.len() - 1];
            table.row([
                format!("{0}×{0}", scene.side()),
                sharing.name(),
                count(size.numbers),
                count(connections),
                bytes(size.bytes),
                times(unshared.bytes, size.bytes),
            ]);
        }
    }
    table
}

fn accuracies(study: &Study, view: &View) -> Table {
    let names = study.sharings.iter().map(|sharing| sharing.name());
    let header = std::iter::once("images".to_string()).chain(names).chain(["shared − unshared".to_string()]);
    let mut table = Table::new(header);
    for (place, &images) in study.images.iter().enumerate() {
        let cells = view.accuracy[place].iter().map(|values| Estimate::with_error(values).to_string());
        let lead = format!("{:+.1}", view.lead(place, study.ends()));
        table.row(std::iter::once(count(images)).chain(cells).chain([lead]));
    }
    table
}

fn worths(study: &Study) -> Table {
    let mut table = Table::new(["images", "in the middle", "shifted in the test", "at random places"]);
    for (place, &images) in study.images.iter().enumerate() {
        let cell = |view: &View| view.worth[place].words(&study.images);
        table.row(std::iter::once(count(images)).chain(study.views.iter().map(cell)));
    }
    table
}

fn shows(study: &Study) -> String {
    let [middle, shifted, places] = &study.views;
    let fewer = |view: &View| {
        let ([shared, unshared], sizes) = (study.ends(), &study.sizes[view.scene]);
        times(sizes[unshared].bytes, sizes[shared].bytes)
    };
    format!(
        "Parameters, gradients and optimizer state of the shared network take {} fewer bytes than those of the unshared \
         one, {} on the larger images; with {} images, {}, and it is as good as the unshared one with {} images; {}.",
        fewer(middle),
        fewer(places),
        list(study.images.iter().map(|&images| count(images))),
        verdict(study, places),
        list(places.worth.iter().map(|worth| worth.number(&study.images))),
        verdict(study, shifted)
    )
}

fn limits(study: &Study) -> String {
    let (below, of) = tiles_below_both(study);
    format!(
        "With {} images, {}; tiles lie between the ends in bytes, but {below} of {of} mean accuracies with tiles are below \
         both ends; and the maps take as many bytes however the kernels are shared.",
        list(study.images.iter().map(|&images| count(images))),
        verdict(study, &study.views[0])
    )
}

/// "on digits … the lead of the shared network is +1.2 ± 0.3, … points (better beyond two standard errors …)".
fn verdict(study: &Study, view: &View) -> String {
    let leads: Vec<Estimate> = (0..study.images.len()).map(|place| view.lead(place, study.ends())).collect();
    format!("on {} the lead of the shared network in points is {}", view.name, differences(&leads, false, 1))
}

/// How often a network with tiles has a lower mean than both ends, of how many.
fn tiles_below_both(study: &Study) -> (usize, usize) {
    let last = study.sharings.len() - 1;
    let mut leads = Vec::new();
    for view in &study.views {
        for place in 0..study.images.len() {
            leads.extend((1..last).map(|tile| [0, last].map(|end| view.lead(place, [tile, end]).mean < 0.0)));
        }
    }
    (leads.iter().filter(|lead| **lead == [true; 2]).count(), leads.len())
}

/// Accuracy against what is stored: a panel for each view, a line for each number of images.
fn spectrum(experiment: &Experiment, study: &Study) -> Plot {
    let panel = |view: &View| Panel {
        title: view.name_first(),
        x: Axis { label: "parameters stored".into(), log: true, ..Axis::default() },
        y: Axis { label: "test accuracy, %".into(), ..Axis::default() },
        series: (0..study.images.len())
            .map(|place| Series {
                label: format!("{} images", count(study.images[place])),
                colour: place,
                look: Look::Line,
                points: study.sizes[view.scene]
                    .iter()
                    .zip(&view.accuracy[place])
                    .map(|(size, values)| point(size.numbers as f64, Estimate::with_error(values)))
                    .collect(),
            })
            .collect(),
        marks: Vec::new(),
    };
    Plot {
        title: "Accuracy and what is stored, at equal compute".into(),
        subtitle: format!(
            "From shared (left) over tiled to unshared kernels (right), {}; whiskers are standard errors",
            experiment.count()
        ),
        columns: study.views.len(),
        panels: study.views.iter().map(panel).collect(),
    }
}

/// Accuracy against data for both ends; how far they are apart along the bottom is what sharing is worth.
fn data(experiment: &Experiment, study: &Study) -> Plot {
    let ticks: Vec<(f64, String)> = study.images.iter().map(|&images| (images as f64, count(images))).collect();
    let x = || Axis { label: "training images".into(), log: true, ticks: ticks.clone(), range: None };
    let panel = |view: &View| Panel {
        title: view.name_first(),
        x: x(),
        y: Axis { label: "test accuracy, %".into(), ..Axis::default() },
        series: [0, study.sharings.len() - 1]
            .iter()
            .enumerate()
            .map(|(colour, &end)| Series {
                label: study.sharings[end].name(),
                colour,
                look: Look::Line,
                points: study
                    .images
                    .iter()
                    .zip(&view.accuracy)
                    .map(|(&images, all)| point(images as f64, Estimate::with_error(&all[end])))
                    .collect(),
            })
            .collect(),
        marks: Vec::new(),
    };
    Plot {
        title: "How much data sharing is worth".into(),
        subtitle: format!(
            "Read across: at one height, how many images each of the two needs; {}; whiskers are standard errors",
            experiment.count()
        ),
        columns: study.views.len(),
        panels: study.views.iter().map(panel).collect(),
    }
}

fn point(x: f64, Estimate { mean, spread }: Estimate) -> Point {
    Point { x, y: mean, spread }
}

fn figures(study: &Study) -> serde_json::Value {
    let views = study
        .views
        .iter()
        .map(|view| json!({ "name": view.name, "scene": view.scene, "accuracy": view.accuracy, "worth": view.worth }));
    json!({
        "images": study.images,
        "sharings": study.sharings.iter().map(|sharing| sharing.name()).collect::<Vec<_>>(),
        "sizes": study.sizes,
        "connections": study.connections,
        "views": views.collect::<Vec<_>>(),
    })
}

impl Study {
    /// The places of shared and unshared in the list.
    fn ends(&self) -> [usize; 2] {
        [0, self.sharings.len() - 1]
    }
}

impl View {
    /// For the beginning of a sentence.
    fn name_first(&self) -> String {
        let mut letters = self.name.chars();
        letters.next().map_or(String::new(), |first| first.to_uppercase().collect::<String>() + letters.as_str())
    }
}
