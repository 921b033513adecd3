"""Networks of a lower loss: what shows that a minimum is bad."""

from dataclasses import replace

import numpy as np

from relucells.cells.minimum import scaled_by_power
from relucells.examination.points import Found
from relucells.examination.problem import Net, Problem
from relucells.lower_loss import Network, interpolate, loss_bound, train
from relucells.samples.randomness import stream


def lowest(
    problem: Problem, net: Net, end: Found, below: float, starts: int, iterations: int, seed: int
) -> Network | None:
    """The network of the lowest loss that is found, if its loss is certain to lie below ``below``.

    Tried: the end of descent; interpolation, where the samples are independent; L-BFGS from the network and
    from so many random starts of its size.
    """
    inputs, y, K = problem.inputs, problem.y, len(net.z)
    found = [_named(problem, end.net, "exact descent")]
    if (fitted := interpolate(inputs, y, K)) is not None:
        found.append(fitted)
    elif below > 0:
        found.append(replace(_trained(problem, net, iterations), origin="training from the network"))
        W, power = scaled_by_power(net.W)
        size = max(float(np.ldexp(np.sqrt((W**2).mean()), power)), np.finfo(float).tiny)
        for n in range(starts):
            rng = stream(seed, "examine", n)
            start = Net(size * rng.standard_normal(net.W.shape), rng.standard_normal(K), net.c)
            origin = f"training from random start {n}"
            found.append(replace(_trained(problem, start, iterations), origin=origin))
    best = min(found, key=lambda network: network.loss)
    return best if best.loss < below else None


def _named(problem: Problem, net: Net, origin: str) -> Network:
    at = {"c": net.c, **problem.free} if problem.free else {}
    loss = loss_bound(problem.inputs, problem.y, net.W, net.z, **at)
    return Network(net.W, net.z, loss, origin, net.c if problem.free else None)


def _trained(problem: Problem, net: Net, iterations: int) -> Network:
    at = {"c": net.c, **problem.free} if problem.free else {}
    return train(problem.inputs, problem.y, net.W, net.z, iterations, **at)
