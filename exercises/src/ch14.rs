//! Chapter 14: elsewhere.

use std::cell::RefCell;
use std::rc::Rc;

/// The numbers of a kernel of shape [kh, kw, c, o] in PyTorch's order, [o, c, kh, kw].
pub fn kernel_to_pytorch(x: &[f64], [kh, kw, c, o]: [usize; 4]) -> Vec<f64> {
    todo!("ch14::kernel_to_pytorch")
}

/// Maps [h, w, c] are flattened here with channels last, and in PyTorch, as [c, h, w], with channels first: for each
/// place of PyTorch's row, the place of the same number in the row here.
pub fn flatten_order([h, w, c]: [usize; 3]) -> Vec<usize> {
    todo!("ch14::flatten_order")
}

/// The numbers of a linear weight whose inputs are flattened maps, as it stands here, [h·w·c, outputs], from PyTorch's,
/// [outputs, c·h·w].
pub fn linear_from_pytorch(x: &[f64], maps: [usize; 3], outputs: usize) -> Vec<f64> {
    todo!("ch14::linear_from_pytorch")
}

/// A model of the common design: each layer holds its weight, and layers that share hold the same one.
pub struct Model {
    pub layers: Vec<Rc<RefCell<Vec<f64>>>>,
}

impl Model {
    /// One step: each weight there is moves by the step, once.
    pub fn step(&self, by: f64) {
        let mut seen: Vec<*const RefCell<Vec<f64>>> = Vec::new();
        for weight in &self.layers {
            if !seen.contains(&Rc::as_ptr(weight)) {
                seen.push(Rc::as_ptr(weight));
                weight.borrow_mut().iter_mut().for_each(|w| *w += by);
            }
        }
    }
}

/// A copy of a model with numbers of its own. Layers that share a weight share one in the copy as well.
///
/// This one is wrong on purpose: it loses every tie.
pub fn copied(model: &Model) -> Model {
    let copy = |weight: &Rc<RefCell<Vec<f64>>>| Rc::new(RefCell::new(weight.borrow().clone()));
    Model { layers: model.layers.iter().map(copy).collect() }
}
