//! The proximal step of squared L2 where parameters stand in several pairs: over a whole graph at once.
//!
//! At the least of ½Σ‖x_i − w_i‖² + tκ Σ c_ij ‖x_i − x_j‖², each x_i is the mean of its own w_i, with weight 1, and
//! of its neighbours, with weights 2tκc_ij: voltages in a network of resistors. The network is reduced node by
//! node (star to mesh), by additions of positive numbers alone, so that no digit is lost at any strength.

use std::collections::{BTreeMap, HashMap};

use tandem_autograd::{Float, Kind, Params, SlotId, Tensor};

use super::Coupling;
use super::link::Second;
use super::step::NoProximal;
use crate::part::Part;

impl<T: Float> Coupling<T> {
    /// The step over all links, some of which have parameters in common.
    pub(super) fn graph_step(&self, params: &mut Params<T>, t: f64) -> Result<(), NoProximal> {
        let parts = self.parts(params)?;
        let kappa = self.penalty.quadratic().unwrap_or(0.0);
        let (moving, still): (Vec<Part>, Vec<Part>) = parts.into_iter().partition(|part| params.is_trainable(part.id));
        // The nodes' own numbers come first, then those of what stays.
        let mut ends: Vec<&[T]> = moving.iter().chain(&still).map(|part| part.numbers(params)).collect();
        let key = |part: Part| (params.slot(part.id), part.rows);
        let places: HashMap<_, usize> =
            moving.iter().chain(&still).enumerate().map(|(i, part)| (key(*part), i)).collect();
        let mut network = Network::new(moving.len());
        for link in self.apart(params) {
            let second = match &link.second {
                Second::Part(second) => places[&key(*second)],
                Second::Anchor(value) => {
                    ends.push(value.data());
                    ends.len() - 1
                }
            };
            network.connect([places[&key(link.first)], second], 2.0 * t * kappa * link.weight.item().to_f64());
        }
        let mix = |(shares, part): (&Row, &Part)| mix(shares, &ends, part.shape(params).len());
        let moved: Vec<Tensor<T>> = network.solve().iter().zip(&moving).map(mix).collect();
        for (part, value) in moving.iter().zip(&moved) {
            let range = part.range(params);
            params.update(params.slot(part.id), |w| w[range].copy_from_slice(value.data()));
        }
        Ok(())
    }

    /// Every part of the links once.
    fn parts(&self, params: &Params<T>) -> Result<Vec<Part>, NoProximal> {
        let (mut parts, mut by_slot) = (Vec::new(), HashMap::<SlotId, Vec<Part>>::new());
        for link in self.apart(params) {
            if self.penalty.quadratic().is_none() || link.weight.shape().rank() > 0 {
                let (name, penalty) = (link.first.name(params), &self.penalty);
                let reason = format!(
                    "`{name}` is of several pairs: expected squared L2 with one weight a pair, found {penalty:?}, {}",
                    if link.weight.shape().rank() > 0 { "one weight a number" } else { "one weight a pair" }
                );
                return Err(NoProximal { reason });
            }
            for part in [Some(link.first), link.pair().map(|pair| pair.second)].into_iter().flatten() {
                let others = by_slot.entry(params.slot(part.id)).or_default();
                if others.iter().any(|other| other.is(part, params)) {
                    continue;
                }
                // What stays may overlap.
                let moves = params.is_trainable(part.id);
                if let Some(other) = others.iter().find(|other| moves && other.overlaps(part, params)) {
                    let [first, second] = [*other, part].map(|part| part.name(params));
                    return Err(NoProximal { reason: format!("`{first}` and `{second}` overlap") });
                }
                others.push(part);
                parts.push(part);
            }
        }
        Ok(parts)
    }
}

/// Σ share · numbers over the ends.
fn mix<T: Float>(shares: &Row, ends: &[&[T]], len: usize) -> Tensor<T> {
    Tensor::build([len], Kind::Workspace, |out| {
        out.fill(T::ZERO);
        for (&end, &share) in shares {
            let share = T::from_f64(share);
            match ends[end] {
                &[x] => out.iter_mut().for_each(|out| *out += share * x),
                numbers => out.iter_mut().zip(numbers).for_each(|(out, &x)| *out += share * x),
            }
        }
    })
}

/// Numbers by their place; where there is none, it is 0.
type Row = BTreeMap<usize, f64>;

/// Nodes that move, wired to each other and to ends that stay: first the nodes' own values of now, then others.
struct Network {
    /// Conductances between nodes.
    between: Vec<Row>,
    /// Conductances from a node to what stays.
    held: Vec<Row>,
}

impl Network {
    /// Nodes that are each held to their own value, with conductance 1.
    fn new(nodes: usize) -> Network {
        Network { between: vec![Row::new(); nodes], held: (0..nodes).map(|i| Row::from([(i, 1.0)])).collect() }
    }

    /// Wires two ends. Those past the nodes stay; between two of them a wire changes nothing.
    fn connect(&mut self, [i, j]: [usize; 2], conductance: f64) {
        let nodes = self.between.len();
        for (i, j) in [(i, j), (j, i)].into_iter().filter(|(i, _)| *i < nodes) {
            let rows = if j < nodes { &mut self.between } else { &mut self.held };
            *rows[i].entry(j).or_default() += conductance;
        }
    }

    /// For each node, the share that each end has in its value.
    fn solve(mut self) -> Vec<Row> {
        // Nodes with few wires first: what is left when a leaf is gone has no new wires.
        let mut order: Vec<usize> = (0..self.held.len()).collect();
        order.sort_by_key(|&k| self.between[k].len());
        let mut sums = Vec::new();
        for &k in &order {
            let (wires, held) = (self.between[k].clone(), self.held[k].clone());
            let sum = held.values().chain(wires.values()).sum::<f64>();
            for (&i, conductance) in &wires {
                let factor = conductance / sum;
                self.between[i].remove(&k);
                add(&mut self.between[i], factor, wires.iter().filter(|(j, _)| **j != i));
                add(&mut self.held[i], factor, held.iter());
            }
            sums.push(sum);
        }
        for (&k, sum) in order.iter().zip(sums).rev() {
            // The wires that are left lead to nodes that come later, whose shares are known.
            for (j, conductance) in std::mem::take(&mut self.between[k]) {
                let shares = self.held[j].clone();
                add(&mut self.held[k], conductance, shares.iter());
            }
            self.held[k].values_mut().for_each(|share| *share /= sum);
        }
        self.held
    }
}

/// to += factor · from.
fn add<'a>(to: &mut Row, factor: f64, from: impl Iterator<Item = (&'a usize, &'a f64)>) {
    for (&place, x) in from {
        *to.entry(place).or_default() += factor * x;
    }
}
