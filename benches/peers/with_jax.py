"""The eight workloads in JAX, compiled by XLA as one step; the recurrent one unrolled or as a scan."""

import sys

import jax
import jax.numpy as jnp
from jax import lax

import harness

workload, seconds, variant = sys.argv[1], float(sys.argv[3]), sys.argv[4]
before = harness.memory("VmRSS")


def inputs(shape, s):
    """Inputs, images as n, h, w, c."""
    return jnp.asarray(harness.inputs(shape, s))


def layer(shape, s):
    """A weight and a bias of zeros."""
    return jnp.asarray(harness.weight(shape, s)), jnp.zeros(shape[-1])


def linear(parameters, x):
    """x·W + b."""
    return x @ parameters[0] + parameters[1]


def conv(x, kernel, pad):
    """A convolution, channels last."""
    return lax.conv_general_dilated(x, kernel, (1, 1), [(pad, pad)] * 2, dimension_numbers=("NHWC", "HWIO", "NHWC"))


def convolve(parameters, x, pad):
    """A convolution, a bias and ReLU."""
    return jax.nn.relu(conv(x, parameters[0], pad) + parameters[1])


def pool(x):
    """The maxima of windows 2×2."""
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def dense(layers, x, between=jax.nn.relu):
    """Linear layers with an activation in between."""
    for parameters in layers[:-1]:
        x = between(linear(parameters, x))
    return linear(layers[-1], x)


def cross_entropy(logits):
    """The mean over the batch."""
    labels = jnp.asarray(harness.labels(len(logits)))
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], 1).mean()


def perceptron(s):
    """784-256-128-10."""
    return [layer((784, 256), s), layer((256, 128), s + 2), layer((128, 10), s + 4)]


def trained(parameters, loss, *data):
    """A step of gradient descent: loss and new parameters in one compiled call, in the old ones' memory."""

    def update(parameters, *data):
        value, gradients = jax.value_and_grad(loss)(parameters, *data)
        return value, jax.tree.map(lambda p, g: p - 0.01 * g, parameters, gradients)

    compiled, state = jax.jit(update, donate_argnums=0), [parameters]

    def step():
        value, state[0] = compiled(state[0], *data)
        jax.block_until_ready(state[0])
        return [value]

    return step


def classifier():
    """W1: a perceptron and one batch."""
    return trained(perceptron(1), lambda p, x: cross_entropy(dense(p, x)), inputs((64, 784), 0))


def lenet():
    """W2: LeNet with ReLU and max pooling."""
    kernels = [layer((5, 5, 1, 6), 1), layer((5, 5, 6, 16), 3)]
    layers = [layer((400, 120), 5), layer((120, 84), 7), layer((84, 10), 9)]

    def loss(p, x):
        x = pool(convolve(p[0][1], pool(convolve(p[0][0], x, 2)), 0))
        return cross_entropy(dense(p[1], x.reshape(64, -1)))

    return trained((kernels, layers), loss, inputs((64, 28, 28, 1), 0))


def vgg():
    """W3: 3-32-32, pool, 32-64-64, pool, 4096-128-10."""
    channels = [(3, 32), (32, 32), (32, 64), (64, 64)]
    kernels = [layer((3, 3, *pair), 2 * i + 1) for i, pair in enumerate(channels)]
    layers = [layer((4096, 128), 9), layer((128, 10), 11)]

    def loss(p, x):
        for i, parameters in enumerate(p[0]):
            x = convolve(parameters, x, 1)
            x = pool(x) if i % 2 else x
        return cross_entropy(dense(p[1], x.reshape(32, -1)))

    return trained((kernels, layers), loss, inputs((32, 32, 32, 3), 0))


def convolution():
    """W4: one convolution, from a given cotangent to both gradients."""
    x, cotangent = (inputs((16, 56, 56, 64), s) for s in (0, 2))
    kernel, _ = layer((3, 3, 64, 64), 1)

    @jax.jit
    def both(x, kernel, cotangent):
        y, backward = jax.vjp(lambda x, kernel: conv(x, kernel, 1), x, kernel)
        results = (y, *backward(cotangent))
        firsts = [jnp.abs(result.reshape(-1)[:100]).sum() for result in results]
        return results, firsts

    return lambda: jax.block_until_ready(both(x, kernel, cotangent))[1]


def coupled():
    """W5: two perceptrons on two batches, coupled."""

    def loss(nets, *x):
        data = sum(cross_entropy(dense(net, x)) for net, x in zip(nets, x))
        pairs = zip(jax.tree.leaves(nets[0]), jax.tree.leaves(nets[1]))
        return data + 0.01 * sum(jnp.square(a - b).sum() for a, b in pairs)

    return trained([perceptron(1), perceptron(51)], loss, inputs((64, 784), 0), inputs((64, 784), 50))


def recurrent():
    """W6: 64 steps with the same weights, then ten classes."""
    wx, wh = layer((64, 128), 1)[0], layer((128, 128), 2)[0]

    def loss(p, x):
        wx, wh, b, out = p
        cell = lambda h, row: (jnp.tanh(row @ wx + h @ wh + b), None)
        h = jnp.zeros((32, 128))
        if variant == "scan":
            h, _ = lax.scan(cell, h, x)
        else:
            for row in x:
                h, _ = cell(h, row)
        return cross_entropy(linear(out, h))

    return trained((wx, wh, jnp.zeros(128), layer((128, 10), 4)), loss, inputs((64, 32, 64), 0))


def tiny():
    """W7: 2-16-16-1 with tanh, one example."""
    layers = [layer((2, 16), 1), layer((16, 16), 3), layer((16, 1), 5)]
    loss = lambda p, x, target: jnp.square(dense(p, x, jnp.tanh) - target).sum()
    return trained(layers, loss, inputs((1, 2), 0), inputs((1, 1), 10))


def chain():
    """W8: y = y·w + b on single numbers, 100,000 times: a compiled loop, as a recorded one takes minutes."""
    arguments = [jnp.float32(number) for number in (0.5, 0.99999, 1e-5)]
    loop = lambda x, w, b: lax.scan(lambda y, _: (y * w + b, None), x, None, length=100_000)[0]
    compiled = jax.jit(jax.value_and_grad(loop, (0, 1, 2)))

    def step():
        y, gradients = jax.block_until_ready(compiled(*arguments))
        return [y, *gradients]

    return step


WORKLOADS = {
    "W1": classifier,
    "W2": lenet,
    "W3": vgg,
    "W4": convolution,
    "W5": coupled,
    "W6": recurrent,
    "W7": tiny,
    "W8": chain,
}
harness.run(seconds, before, WORKLOADS[workload]())
