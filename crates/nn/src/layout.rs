//! How PyTorch lays out what is laid out otherwise here: one map, used at the checkpoint's door.

use smallvec::SmallVec;
use tandem_autograd::{Float, ParamId, Params, Shape, ShapeError, StateId, Tape, Tensor};

/// How the numbers of a parameter are ordered here and in PyTorch: with its axes split, as `split`, they stand
/// there in the order `order`, and under the shape `theirs`.
///
/// | | here | in PyTorch |
/// |---|---|---|
/// | linear weight | `[in, out]` | `[out, in]` |
/// | … after maps were flattened | `[h·w·c, out]` | `[out, c·h·w]` |
/// | … before rows become maps | `[in, h·w·c]` | `[c·h·w, in]` |
/// | kernel, also of a transposed convolution | `[kh, kw, c/groups, o]` | `[o, c/groups, kh, kw]` |
/// | scale of maps | `[h, w, c]` | `[c, h, w]` |
/// | scale of flattened maps | `[h·w·c]` | `[c·h·w]` |
///
/// ```
/// use tandem_autograd::Tensor;
/// use tandem_nn::Layout;
/// let weight = Tensor::new([2, 3], vec![1., 2., 3., 4., 5., 6.]);
/// let layout = Layout::linear([2, 3].into());
/// let theirs = layout.to_pytorch(&weight);
/// assert_eq!(theirs, Tensor::new([3, 2], vec![1., 4., 2., 5., 3., 6.]));
/// assert_eq!(layout.from_pytorch(&theirs), weight);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The shape here.
    pub ours: Shape,
    /// The shape in PyTorch.
    pub theirs: Shape,
    split: Shape,
    order: SmallVec<[usize; 4]>,
}

impl Layout {
    /// As it is here.
    pub fn same(shape: Shape) -> Layout {
        Layout { ours: shape, theirs: shape, split: shape, order: (0..shape.rank()).collect() }
    }

    fn new(ours: Shape, split: Shape, order: &[usize], theirs: &[usize]) -> Layout {
        Layout { ours, theirs: Shape::from(theirs), split, order: order.into() }
    }

    /// That of a linear weight, `[in, out]`.
    pub fn linear(ours: Shape) -> Layout {
        let [inputs, outputs] = [ours[0] as usize, ours[1] as usize];
        Layout::new(ours, ours, &[1, 0], &[outputs, inputs])
    }

    /// That of a linear weight, `[h·w·c, out]`, whose inputs are flattened maps `[h, w, c]`.
    pub fn linear_after_flatten(ours: Shape, [h, w, c]: [usize; 3]) -> Layout {
        let outputs = ours[1] as usize;
        Layout::new(ours, Shape::from([h, w, c, outputs]), &[3, 2, 0, 1], &[outputs, c * h * w])
    }

    /// That of kernels, `[kh, kw, c/groups, o]`.
    pub fn kernel(ours: Shape) -> Layout {
        let [kh, kw, c, o] = [0, 1, 2, 3].map(|axis| ours[axis] as usize);
        Layout::new(ours, ours, &[3, 2, 0, 1], &[o, c, kh, kw])
    }

    /// That of numbers for each place of maps, `[h, w, c]`.
    pub fn maps(ours: Shape) -> Layout {
        let [h, w, c] = [0, 1, 2].map(|axis| ours[axis] as usize);
        Layout::new(ours, ours, &[2, 0, 1], &[c, h, w])
    }

    /// That of numbers whose last axis stands for flattened maps `[h, w, c]`.
    pub fn flattened(ours: Shape, maps: [usize; 3]) -> Layout {
        Layout::same(ours).of_maps(maps)
    }

    /// This one, if the last axis here stands for flattened maps `[h, w, c]`.
    fn of_maps(mut self, [h, w, c]: [usize; 3]) -> Layout {
        let last = self.split.rank() - 1;
        let at = self.order.iter().position(|&axis| axis == last).expect("an order has every axis");
        self.order.remove(at);
        self.order.insert_many(at, [last + 2, last, last + 1]);
        self.split = self.split.join(last, &[h, w, c]);
        self
    }

    /// Whether the numbers stand in PyTorch as they do here.
    fn is_same(&self) -> bool {
        self.order.iter().copied().eq(0..self.order.len())
    }

    /// The numbers as PyTorch has them.
    ///
    /// # Panics
    /// If the shape is not [`ours`](Layout::ours).
    #[track_caller]
    pub fn to_pytorch<T: Float>(&self, x: &Tensor<T>) -> Tensor<T> {
        assert!(x.shape() == self.ours, "to_pytorch(): expected shape {}, found {}", self.ours, x.shape());
        let params = Params::new();
        let x = Tape::new(&params).constant(x.clone()).reshape(self.split).permute(&self.order).into_value();
        x.reshape(self.theirs)
    }

    /// The numbers as they stand here, from PyTorch's.
    ///
    /// # Panics
    /// If the shape is not [`theirs`](Layout::theirs).
    #[track_caller]
    pub fn from_pytorch<T: Float>(&self, x: &Tensor<T>) -> Tensor<T> {
        assert!(x.shape() == self.theirs, "from_pytorch(): expected shape {}, found {}", self.theirs, x.shape());
        let permuted: SmallVec<[usize; 4]> = self.order.iter().map(|&axis| self.split[axis] as usize).collect();
        let back: SmallVec<[usize; 4]> =
            (0..self.order.len()).map(|axis| self.order.iter().position(|&at| at == axis).expect("an order")).collect();
        let params = Params::new();
        let x = Tape::new(&params).constant(x.clone()).reshape(&*permuted).permute(&back).into_value();
        x.reshape(self.ours)
    }
}

/// The layouts of a network's parameters and states; those that are not listed stand in PyTorch as they do here.
/// [`Layer::layouts`](crate::Layer::layouts) fills it in.
#[derive(Clone, Debug, Default)]
pub struct Layouts {
    params: Vec<(ParamId, Layout)>,
    states: Vec<(StateId, Layout)>,
    /// The maps that were flattened, until a layer has taken them in.
    pub flattened: Option<[usize; 3]>,
    /// Where those in the lists begin that have a number for each number of the rows as they are now.
    rows: Option<[usize; 2]>,
}

impl Layouts {
    /// Those of a parameter. The first layer that uses it decides.
    pub fn put(&mut self, id: ParamId, layout: Layout) {
        if !self.params.iter().any(|(other, _)| *other == id) {
            self.params.push((id, layout));
        }
    }

    /// Those of a state.
    pub fn put_state(&mut self, id: StateId, layout: Layout) {
        if !self.states.iter().any(|(other, _)| *other == id) {
            self.states.push((id, layout));
        }
    }

    /// Rows begin that no longer are flattened maps. What is put from now on has a number for each of theirs along
    /// its last axis: should the rows [become maps](Layouts::unflatten), that axis is in another order in PyTorch.
    pub fn begin_rows(&mut self) {
        (self.flattened, self.rows) = (None, Some([self.params.len(), self.states.len()]));
    }

    /// What follows are no longer the rows that were begun.
    pub fn end_rows(&mut self) {
        (self.flattened, self.rows) = (None, None);
    }

    /// Examples of this shape are made rows. Those of three axes are maps, whose channels come first in PyTorch.
    pub fn flatten(&mut self, example: Shape) {
        if example.rank() != 1 {
            self.end_rows();
        }
        if let [h, w, c] = example.to_vec()[..] {
            self.flattened = Some([h, w, c]);
        }
    }

    /// Rows are made examples of this shape.
    ///
    /// # Errors
    /// If the rows are maps that were flattened, and do not become what they were: in PyTorch, other numbers would
    /// meet.
    pub fn unflatten(&mut self, example: Shape) -> Result<(), ShapeError> {
        let (flattened, rows) = (self.flattened, self.rows);
        self.end_rows();
        if let Some(maps) = flattened {
            let maps = Shape::from(maps);
            return ShapeError::unless(maps == example, || {
                format!(
                    "flattened maps {maps} become {example}: in PyTorch, where channels come first, that is another function"
                )
            });
        }
        if let ([h, w, c], Some([params, states])) = (&example.to_vec()[..], rows) {
            let of_params = self.params[params..].iter_mut().map(|(_, layout)| layout);
            let of_states = self.states[states..].iter_mut().map(|(_, layout)| layout);
            for layout in of_params.chain(of_states) {
                *layout = layout.clone().of_maps([*h, *w, *c]);
            }
        }
        Ok(())
    }

    /// The layout of a parameter, if it differs.
    pub fn of(&self, id: ParamId) -> Option<&Layout> {
        let (_, layout) = self.params.iter().find(|(other, _)| *other == id)?;
        (!layout.is_same()).then_some(layout)
    }

    /// The layout of a state, if it differs.
    pub fn of_state(&self, id: StateId) -> Option<&Layout> {
        let (_, layout) = self.states.iter().find(|(other, _)| *other == id)?;
        (!layout.is_same()).then_some(layout)
    }
}
