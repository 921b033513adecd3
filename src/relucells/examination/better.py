"""Networks of a lower loss: what shows that a minimum is bad."""

from dataclasses import replace

import numpy as np

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
    found = [Network(end.net.W, end.net.z, loss_bound(inputs, y, end.net.W, end.net.z), "exact descent")]
    if (fitted := interpolate(inputs, y, K)) is not None:
        found.append(fitted)
    elif below > 0:
        found.append(replace(train(inputs, y, net.W, net.z, iterations), origin="training from the network"))
        size = max(float(np.sqrt((net.W**2).mean())), np.finfo(float).tiny)
        for n in range(starts):
            rng = stream(seed, "examine", n)
            W, z = size * rng.standard_normal(net.W.shape), rng.standard_normal(K)
            found.append(
                replace(train(inputs, y, W, z, iterations), origin=f"training from random start {n}")
            )
    best = min(found, key=lambda network: network.loss)
    return best if best.loss < below else None
