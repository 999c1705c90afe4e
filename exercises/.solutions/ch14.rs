//! Chapter 14: elsewhere.

use std::cell::RefCell;
use std::rc::Rc;

pub fn kernel_to_pytorch(x: &[f64], [kh, kw, c, o]: [usize; 4]) -> Vec<f64> {
    let mut theirs = Vec::with_capacity(x.len());
    for out in 0..o {
        for channel in 0..c {
            for row in 0..kh {
                for column in 0..kw {
                    theirs.push(x[((row * kw + column) * c + channel) * o + out]);
                }
            }
        }
    }
    theirs
}

pub fn flatten_order([h, w, c]: [usize; 3]) -> Vec<usize> {
    let places = (0..c).flat_map(|channel| (0..h * w).map(move |place| place * c + channel));
    places.collect()
}

pub fn linear_from_pytorch(x: &[f64], maps: [usize; 3], outputs: usize) -> Vec<f64> {
    let mut ours = vec![0.0; x.len()];
    let order = flatten_order(maps);
    for out in 0..outputs {
        for (theirs, here) in order.iter().enumerate() {
            ours[here * outputs + out] = x[out * order.len() + theirs];
        }
    }
    ours
}

pub struct Model {
    pub layers: Vec<Rc<RefCell<Vec<f64>>>>,
}

impl Model {
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

pub fn copied(model: &Model) -> Model {
    let mut layers: Vec<Rc<RefCell<Vec<f64>>>> = Vec::new();
    for (i, weight) in model.layers.iter().enumerate() {
        let earlier = model.layers[..i].iter().position(|other| Rc::ptr_eq(other, weight));
        let copy = match earlier {
            Some(place) => Rc::clone(&layers[place]),
            None => Rc::new(RefCell::new(weight.borrow().clone())),
        };
        layers.push(copy);
    }
    Model { layers }
}
