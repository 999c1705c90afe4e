//! How PyTorch lays out what is laid out otherwise here: one map, used at the checkpoint's door.

use smallvec::SmallVec;
use tandem_autograd::{Float, ParamId, Params, Shape, ShapeError, StateId, Tape, Tensor};

use crate::layer::Layer;

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
    ///
    /// ```
    /// let layout = tandem_nn::Layout::same([8].into());
    /// assert_eq!(layout.ours, layout.theirs);
    /// ```
    pub fn same(shape: Shape) -> Layout {
        Layout { ours: shape, theirs: shape, split: shape, order: (0..shape.rank()).collect() }
    }

    fn new(ours: Shape, split: Shape, order: &[usize], theirs: &[usize]) -> Layout {
        Layout { ours, theirs: Shape::from(theirs), split, order: order.into() }
    }

    /// That of a linear weight, `[in, out]`.
    ///
    /// ```
    /// assert_eq!(tandem_nn::Layout::linear([64, 10].into()).theirs.to_vec(), [10, 64]);
    /// ```
    pub fn linear(ours: Shape) -> Layout {
        let [inputs, outputs] = [ours[0] as usize, ours[1] as usize];
        Layout::new(ours, ours, &[1, 0], &[outputs, inputs])
    }

    /// That of a linear weight, `[h·w·c, out]`, whose inputs are flattened maps `[h, w, c]`.
    ///
    /// ```
    /// use tandem_autograd::Tensor;
    /// use tandem_nn::Layout;
    /// // One output; maps of one row, two columns, three channels: number 3x + c here, 2c + x in PyTorch.
    /// let layout = Layout::linear_after_flatten([6, 1].into(), [1, 2, 3]);
    /// let theirs = layout.to_pytorch(&Tensor::new([6, 1], vec![0., 1., 2., 3., 4., 5.]));
    /// assert_eq!(theirs, Tensor::new([1, 6], vec![0., 3., 1., 4., 2., 5.]));
    /// ```
    pub fn linear_after_flatten(ours: Shape, [h, w, c]: [usize; 3]) -> Layout {
        let outputs = ours[1] as usize;
        Layout::new(ours, Shape::from([h, w, c, outputs]), &[3, 2, 0, 1], &[outputs, c * h * w])
    }

    /// That of kernels, `[kh, kw, c/groups, o]`.
    ///
    /// ```
    /// assert_eq!(tandem_nn::Layout::kernel([3, 5, 1, 8].into()).theirs.to_vec(), [8, 1, 3, 5]);
    /// ```
    pub fn kernel(ours: Shape) -> Layout {
        let [kh, kw, c, o] = [0, 1, 2, 3].map(|axis| ours[axis] as usize);
        Layout::new(ours, ours, &[3, 2, 0, 1], &[o, c, kh, kw])
    }

    /// That of numbers for each place of maps, `[h, w, c]`.
    ///
    /// ```
    /// assert_eq!(tandem_nn::Layout::maps([4, 5, 8].into()).theirs.to_vec(), [8, 4, 5]);
    /// ```
    pub fn maps(ours: Shape) -> Layout {
        let [h, w, c] = [0, 1, 2].map(|axis| ours[axis] as usize);
        Layout::new(ours, ours, &[2, 0, 1], &[c, h, w])
    }

    /// That of numbers whose last axis stands for flattened maps `[h, w, c]`.
    ///
    /// ```
    /// use tandem_autograd::Tensor;
    /// let layout = tandem_nn::Layout::flattened([4].into(), [1, 2, 2]);          // two places, two channels
    /// assert_eq!(layout.to_pytorch(&Tensor::new([4], vec![0., 1., 2., 3.])).data(), [0., 2., 1., 3.]);
    /// ```
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

    /// The numbers as PyTorch has them.
    ///
    /// ```
    /// use tandem_autograd::Tensor;
    /// // Two outputs of a 1 × 2 kernel with one channel: the outputs stand last here, first in PyTorch.
    /// let kernel = Tensor::new([1, 2, 1, 2], vec![1., 10., 2., 20.]);
    /// let theirs = tandem_nn::Layout::kernel(kernel.shape()).to_pytorch(&kernel);
    /// assert_eq!(theirs, Tensor::new([2, 1, 1, 2], vec![1., 2., 10., 20.]));
    /// ```
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
    /// ```
    /// use tandem_autograd::Tensor;
    /// let theirs = Tensor::new([2, 1, 1, 2], vec![1., 2., 10., 20.]);
    /// let layout = tandem_nn::Layout::kernel([1, 2, 1, 2].into());
    /// assert_eq!(layout.from_pytorch(&theirs).data(), [1., 10., 2., 20.]);
    /// ```
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

/// The layouts of parameters and states in PyTorch, as the layers of networks have noted them.
///
/// ```
/// use rand::SeedableRng;
/// use tandem_autograd::Params;
/// use tandem_nn::{Flatten, Generator, Init, Layouts, Linear, Sequential};
/// let (mut params, mut rng) = (Params::<f32>::new(), Generator::seed_from_u64(0));
/// let (mut net, mut layouts) = (Sequential::new(), Layouts::default());
/// net.push("flatten", Flatten);
/// let out = Linear::new(&mut params, "out", [4 * 4 * 8, 10], Init::Uniform, &mut rng);
/// net.push("out", out);
/// layouts.add(&net, &params, [4, 4, 8].into())?;
/// assert_eq!(layouts.of(out.weight).unwrap().theirs.to_vec(), [10, 8 * 4 * 4]);
/// # Ok::<(), tandem_autograd::ShapeError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Layouts {
    params: Vec<Noted<ParamId>>,
    states: Vec<Noted<StateId>>,
    order: Order,
}

/// The layout of a parameter or a state, and how often it was noted.
#[derive(Clone, Debug)]
struct Noted<Id> {
    id: Id,
    layout: Layout,
    times: u32,
}

/// What is known of the order of the numbers along the last axis, on the way through a network.
#[derive(Clone, Debug, Default)]
enum Order {
    /// That of the network's input.
    #[default]
    Input,
    /// They are flattened maps `[h, w, c]`.
    Maps([usize; 3]),
    /// They are rows that these have made, which have a number for each of theirs.
    Rows(Vec<ParamId>, Vec<StateId>),
    /// They could not be in another order.
    Fixed,
}

impl Layouts {
    /// Adds what a network's layers note, for examples of this shape.
    ///
    /// ```
    /// use rand::SeedableRng;
    /// use tandem_autograd::Params;
    /// use tandem_nn::{Conv2d, Generator, Init, Kernel, Layouts};
    /// let (mut params, mut rng) = (Params::<f32>::new(), Generator::seed_from_u64(0));
    /// let conv = Conv2d::new(&mut params, "conv", Kernel::new([3, 3], [1, 8]), Init::He, &mut rng);
    /// let mut layouts = Layouts::default();
    /// assert_eq!(layouts.add(&conv, &params, [8, 8, 1].into())?.to_vec(), [6, 6, 8]);    // the result's shape
    /// assert_eq!(layouts.of(conv.weight).unwrap().theirs.to_vec(), [8, 1, 3, 3]);
    /// # Ok::<(), tandem_autograd::ShapeError>(())
    /// ```
    ///
    /// # Errors
    /// If an example does not fit, a parameter would have two layouts, or PyTorch, where channels come first, has no
    /// such function: rows in an order that is fixed become maps.
    pub fn add<T: Float>(
        &mut self,
        net: &dyn Layer<T>,
        params: &Params<T>,
        example: Shape,
    ) -> Result<Shape, ShapeError> {
        self.order = Order::Input;
        net.layouts(params, example, self)
    }

    /// Notes that of a parameter.
    ///
    /// ```
    /// use tandem_autograd::{Params, Tensor};
    /// use tandem_nn::{Layout, Layouts};
    /// let mut params = Params::<f32>::new();
    /// let (w, free) = (params.add("w", Tensor::zeros([3, 3])), params.add("free", Tensor::zeros([3])));
    /// let mut layouts = Layouts::default();
    /// layouts.put(w, Layout::linear([3, 3].into()))?;
    /// layouts.put(w, Layout::linear([3, 3].into()))?;    // a second use, the same layout
    /// assert!(layouts.put(w, Layout::same([3, 3].into())).is_err());
    /// assert_eq!(layouts.of(w), Some(&Layout::linear([3, 3].into())));
    /// assert_eq!(layouts.of(free), None);
    /// # Ok::<(), tandem_autograd::ShapeError>(())
    /// ```
    ///
    /// # Errors
    /// If another one was noted.
    pub fn put(&mut self, id: ParamId, layout: Layout) -> Result<(), ShapeError> {
        if let Order::Rows(params, _) = &mut self.order {
            params.push(id);
        }
        note(&mut self.params, id, layout)
    }

    /// Notes that of a state.
    ///
    /// ```
    /// use tandem_autograd::{Params, Tensor};
    /// use tandem_nn::{Layout, Layouts};
    /// let mut params = Params::<f32>::new();
    /// let mean = params.add_state("mean", Tensor::zeros([4]));
    /// let mut layouts = Layouts::default();
    /// layouts.put_state(mean, Layout::flattened([4].into(), [2, 1, 2]))?;
    /// assert_eq!(layouts.of_state(mean).unwrap().theirs.to_vec(), [4]);
    /// # Ok::<(), tandem_autograd::ShapeError>(())
    /// ```
    ///
    /// # Errors
    /// If another one was noted.
    pub fn put_state(&mut self, id: StateId, layout: Layout) -> Result<(), ShapeError> {
        if let Order::Rows(_, states) = &mut self.order {
            states.push(id);
        }
        note(&mut self.states, id, layout)
    }

    /// The maps that the rows are, if they were flattened.
    ///
    /// ```
    /// let mut layouts = tandem_nn::Layouts::default();
    /// layouts.flatten([4, 5, 8].into());
    /// assert_eq!(layouts.flattened(), Some([4, 5, 8]));
    /// layouts.begin_rows();                              // a linear layer has mixed them
    /// assert_eq!(layouts.flattened(), None);
    /// ```
    pub fn flattened(&self) -> Option<[usize; 3]> {
        if let Order::Maps(maps) = self.order { Some(maps) } else { None }
    }

    /// Rows begin that no longer are flattened maps. What is put from now on has a number for each of theirs along
    /// its last axis: should the rows [become maps](Layouts::unflatten), that axis is in another order in PyTorch.
    ///
    /// ```
    /// use tandem_autograd::{Params, Tensor};
    /// use tandem_nn::{Layout, Layouts};
    /// let mut params = Params::<f32>::new();
    /// let bias = params.add("bias", Tensor::zeros([4]));
    /// let mut layouts = Layouts::default();
    /// layouts.begin_rows();
    /// layouts.put(bias, Layout::same([4].into()))?;      // of a linear layer that makes rows
    /// layouts.unflatten([1, 2, 2].into())?;              // which become maps
    /// assert_eq!(layouts.of(bias), Some(&Layout::flattened([4].into(), [1, 2, 2])));
    /// # Ok::<(), tandem_autograd::ShapeError>(())
    /// ```
    pub fn begin_rows(&mut self) {
        self.order = Order::Rows(Vec::new(), Vec::new());
    }

    /// The order along the last axis is fixed from here on.
    ///
    /// ```
    /// let mut layouts = tandem_nn::Layouts::default();
    /// layouts.end_rows();                                // a convolution, say
    /// assert!(layouts.unflatten([2, 2, 2].into()).is_err());
    /// ```
    pub fn end_rows(&mut self) {
        self.order = Order::Fixed;
    }

    /// Examples of this shape are made rows. Those of three axes are maps, whose channels come first in PyTorch.
    ///
    /// ```
    /// let mut layouts = tandem_nn::Layouts::default();
    /// layouts.flatten([7, 3].into());                    // times and features, no maps
    /// assert_eq!(layouts.flattened(), None);
    /// layouts.flatten([2, 7, 3].into());
    /// assert_eq!(layouts.flattened(), Some([2, 7, 3]));
    /// ```
    pub fn flatten(&mut self, example: Shape) {
        match example.to_vec()[..] {
            [h, w, c] => self.order = Order::Maps([h, w, c]),
            [_] => {}
            _ => self.end_rows(),
        }
    }

    /// Rows are made examples of this shape.
    ///
    /// ```
    /// let mut layouts = tandem_nn::Layouts::default();
    /// layouts.flatten([2, 2, 3].into());
    /// assert!(layouts.clone().unflatten([2, 2, 3].into()).is_ok());
    /// assert!(layouts.unflatten([3, 2, 2].into()).is_err());
    /// ```
    ///
    /// # Errors
    /// If they become maps whose channels can't come first: in PyTorch, other numbers would meet.
    pub fn unflatten(&mut self, example: Shape) -> Result<(), ShapeError> {
        let order = std::mem::replace(&mut self.order, Order::Fixed);
        if let Order::Maps(maps) = order {
            let maps = Shape::from(maps);
            return ShapeError::unless(maps == example, || {
                format!(
                    "flattened maps {maps} become {example}: in PyTorch, where channels come first, that is another function"
                )
            });
        }
        let maps = match example.to_vec()[..] {
            // A single channel, or a single place, is in the same order first and last.
            [h, w, c] if c > 1 && h * w > 1 => [h, w, c],
            _ => return Ok(()),
        };
        match order {
            Order::Input | Order::Maps(_) => Ok(()),
            Order::Rows(params, states) => {
                params.iter().try_for_each(|&id| reorder(&mut self.params, id, maps))?;
                states.iter().try_for_each(|&id| reorder(&mut self.states, id, maps))
            }
            Order::Fixed => Err(ShapeError(format!(
                "rows become maps {example}: in PyTorch, where channels come first, that is another function"
            ))),
        }
    }

    /// The layout of a parameter, if a layer has noted it.
    pub fn of(&self, id: ParamId) -> Option<&Layout> {
        self.params.iter().find(|noted| noted.id == id).map(|noted| &noted.layout)
    }

    /// The layout of a state, if a layer has noted it.
    pub fn of_state(&self, id: StateId) -> Option<&Layout> {
        self.states.iter().find(|noted| noted.id == id).map(|noted| &noted.layout)
    }
}

fn twice(layout: &Layout, other: &Layout) -> ShapeError {
    let order = |layout: &Layout| format!("{} in the order {:?}", layout.split, &*layout.order);
    ShapeError(format!("what is used twice would have two layouts in PyTorch: {} and {}", order(layout), order(other)))
}

fn note<Id: PartialEq>(list: &mut Vec<Noted<Id>>, id: Id, layout: Layout) -> Result<(), ShapeError> {
    let Some(noted) = list.iter_mut().find(|noted| noted.id == id) else {
        list.push(Noted { id, layout, times: 1 });
        return Ok(());
    };
    noted.times += 1;
    if noted.layout == layout { Ok(()) } else { Err(twice(&noted.layout, &layout)) }
}

/// Its last axis stands for maps, as it turns out.
fn reorder<Id: PartialEq>(list: &mut [Noted<Id>], id: Id, maps: [usize; 3]) -> Result<(), ShapeError> {
    let noted = list.iter_mut().find(|noted| noted.id == id).expect("it was noted");
    let layout = noted.layout.clone().of_maps(maps);
    if noted.times > 1 {
        return Err(twice(&noted.layout, &layout));
    }
    noted.layout = layout;
    Ok(())
}
