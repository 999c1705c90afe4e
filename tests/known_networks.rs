//! Counts of well-known networks, computed from their descriptions, against the published ones:
//! these are the only figures here that are typed in.

use std::collections::BTreeMap;

#[expect(dead_code, reason = "the example uses the rest")]
#[path = "../examples/convnet_memory/known.rs"]
mod known;
#[path = "../examples/support/mod.rs"]
mod support;

use known::{NETWORKS, Row, Sharing, edge_detection, table};

fn row(name: &str) -> Row {
    NETWORKS.iter().find(|net| net.name == name).expect("a known network").row(Sharing::Shared)
}

/// Parameters and connections by layer.
fn layers(row: &Row) -> BTreeMap<&str, (usize, usize)> {
    row.layers.iter().map(|layer| (&*layer.name, (layer.parameters, layer.connections()))).collect()
}

/// Goodfellow, Bengio and Courville, Deep Learning (2016), figure 9.6.
#[test]
fn edge_detection_costs_what_the_book_says() {
    let edges = edge_detection();
    assert_eq!((edges.kernel, edges.convolution_operations), (2, 267_960));
    assert_eq!((edges.dense, edges.dense_operations), (8_003_072_000, 16_006_144_000));
    assert_eq!((edges.dense / edges.kernel, edges.sparse), (4_001_536_000, 178_640));
}

/// LeCun, Bottou, Bengio and Haffner, Gradient-based learning applied to document recognition
/// (1998), section II.B.
#[test]
fn lenet_5_has_the_counts_of_its_paper() {
    let row = row("LeNet-5 (1998)");
    let expected = [
        ("C1", (156, 122_304)),
        ("S2", (12, 5_880)),
        ("C3", (1_516, 151_600)),
        ("S4", (32, 2_000)),
        ("C5", (48_120, 48_120)),
        ("F6", (10_164, 10_164)),
    ];
    assert_eq!(layers(&row), BTreeMap::from(expected));
    assert_eq!(row.parameters, 60_000);
}

/// The variant that is usually called by the same name.
#[test]
fn the_modern_lenet_5_has_its_usual_counts() {
    let row = row("LeNet-5 (modern)");
    assert_eq!(layers(&row)["C3"].0, 2_416);
    assert_eq!(row.parameters, 61_706);
}

/// Krizhevsky, Sutskever and Hinton, ImageNet classification with deep convolutional neural
/// networks (2012): 60 million parameters, of which these are the exact counts.
#[test]
fn alexnet_has_its_known_counts() {
    let row = row("AlexNet");
    assert_eq!(layers(&row)["conv1"], (34_944, 105_705_600));
    assert_eq!(row.convolutions(), (2_334_080, 666_434_944));
    assert_eq!(row.parameters, 60_965_224);
}

/// Simonyan and Zisserman, Very deep convolutional networks for large-scale image recognition
/// (2015), table 2: 138 million parameters, of which these are the exact counts.
#[test]
fn vgg_16_has_its_known_counts() {
    let row = row("VGG-16");
    let (shared, unshared) = row.convolutions();
    assert_eq!((shared, unshared), (14_714_688, 15_360_178_176));
    assert_eq!((unshared as f64 / shared as f64).round(), 1_044.0);
    assert_eq!((unshared as f64 * 4.0 / 1024f64.powi(3)).round(), 57.0);
    assert_eq!(row.parameters, 138_357_544);
}

/// The network that stores a kernel for each position has as many parameters as the shared one has
/// connections, layer by layer, and nothing is left in it to share. Its tape keeps as much: sharing
/// shrinks parameters, gradients and optimizer state, not activations.
#[test]
fn unsharing_turns_connections_into_parameters_and_leaves_the_activations() {
    let mut compared = 0;
    for net in NETWORKS.iter().filter(|net| net.variants.contains(&Sharing::Unshared)) {
        let (shared, unshared) = (net.row(Sharing::Shared), net.row(Sharing::Unshared));
        assert_eq!(unshared.parameters, shared.connections, "{}", net.name);
        for (a, b) in shared.layers.iter().zip(&unshared.layers) {
            assert_eq!((&a.name, a.output), (&b.name, b.output));
            assert_eq!((b.parameters, b.connections()), (a.connections(), a.connections()), "{}: {}", net.name, a.name);
        }
        for (a, b) in shared.training.iter().zip(&unshared.training) {
            assert_eq!(a.activations, b.activations, "{}, batches of {}", net.name, a.batch);
        }
        compared += 1;
    }
    assert_eq!(compared, 3);
}

/// An optimizer remembers 0, 1 or 2 numbers a parameter, and each parameter is stored once.
#[test]
fn the_footprints_hold_each_parameter_once_and_the_optimizers_state_beside_it() {
    for row in table() {
        for training in &row.training {
            let bytes = 4 * row.parameters;
            let kept: Vec<_> = training.footprints.iter().map(|(_, f)| (f.parameters, f.optimizer)).collect();
            assert_eq!(kept, [(bytes, 0), (bytes, bytes), (bytes, 2 * bytes)], "{}", row.name);
        }
    }
}

#[test]
fn the_printed_tables_are_aligned_and_name_every_network() {
    let mut edges = Vec::new();
    edge_detection().print(&mut edges).unwrap();
    let mut networks = Vec::new();
    known::print(&table(), &mut networks).unwrap();
    let [edges, networks] = [edges, networks].map(|bytes| String::from_utf8(bytes).unwrap());
    let blocks: Vec<&str> = networks.split("\n\n").collect();
    let [counts, training, sources] = blocks[..] else { panic!("three blocks, found {blocks:?}") };
    for aligned in [&edges, counts, training] {
        let widths: Vec<usize> = aligned.lines().map(|line| line.chars().count()).collect();
        assert!(widths.iter().all(|width| *width == widths[0]), "lines of lengths {widths:?}:\n{aligned}");
    }
    for net in &NETWORKS {
        assert!([counts, training, sources].iter().all(|block| block.contains(net.name)), "{}", net.name);
        assert!(sources.contains(net.source));
    }
}
