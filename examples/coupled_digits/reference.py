"""The two tasks of `coupled_digits` in NumPy and SciPy: what the linear model is held against.

Multinomial logistic regression with a bias on the digits in data/, pixels / 16. A has 800 images drawn from rows
0 to 904; B has `labels` images in all, drawn from rows 905 to 1796 and turned by `degrees` about the centre (bilinear,
zero outside); it is tested on the rest of those rows, turned alike. Minimised by L-BFGS, at most 400 iterations:

    cross-entropy of A + cross-entropy of B + lam * sum (wA - wB)^2 + 1e-4 * sum of squares of all weights

"shared" is one set of weights for both terms. Besides the accuracies it writes the rows of one draw, with the objective
and accuracy at each strength, minimised further: there both programs have to agree, number by number.

    pip install numpy scipy
    python examples/coupled_digits/reference.py 60 > examples/coupled_digits/reference.json
"""
import json
import pathlib
import sys

import numpy as np
import scipy
from scipy.ndimage import rotate
from scipy.optimize import minimize

DATA = pathlib.Path(__file__).resolve().parents[2] / 'data'
X = np.frombuffer((DATA / 'optdigits-images-idx3-ubyte').read_bytes(), np.uint8, offset=16).reshape(-1, 8, 8) / 16.0
Y = np.frombuffer((DATA / 'optdigits-labels-idx1-ubyte').read_bytes(), np.uint8, offset=8).astype(int)
D = 65 * 10
STRENGTHS = [0, 1e-4, 1e-3, 1e-2, 1e-1, np.inf]


def flat(images):
    return np.hstack([images.reshape(len(images), 64), np.ones((len(images), 1))])


def cross_entropy(w, x, t):
    z = x @ w.reshape(65, 10)
    z -= z.max(1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(1, keepdims=True))
    p = np.exp(log_p)
    p[np.arange(len(x)), t] -= 1
    return -log_p[np.arange(len(x)), t].mean(), (x.T @ p / len(x)).ravel()


def rows(seed, labels):
    r = np.random.RandomState(seed)
    a, b = r.permutation(905)[:800], 905 + r.permutation(len(X) - 905)
    return a, b[:labels], b[labels:]


def fit(seed, labels, degrees, lam, options):
    """Objective and accuracy of B in per cent."""
    a, train, test = rows(seed, labels)
    turn = lambda m: flat(rotate(m, degrees, axes=(1, 2), reshape=False, order=1))
    xa, xb, xt = flat(X[a]), turn(X[train]), turn(X[test])

    def shared(w):
        (la, ga), (lb, gb) = cross_entropy(w, xa, Y[a]), cross_entropy(w, xb, Y[train])
        return la + lb + 2e-4 * w @ w, ga + gb + 4e-4 * w

    def coupled(w):
        (la, ga), (lb, gb) = cross_entropy(w[:D], xa, Y[a]), cross_entropy(w[D:], xb, Y[train])
        d = w[:D] - w[D:]
        pull = np.concatenate([2 * lam * d, -2 * lam * d])
        return la + lb + lam * d @ d + 1e-4 * w @ w, np.concatenate([ga, gb]) + pull + 2e-4 * w

    f, start = (shared, np.zeros(D)) if np.isinf(lam) else (coupled, np.zeros(2 * D))
    found = minimize(f, start, jac=True, method='L-BFGS-B', options=options)
    right = np.argmax(xt @ found.x[-D:].reshape(65, 10), 1) == Y[test]
    return found.fun, 100 * right.mean()


def main():
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    named = [None if np.isinf(lam) else lam for lam in STRENGTHS]
    settings = []
    for degrees in (0, 15, 30, 45):
        for labels in (20, 50):
            accuracies = [[fit(s, labels, degrees, lam, dict(maxiter=400))[1] for s in range(seeds)] for lam in STRENGTHS]
            settings.append(dict(degrees=degrees, labels=labels, accuracies=np.round(accuracies, 3).tolist()))
            print(degrees, labels, np.mean(accuracies, 1).round(1), file=sys.stderr, flush=True)
    far = dict(maxiter=20000, maxfun=40000, ftol=1e-15, gtol=1e-9)
    found = [fit(0, 50, 30, lam, far) for lam in STRENGTHS]
    a, train, test = (part.tolist() for part in rows(0, 50))
    draw = dict(degrees=30, labels=50, a=a, b=train, test=test, objectives=[f for f, _ in found], accuracies=[x for _, x in found])
    by = f'numpy {np.__version__}, scipy {scipy.__version__}'
    json.dump(dict(by=by, seeds=seeds, strengths=named, settings=settings, draw=draw), sys.stdout)
    print()


if __name__ == '__main__':
    main()
