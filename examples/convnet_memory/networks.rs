//! Four networks whose feature maps have the same shapes and whose weights are shared more and
//! more: dense, unshared, tiled, convolutional.

use rand::Rng;
use tandem::autograd::{Params, Shape, Window};
use tandem::nn::{
    Activation, Conv2d, Flatten, Init, Kernel, Linear, LocallyConnected2d, MaxPool2d, Sequential, TiledConv2d,
    Unflatten,
};

/// How the weights between two feature maps are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Every number of one map sees every number of the other.
    Dense,
    /// A small kernel for each position, its own.
    Unshared,
    /// [`TILE`] kernels that take turns.
    Tiled,
    /// One kernel for all positions.
    Convolutional,
}

impl Sharing {
    /// From the most parameters to the fewest.
    pub const ALL: [Sharing; 4] = [Sharing::Dense, Sharing::Unshared, Sharing::Tiled, Sharing::Convolutional];

    /// The name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Sharing::Dense => "dense",
            Sharing::Unshared => "unshared",
            Sharing::Tiled => "tiled 2×2",
            Sharing::Convolutional => "convolutional",
        }
    }
}

/// Rows and columns of the tile of [`Sharing::Tiled`].
const TILE: (usize, usize) = (2, 2);

/// The dense network stays below this many parameters, whatever the images' size.
const MOST: usize = 2_000_000;

/// The sizes that all four networks have in common, a function of the images' size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    image: [usize; 2],
    channels: usize,
    classes: usize,
    /// Rows and columns from one position of the first layer to the next.
    stride: usize,
    /// How many maps the two hidden layers have.
    maps: [usize; 2],
}

impl Plan {
    /// The largest plan whose dense network stays below two million parameters: 16 and 32 maps if
    /// possible, else fewer and coarser ones. `None` for images that are too small or too large.
    pub fn new(image: [usize; 2], channels: usize, classes: usize) -> Option<Plan> {
        let sizes = (1..=64).flat_map(|stride| [[16, 32], [8, 16], [4, 8]].map(|maps| (stride, maps)));
        let mut plans = sizes.map(|(stride, maps)| Plan { image, channels, classes, stride, maps });
        plans.find(|plan| plan.dense_numel() < MOST).filter(|plan| plan.pooled_twice().iter().all(|&side| side >= 1))
    }

    /// The kernel of the first hidden layer.
    fn kernel1(&self) -> Kernel {
        let reach = if self.stride == 1 { 1 } else { 2 };
        let kernel = Kernel::new([2 * reach + 1; 2], [self.channels, self.maps[0]]);
        kernel.pad([reach; 2]).stride([self.stride; 2])
    }

    /// The kernel of the second.
    fn kernel2(&self) -> Kernel {
        Kernel::new([3; 2], self.maps).pad([1; 2])
    }

    /// Rows and columns of the first maps.
    fn mapped(&self) -> [usize; 2] {
        self.kernel1().positions(self.image).unwrap_or([0; 2])
    }

    /// Rows and columns after pooling, which are those of the second maps.
    fn pooled(&self) -> [usize; 2] {
        self.mapped().map(|side| side / 2)
    }

    /// Rows and columns after pooling once more.
    fn pooled_twice(&self) -> [usize; 2] {
        self.pooled().map(|side| side / 2)
    }

    fn dense_numel(&self) -> usize {
        let area = |[h, w]: [usize; 2]| h * w;
        let inputs = area(self.image) * self.channels;
        let [first, pooled] = [area(self.mapped()) * self.maps[0], area(self.pooled()) * self.maps[0]];
        let [second, last] = [area(self.pooled()) * self.maps[1], area(self.pooled_twice()) * self.maps[1]];
        (inputs + 1) * first + (pooled + 1) * second + (last + 1) * self.classes
    }

    /// The shape of one image.
    pub fn input(&self) -> Shape {
        Shape::from([self.image[0], self.image[1], self.channels])
    }

    /// One line about the layers.
    pub fn describe(&self) -> String {
        let ([h, w], [a, b], [ph, pw]) = (self.mapped(), self.maps, self.pooled());
        format!("maps of {h}×{w}×{a}, max pooling, maps of {ph}×{pw}×{b}, max pooling, {} logits", self.classes)
    }

    /// The network with this kind of sharing: two hidden layers of maps, then one linear layer.
    pub fn build(&self, sharing: Sharing, params: &mut Params, rng: &mut impl Rng) -> Sequential {
        let mut net = Sequential::new();
        sharing.push_maps(&mut net, "maps1", (self.image, self.kernel1()), params, rng);
        net.push("relu1", Activation::Relu);
        net.push("pool1", MaxPool2d(Window::square(2)));
        sharing.push_maps(&mut net, "maps2", (self.pooled(), self.kernel2()), params, rng);
        net.push("relu2", Activation::Relu);
        net.push("pool2", MaxPool2d(Window::square(2)));
        net.push("flatten", Flatten);
        let sizes = [self.pooled_twice().iter().product::<usize>() * self.maps[1], self.classes];
        net.push("logits", Linear::new(params, "logits", sizes, Init::He, rng));
        net
    }
}

impl Sharing {
    /// Appends a layer from images of this size to the maps that the kernel would give.
    fn push_maps(
        self,
        net: &mut Sequential,
        path: &str,
        (image, kernel): ([usize; 2], Kernel),
        params: &mut Params,
        rng: &mut impl Rng,
    ) {
        let init = Init::He;
        match self {
            Sharing::Dense => {
                let [c, o] = kernel.channels;
                let [oh, ow] = kernel.positions(image).expect("the kernel fits into the padded image");
                let sizes = [image[0] * image[1] * c, oh * ow * o];
                net.push(&format!("{path}.flatten"), Flatten);
                net.push(path, Linear::new(params, path, sizes, init, rng));
                net.push(&format!("{path}.unflatten"), Unflatten(Shape::from([oh, ow, o])));
            }
            Sharing::Unshared => net.push(path, LocallyConnected2d::new(params, path, image, kernel, init, rng)),
            Sharing::Tiled => net.push(path, TiledConv2d::new(params, path, TILE, kernel, init, rng)),
            Sharing::Convolutional => net.push(path, Conv2d::new(params, path, kernel, init, rng)),
        }
    }
}
