//! The fused way: one pass over the numbers adds a coupling to gradients.

use tandem_autograd::{Float, Gradients, Params, Tape};

use super::Coupling;
use super::link::Link;
use crate::fused::{Pass, change, taken};

impl<T: Float> Coupling<T> {
    /// Adds the gradient of the penalty to the gradients of a backward sweep, in one pass over the numbers, with no
    /// tape and no memory; returns the penalty, which [`penalty`](Coupling::penalty) would have added to the loss.
    ///
    /// A penalty without such a form is computed on a tape of its own.
    ///
    /// ```
    /// use tandem_autograd::{Params, Tape, Tensor};
    /// use tandem_tying::{Coupling, Pairing, Strength};
    /// let mut params = Params::<f64>::new();
    /// let [a, b] = [("a.w", 1.0), ("b.w", 3.0)].map(|(name, x)| params.add(name, Tensor::scalar(x)));
    /// let pairing = Pairing::by_path(&params, "a", "b")?;
    /// let coupling = Coupling::new(&mut params, pairing, Strength::Coupled(0.5))?;
    /// let tape = Tape::new(&params);
    /// let mut gradients = (10.0 * tape.param(a)).backward();
    /// assert_eq!(coupling.add_gradients(&params, &mut gradients), 2.0);           // ½(1 − 3)²
    /// assert_eq!(gradients.of(&params, a).unwrap().item(), 8.0);                  // 10 + (1 − 3)
    /// assert_eq!(gradients.of(&params, b).unwrap().item(), 2.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// If the coupling is of another store.
    #[track_caller]
    pub fn add_gradients(&self, params: &Params<T>, gradients: &mut Gradients<T>) -> f64 {
        self.belongs(params);
        if self.lambda == 0.0 {
            return 0.0;
        }
        let mut omega = 0.0;
        for link in self.apart(params) {
            match self.pass(params, link, Some(gradients)) {
                Some(found) => omega += found,
                None => return self.add_from_tape(params, gradients),
            }
        }
        self.lambda * omega + self.prior
    }

    /// Σ c Ω.
    pub(super) fn omega(&self, params: &Params<T>) -> f64 {
        let fused = self.apart(params).map(|link| self.pass(params, link, None)).sum::<Option<f64>>();
        fused.unwrap_or_else(|| {
            let tape = Tape::without_gradients(params);
            self.apart(params).map(|link| link.omega_on(&tape, &*self.penalty).item().to_f64()).sum()
        })
    }

    fn add_from_tape(&self, params: &Params<T>, gradients: &mut Gradients<T>) -> f64 {
        let tape = Tape::new(params);
        let penalty = self.penalty(&tape);
        let value = penalty.item().to_f64();
        if penalty.is_recorded() {
            for (slot, more) in penalty.backward().iter() {
                change(params, gradients, slot, |g| g.iter_mut().zip(more.data()).for_each(|(g, &more)| *g += more));
            }
        }
        value
    }

    /// c Ω of one link, whose gradients are added; `None` if there is no fused form.
    fn pass(&self, params: &Params<T>, link: &Link<T>, gradients: Option<&mut Gradients<T>>) -> Option<f64> {
        if link.relation.is_some() {
            return None;
        }
        let sides = link.sides(params);
        let (shape, lambda) = (link.first.shape(params), T::from_f64(self.lambda));
        let run = |into: [Option<&mut [T]>; 2]| {
            let mut pass = Pass { sides, shape, lambda, into, omega: None };
            self.penalty.fused(&mut pass);
            pass.omega
        };
        let Some(gradients) = gradients else { return run([None, None]) };
        let first = link.first.range(params);
        let second = link.pair().map_or(0..0, |pair| pair.second.range(params));
        // A dry run makes gradients, but does not write any.
        let mut omega = if link.is_dry(params) { run([None, None]) } else { None };
        match link.movable(params) {
            // Rows of one parameter: one side after the other.
            [Some(a), Some(b)] if a == b => change(params, gradients, a, |g| {
                omega = run([Some(&mut g[first]), None]);
                run([None, Some(&mut g[second])]);
            }),
            [Some(a), Some(b)] => {
                let mut of_b = taken(params, gradients, b);
                change(params, gradients, a, |a| {
                    of_b.update(|b| omega = run([Some(&mut a[first]), Some(&mut b[second])]));
                });
                gradients.insert(b, of_b);
            }
            [Some(a), None] => change(params, gradients, a, |g| omega = run([Some(&mut g[first]), None])),
            [None, Some(b)] => change(params, gradients, b, |g| omega = run([None, Some(&mut g[second])])),
            [None, None] => omega = run([None, None]),
        }
        omega
    }
}
