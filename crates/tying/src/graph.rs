//! Which of many models belong together, and how much.

use crate::pairing::Mismatch;

/// Models, by their prefixes, and edges between those that belong together: over it, a penalty is
/// λ Σ a_st Ω(w_s − w_t), which for the squared norm is λ Σ wᵀ(L ⊗ I)w with the graph's Laplacian L (Evgeniou,
/// Micchelli and Pontil 2005).
///
/// [`Pairing::over`](crate::Pairing::over) makes pairs of it.
///
/// ```
/// use tandem_autograd::{Params, Tensor};
/// use tandem_tying::{ModelGraph, Pairing};
/// let mut params = Params::<f32>::new();
/// for model in ["mon", "tue", "wed"] {
///     params.add(&format!("{model}.weight"), Tensor::zeros([4, 2]));
/// }
/// let week = ModelGraph::chain(["mon", "tue", "wed"]);
/// assert_eq!(Pairing::over(&params, &week)?.pairs().len(), 2);
///
/// let graph = ModelGraph::new(["mon", "tue"]).edge("mon", "sun", 0.5);
/// assert_eq!(
///     Pairing::over(&params, &graph).unwrap_err().to_string(),
///     "the models of the graph do not pair:\n  \
///      the edge `mon` to `sun` leads to an unknown model `sun`; the models are [\"mon\", \"tue\"]"
/// );
/// # Ok::<(), tandem_tying::PairingError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ModelGraph {
    models: Vec<Box<str>>,
    edges: Vec<(Box<str>, Box<str>, f64)>,
}

impl ModelGraph {
    /// These models, without edges.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tensor};
    /// # use tandem_tying::{ModelGraph, Pairing};
    /// # let mut params = Params::<f32>::new();
    /// # for model in ["a.w", "b.w", "c.w"] {
    /// #     params.add(model, Tensor::scalar(0.0));
    /// # }
    /// let graph = ModelGraph::new(["a", "b", "c"]).edge("a", "b", 1.0).edge("b", "c", 0.5);
    /// let weights: Vec<f64> = Pairing::over(&params, &graph)?.pairs().iter().map(|pair| pair.weight).collect();
    /// assert_eq!(weights, [1.0, 0.5]);
    /// # Ok::<(), tandem_tying::PairingError>(())
    /// ```
    pub fn new<'a>(models: impl IntoIterator<Item = &'a str>) -> ModelGraph {
        ModelGraph { models: models.into_iter().map(Box::from).collect(), edges: Vec::new() }
    }

    /// Adds an edge between two of the models, in no direction, with its weight a_st ≥ 0.
    pub fn edge(mut self, from: &str, to: &str, weight: f64) -> ModelGraph {
        self.edges.push((from.into(), to.into(), weight));
        self
    }

    /// Each model with the centre: what they have in common is a model of its own. All weights are 1.
    ///
    /// ```
    /// use tandem_tying::ModelGraph;
    /// let star = ModelGraph::star("all", ["a", "b"]);
    /// assert_eq!(star, ModelGraph::new(["a", "b", "all"]).edge("all", "a", 1.0).edge("all", "b", 1.0));
    /// ```
    pub fn star<'a>(centre: &str, models: impl IntoIterator<Item = &'a str>) -> ModelGraph {
        let mut graph = ModelGraph::new(models);
        graph.edges = graph.models.iter().map(|model| (centre.into(), model.clone(), 1.0)).collect();
        graph.models.push(centre.into());
        graph
    }

    /// Each model with the next one: models in an order, such as that of time. All weights are 1.
    ///
    /// ```
    /// use tandem_tying::ModelGraph;
    /// let days = ["mon", "tue", "wed"];
    /// assert_eq!(ModelGraph::chain(days), ModelGraph::new(days).edge("mon", "tue", 1.0).edge("tue", "wed", 1.0));
    /// ```
    pub fn chain<'a>(models: impl IntoIterator<Item = &'a str>) -> ModelGraph {
        let mut graph = ModelGraph::new(models);
        graph.edges = graph.models.windows(2).map(|pair| (pair[0].clone(), pair[1].clone(), 1.0)).collect();
        graph
    }

    /// Each of T models with each, T(T − 1)/2 edges. All weights are 1.
    ///
    /// ```
    /// use tandem_tying::ModelGraph;
    /// let all = ModelGraph::new(["a", "b", "c"]).edge("a", "b", 1.0).edge("a", "c", 1.0).edge("b", "c", 1.0);
    /// assert_eq!(ModelGraph::complete(["a", "b", "c"]), all);
    /// ```
    pub fn complete<'a>(models: impl IntoIterator<Item = &'a str>) -> ModelGraph {
        let mut graph = ModelGraph::new(models);
        for (i, from) in graph.models.iter().enumerate() {
            graph.edges.extend(graph.models[i + 1..].iter().map(|to| (from.clone(), to.clone(), 1.0)));
        }
        graph
    }

    /// Each of T models with their mean w̄, by the identity Σ_t ‖w_t − w̄‖² = 1/T Σ_{s<t} ‖w_s − w_t‖²:
    /// each with each, weighing 1/T (Evgeniou and Pontil 2004).
    ///
    /// ```
    /// use tandem_autograd::{Params, Tape, Tensor};
    /// use tandem_tying::{Coupling, ModelGraph, Pairing, Strength};
    /// let mut params = Params::<f64>::new();
    /// for (name, x) in [("a.w", 0.0), ("b.w", 3.0), ("c.w", 6.0)] {      // their mean is 3
    ///     params.add(name, Tensor::scalar(x));
    /// }
    /// let pairing = Pairing::over(&params, &ModelGraph::mean(["a", "b", "c"]))?;
    /// let coupling = Coupling::new(&mut params, pairing, Strength::Coupled(1.0))?;
    /// let penalty = coupling.penalty(&Tape::new(&params)).item();
    /// assert!((penalty - (9.0 + 0.0 + 9.0)).abs() < 1e-14);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn mean<'a>(models: impl IntoIterator<Item = &'a str>) -> ModelGraph {
        let mut graph = ModelGraph::complete(models);
        let weight = 1.0 / graph.models.len() as f64;
        graph.edges.iter_mut().for_each(|edge| edge.2 = weight);
        graph
    }

    pub(crate) fn edges(&self) -> impl Iterator<Item = (&str, &str, f64)> {
        self.edges.iter().map(|(from, to, weight)| (&**from, &**to, *weight))
    }

    /// What is wrong with the edges.
    pub(crate) fn mistakes(&self) -> Vec<Mismatch> {
        let mut mistakes = Vec::new();
        for (i, (from, to, weight)) in self.edges.iter().enumerate() {
            for end in [from, to] {
                if !self.models.contains(end) {
                    let (from, to, unknown) = (from.clone(), to.clone(), end.clone());
                    mistakes.push(Mismatch::Model { from, to, unknown, models: self.models.clone() });
                }
            }
            if !(weight.is_finite() && *weight >= 0.0) {
                mistakes.push(Mismatch::Weight { from: from.clone(), to: to.clone(), weight: *weight });
            }
            let same = |(a, b, _): &(Box<str>, Box<str>, f64)| (a == from && b == to) || (a == to && b == from);
            if self.edges[..i].iter().any(same) {
                mistakes.push(Mismatch::Twice { first: from.clone(), second: to.clone() });
            }
        }
        mistakes
    }
}
