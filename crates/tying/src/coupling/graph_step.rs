//! The proximal step of squared L2 where parameters stand in several pairs: over a whole graph at once.
//!
//! At the least of ½Σ‖x_i − w_i‖² + tκ Σ c_ij ‖x_i − x_j‖², each x_i is the mean of its own w_i, with weight 1, and
//! of its neighbours, with weights 2tκc_ij: voltages in a network of resistors. The network is reduced node by
//! node (star to mesh), by additions of positive numbers alone, so that no digit is lost at any strength.

use tandem_autograd::{Float, Kind, Params, Tensor};

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
        let place = |part: Part| moving.iter().chain(&still).position(|other| other.is(part, params));
        let mut network = Network::new(moving.len());
        for link in self.apart(params) {
            let second = match &link.second {
                Second::Part(second) => place(*second),
                Second::Anchor(value) => {
                    ends.push(value.data());
                    Some(ends.len() - 1)
                }
            };
            let ends = [place(link.first), second].map(|place| place.expect("every part was listed"));
            network.connect(ends, 2.0 * t * kappa * link.weight.item().to_f64());
        }
        let mix = |(shares, part): (&Vec<f64>, &Part)| mix(shares, &ends, part.shape(params).len());
        let moved: Vec<Tensor<T>> = network.solve().iter().zip(&moving).map(mix).collect();
        for (part, value) in moving.iter().zip(&moved) {
            let range = part.range(params);
            params.update(params.slot(part.id), |w| w[range].copy_from_slice(value.data()));
        }
        Ok(())
    }

    /// Every part of the links once.
    fn parts(&self, params: &Params<T>) -> Result<Vec<Part>, NoProximal> {
        let mut parts: Vec<Part> = Vec::new();
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
                if parts.iter().any(|other| other.is(part, params)) {
                    continue;
                }
                let overlapping = parts.iter().find(|other| other.overlaps(part, params));
                // What stays may overlap.
                if let Some(other) = overlapping.filter(|_| params.is_trainable(part.id)) {
                    let [first, second] = [*other, part].map(|part| part.name(params));
                    return Err(NoProximal { reason: format!("`{first}` and `{second}` overlap") });
                }
                parts.push(part);
            }
        }
        Ok(parts)
    }
}

/// Σ share · numbers, over the ends that have a share.
fn mix<T: Float>(shares: &[f64], ends: &[&[T]], len: usize) -> Tensor<T> {
    Tensor::build([len], Kind::Workspace, |out| {
        out.fill(T::ZERO);
        for (&share, &numbers) in shares.iter().zip(ends).filter(|(share, _)| **share != 0.0) {
            let share = T::from_f64(share);
            match numbers {
                &[x] => out.iter_mut().for_each(|out| *out += share * x),
                numbers => out.iter_mut().zip(numbers).for_each(|(out, &x)| *out += share * x),
            }
        }
    })
}

/// Nodes that move, wired to each other and to ends that stay: first the nodes' own values of now, then others.
struct Network {
    /// Conductances between nodes.
    between: Vec<Vec<f64>>,
    /// Conductances from a node to what stays.
    held: Vec<Vec<f64>>,
}

impl Network {
    /// Nodes that are each held to their own value, with conductance 1.
    fn new(nodes: usize) -> Network {
        let held = (0..nodes).map(|i| (0..nodes).map(|j| f64::from(u8::from(i == j))).collect()).collect();
        Network { between: vec![vec![0.0; nodes]; nodes], held }
    }

    /// Wires two ends. Those past the nodes stay; between two of them a wire changes nothing.
    fn connect(&mut self, [i, j]: [usize; 2], conductance: f64) {
        let nodes = self.between.len();
        for (i, j) in [(i, j), (j, i)] {
            if i < nodes && j < nodes {
                self.between[i][j] += conductance;
            } else if i < nodes {
                self.held.iter_mut().for_each(|row| row.resize(row.len().max(j + 1), 0.0));
                self.held[i][j] += conductance;
            }
        }
    }

    /// For each node, the share that each end has in its value.
    fn solve(mut self) -> Vec<Vec<f64>> {
        let n = self.held.len();
        let mut sums = Vec::new();
        for k in 0..n {
            let (between, held) = (self.between[k].clone(), self.held[k].clone());
            let sum = held.iter().chain(&between[k + 1..]).sum::<f64>();
            for i in k + 1..n {
                let factor = between[i] / sum;
                for j in (k + 1..n).filter(|&j| j != i) {
                    self.between[i][j] += factor * between[j];
                }
                add(&mut self.held[i], factor, &held);
            }
            sums.push(sum);
        }
        for (k, sum) in sums.into_iter().enumerate().rev() {
            for j in k + 1..n {
                let shares = self.held[j].clone();
                add(&mut self.held[k], self.between[k][j], &shares);
            }
            self.held[k].iter_mut().for_each(|share| *share /= sum);
        }
        self.held
    }
}

/// to += factor · from.
fn add(to: &mut [f64], factor: f64, from: &[f64]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to += factor * from);
}
