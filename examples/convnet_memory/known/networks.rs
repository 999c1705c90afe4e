//! The networks, layer by layer, and the builder that they are described with.

use rand::SeedableRng;
use rand::rngs::StdRng;
use tandem_autograd::{Params, Shape, Window};
use tandem_nn::{
    Activation, AvgPool2d, Conv2d, Flatten, Init, Kernel, Layer, Linear, LocallyConnected2d, MaxPool2d, Sequential,
    Subsample2d, TableConv2d,
};

use super::{KnownNetwork, Loss, Sharing};

const BOTH: &[Sharing] = &[Sharing::Shared, Sharing::Unshared];

/// All networks, oldest first.
pub const NETWORKS: [KnownNetwork; 4] = [
    KnownNetwork {
        name: "LeNet-5 (1998)",
        source: "LeCun, Bottou, Bengio and Haffner 1998, section II.B",
        image: [32, 32, 1],
        loss: Loss::TargetCodes,
        // Its C3 and its subsampling have no unshared counterpart here.
        variants: &[Sharing::Shared],
        layers: lenet5,
    },
    KnownNetwork {
        name: "LeNet-5 (modern)",
        source: "the usual variant: all pairs of maps in C3, plain pooling, a linear output",
        image: [32, 32, 1],
        loss: Loss::CrossEntropy,
        variants: BOTH,
        layers: modern_lenet5,
    },
    KnownNetwork {
        name: "AlexNet",
        source: "Krizhevsky, Sutskever and Hinton 2012, in two groups, on images of 227 × 227",
        image: [227, 227, 3],
        loss: Loss::CrossEntropy,
        variants: BOTH,
        layers: alexnet,
    },
    KnownNetwork {
        name: "VGG-16",
        source: "Simonyan and Zisserman 2015, configuration D",
        image: [224, 224, 3],
        loss: Loss::CrossEntropy,
        variants: BOTH,
        layers: vgg16,
    },
];

/// The image channels that each map of LeNet-5's C3 sees (LeCun et al. 1998, table I): three in a
/// row, four in a row, four in two pairs, all.
const C3: [&[usize]; 16] = [
    &[0, 1, 2],
    &[1, 2, 3],
    &[2, 3, 4],
    &[3, 4, 5],
    &[0, 4, 5],
    &[0, 1, 5],
    &[0, 1, 2, 3],
    &[1, 2, 3, 4],
    &[2, 3, 4, 5],
    &[0, 3, 4, 5],
    &[0, 1, 4, 5],
    &[0, 1, 2, 5],
    &[0, 1, 3, 4],
    &[1, 2, 4, 5],
    &[0, 2, 3, 5],
    &[0, 1, 2, 3, 4, 5],
];

fn lenet5(net: Builder) -> Builder {
    let tanh = Activation::Tanh;
    net.conv("C1", Kernel::new([5, 5], [1, 6]), tanh)
        .subsample("S2", tanh)
        .table_conv("C3", &C3, Kernel::new([5, 5], [6, 16]), tanh)
        .subsample("S4", tanh)
        .conv("C5", Kernel::new([5, 5], [16, 120]), tanh)
        .push("flatten", Flatten)
        .linear("F6", 84)
        .push("tanh", tanh)
}

fn modern_lenet5(net: Builder) -> Builder {
    let (tanh, pool) = (Activation::Tanh, AvgPool2d(Window::square(2)));
    net.conv("C1", Kernel::new([5, 5], [1, 6]), tanh)
        .push("S2", pool)
        .conv("C3", Kernel::new([5, 5], [6, 16]), tanh)
        .push("S4", pool)
        .push("flatten", Flatten)
        .linear("C5", 120)
        .push("tanh", tanh)
        .linear("F6", 84)
        .push("tanh", tanh)
        .linear("output", 10)
}

fn alexnet(net: Builder) -> Builder {
    let (relu, pool) = (Activation::Relu, MaxPool2d(Window { size: [3; 2], stride: [2; 2], pad: [0; 2] }));
    let three = |channels| Kernel::new([3, 3], channels).pad([1, 1]);
    net.conv("conv1", Kernel::new([11, 11], [3, 96]).stride([4, 4]), relu)
        .push("pool1", pool)
        .conv("conv2", Kernel::new([5, 5], [96, 256]).pad([2, 2]).groups(2), relu)
        .push("pool2", pool)
        .conv("conv3", three([256, 384]), relu)
        .conv("conv4", three([384, 384]).groups(2), relu)
        .conv("conv5", three([384, 256]).groups(2), relu)
        .push("pool5", pool)
        .classifier()
}

fn vgg16(mut net: Builder) -> Builder {
    let mut from = 3;
    for (block, (convolutions, to)) in [(2, 64), (2, 128), (3, 256), (3, 512), (3, 512)].into_iter().enumerate() {
        for i in 1..=convolutions {
            let kernel = Kernel::new([3, 3], [from, to]).pad([1, 1]);
            net = net.conv(&format!("conv{}_{i}", block + 1), kernel, Activation::Relu);
            from = to;
        }
        net = net.push("pool", MaxPool2d(Window::square(2)));
    }
    net.classifier()
}

/// A network under construction: each layer is made for the result of the one before it.
pub struct Builder {
    pub params: Params<f32>,
    pub net: Sequential<f32>,
    /// The shape of the last layer's result for one example.
    pub shape: Shape,
    sharing: Sharing,
    rng: StdRng,
}

impl Builder {
    pub fn new(image: Shape, sharing: Sharing) -> Builder {
        let (params, net, rng) = (Params::new(), Sequential::new(), StdRng::seed_from_u64(0));
        Builder { params, net, shape: image, sharing, rng }
    }

    fn push(mut self, name: &str, layer: impl Layer<f32> + 'static) -> Builder {
        self.shape = layer.output(&self.params, self.shape).unwrap_or_else(|error| panic!("layer `{name}`: {error}"));
        self.net.push(name, layer);
        self
    }

    fn conv(mut self, name: &str, kernel: Kernel, activation: Activation) -> Builder {
        let image = [self.shape[0] as usize, self.shape[1] as usize];
        let (params, rng) = (&mut self.params, &mut self.rng);
        let net = match self.sharing {
            Sharing::Shared => {
                let layer = Conv2d::new(params, name, kernel, Init::He, rng);
                self.push(name, layer)
            }
            Sharing::Unshared => {
                let layer = LocallyConnected2d::new(params, name, image, kernel, Init::He, rng);
                self.push(name, layer)
            }
        };
        net.push("activation", activation)
    }

    fn table_conv(mut self, name: &str, table: &[&[usize]], kernel: Kernel, activation: Activation) -> Builder {
        let layer = TableConv2d::new(&mut self.params, name, table, kernel, Init::LeCun, &mut self.rng);
        self.push(name, layer).push("activation", activation)
    }

    fn subsample(mut self, name: &str, activation: Activation) -> Builder {
        let layer = Subsample2d::new(&mut self.params, name, Window::square(2), self.shape[2] as usize);
        self.push(name, layer).push("activation", activation)
    }

    fn linear(mut self, name: &str, outputs: usize) -> Builder {
        let layer = Linear::new(&mut self.params, name, [self.shape.len(), outputs], Init::He, &mut self.rng);
        self.push(name, layer)
    }

    /// The three linear layers that AlexNet and VGG-16 end with.
    fn classifier(self) -> Builder {
        self.push("flatten", Flatten)
            .linear("fc6", 4096)
            .push("relu", Activation::Relu)
            .linear("fc7", 4096)
            .push("relu", Activation::Relu)
            .linear("fc8", 1000)
    }
}
