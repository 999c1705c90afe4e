"""The eight workloads in PyTorch: eager, with convolutions channels-last, or compiled."""

import sys

import torch
from torch import nn
from torch.nn import functional as F

import harness

workload, threads, seconds, variant = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
before = harness.memory("VmRSS")
torch.set_num_threads(threads)
layout = torch.channels_last if variant == "channels-last" else torch.contiguous_format


def images(shape, s):
    """Inputs of shape n, h, w, c, in the layout of this variant."""
    return torch.from_numpy(harness.inputs(shape, s)).permute(0, 3, 1, 2).contiguous(memory_format=layout)


def give(parameter, array):
    """Sets a parameter."""
    parameter.data.copy_(torch.from_numpy(array))


def linear(inputs, outputs, s, maps=None):
    """A linear layer, of flattened maps of shape h, w, c perhaps. Its bias is zero: streams s and s + 1."""
    layer = nn.Linear(inputs, outputs)
    weight = harness.weight((inputs, outputs), s)
    if maps:
        weight = weight.reshape(*maps, outputs).transpose(2, 0, 1, 3).reshape(inputs, outputs)
    give(layer.weight, weight.T.copy())
    nn.init.zeros_(layer.bias)
    return layer


def conv(inputs, outputs, size, pad, s):
    """A convolution whose kernel is stream s, and whose bias is zero."""
    layer = nn.Conv2d(inputs, outputs, size, padding=pad)
    give(layer.weight, harness.weight((size, size, inputs, outputs), s).transpose(3, 2, 0, 1).copy())
    nn.init.zeros_(layer.bias)
    return layer.to(memory_format=layout)


def perceptron(s):
    """784-256-128-10 with ReLU."""
    return nn.Sequential(linear(784, 256, s), nn.ReLU(), linear(256, 128, s + 2), nn.ReLU(), linear(128, 10, s + 4))


def lenet():
    """LeNet with ReLU and max pooling."""
    return nn.Sequential(
        *(conv(1, 6, 5, 2, 1), nn.ReLU(), nn.MaxPool2d(2)),
        *(conv(6, 16, 5, 0, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(linear(400, 120, 5, (5, 5, 16)), nn.ReLU(), linear(120, 84, 7), nn.ReLU(), linear(84, 10, 9)),
    )


def vgg():
    """3-32-32, pool, 32-64-64, pool, 4096-128-10."""
    return nn.Sequential(
        *(conv(3, 32, 3, 1, 1), nn.ReLU(), conv(32, 32, 3, 1, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(conv(32, 64, 3, 1, 5), nn.ReLU(), conv(64, 64, 3, 1, 7), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(linear(4096, 128, 9, (8, 8, 64)), nn.ReLU(), linear(128, 10, 11)),
    )


def trained(parameters, loss):
    """A step of gradient descent on a loss."""
    optimizer = torch.optim.SGD(parameters, lr=0.01)
    if variant == "compile":
        loss = torch.compile(loss)

    def step():
        optimizer.zero_grad(set_to_none=True)
        value = loss()
        value.backward()
        optimizer.step()
        return [value.item()]

    return step


def classifier(net, x):
    """W1 to W3: a network and one batch."""
    labels = torch.from_numpy(harness.labels(len(x)))
    return trained(net.parameters(), lambda: F.cross_entropy(net(x), labels))


def convolution():
    """W4: one convolution, from a given cotangent to both gradients."""
    x, cotangent = images((16, 56, 56, 64), 0), images((16, 56, 56, 64), 2)
    kernel = conv(64, 64, 3, 1, 1).weight.detach().requires_grad_()
    x.requires_grad_()
    forward = lambda x, kernel: F.conv2d(x, kernel, padding=1)
    forward = torch.compile(forward) if variant == "compile" else forward

    def step():
        x.grad = kernel.grad = None
        y = forward(x, kernel)
        y.backward(cotangent)
        # The first hundred numbers as Tandem lays them out.
        rows = [y.detach()[0].permute(1, 2, 0)[0], x.grad[0].permute(1, 2, 0)[0], kernel.grad.permute(2, 3, 1, 0)[0, 0]]
        return [row[:2].reshape(-1)[:100].abs().sum().item() for row in rows]

    return step


def coupled():
    """W5: two perceptrons on two batches, coupled."""
    nets = [perceptron(1), perceptron(51)]
    x = [torch.from_numpy(harness.inputs((64, 784), s)) for s in (0, 50)]
    labels = torch.from_numpy(harness.labels(64))

    def loss():
        data = sum(F.cross_entropy(net(x), labels) for net, x in zip(nets, x))
        pairs = zip(nets[0].parameters(), nets[1].parameters())
        return data + 0.01 * sum((a - b).square().sum() for a, b in pairs)

    return trained([p for net in nets for p in net.parameters()], loss)


def recurrent():
    """W6: 64 steps with the same weights, then ten classes."""
    wx, wh = (torch.from_numpy(harness.weight(shape, s)) for shape, s in (((64, 128), 1), ((128, 128), 2)))
    weight, b, bias = torch.from_numpy(harness.weight((128, 10), 4)), torch.zeros(128), torch.zeros(10)
    parameters = [p.requires_grad_() for p in (wx, wh, b, weight, bias)]
    x = torch.from_numpy(harness.inputs((64, 32, 64), 0)).unbind()
    labels = torch.from_numpy(harness.labels(32))

    def loss():
        h = torch.zeros(32, 128)
        for row in x:
            h = torch.tanh(row @ wx + h @ wh + b)
        return F.cross_entropy(h @ weight + bias, labels)

    return trained(parameters, loss)


def tiny():
    """W7: 2-16-16-1 with tanh, one example."""
    net = nn.Sequential(linear(2, 16, 1), nn.Tanh(), linear(16, 16, 3), nn.Tanh(), linear(16, 1, 5))
    x, target = torch.from_numpy(harness.inputs((1, 2), 0)), torch.from_numpy(harness.inputs((1, 1), 10))
    return trained(net.parameters(), lambda: (net(x) - target).square().sum())


def chain():
    """W8: y = y·w + b on single numbers, 100,000 times."""
    x, w, b = (torch.tensor(number, requires_grad=True) for number in (0.5, 0.99999, 1e-5))

    def step():
        x.grad = w.grad = b.grad = None
        y = x
        for _ in range(100_000):
            y = y * w + b
        y.backward()
        return [y.item(), x.grad.item(), w.grad.item(), b.grad.item()]

    return step


WORKLOADS = {
    "W1": lambda: classifier(perceptron(1), torch.from_numpy(harness.inputs((64, 784), 0))),
    "W2": lambda: classifier(lenet(), images((64, 28, 28, 1), 0)),
    "W3": lambda: classifier(vgg(), images((32, 32, 32, 3), 0)),
    "W4": convolution,
    "W5": coupled,
    "W6": recurrent,
    "W7": tiny,
    "W8": chain,
}
harness.run(seconds, before, WORKLOADS[workload]())
