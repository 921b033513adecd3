"""On which side of a neuron's hyperplane a sample lies, exactly, as the numbers that the floats are."""

import numpy as np
from numpy.typing import NDArray

from relucells.samples.columns import integers
from relucells.samples.floating import TINY, UNDERFLOW, gamma
from relucells.samples.inputs import Inputs
from relucells.samples.scaling import rows_near_one

# Lengths outside this range are brought to the order of 1 first, so that no product over- or underflows.
ORDINARY = (1e-100, 1e100)


def positive(inputs: Inputs, W: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether w_j·x_i > 0, (N, K), for all samples and finite weights W (K, D).

    In floating point where its error is certain not to change the sign, else in integers.
    """
    with np.errstate(all="ignore"):
        X, given, lengths, wide = inputs.X, W, inputs.lengths, np.linalg.norm(W, axis=1)
        if not (_ordinary(lengths[inputs.nonzero]) and _ordinary(wide[W.any(axis=1)])):
            X, W = rows_near_one(X)[0], rows_near_one(W)[0]  # no sign changes
            lengths, wide = np.linalg.norm(X, axis=1), np.linalg.norm(W, axis=1)
        products = X @ W.T
        doubt = np.multiply.outer(lengths + UNDERFLOW, gamma(X.shape[1] + 4) * (wide + UNDERFLOW))
        doubt += 4 * X.shape[1] * TINY
        certain = np.abs(products) > doubt
    found = np.asarray(products > 0)
    if not certain.all():
        rows, columns = np.nonzero(~certain & inputs.nonzero[:, None] & given.any(axis=1))
        if len(rows):
            found[~certain] = False
            some, others = np.unique(rows), np.unique(columns)
            exact = integers(inputs.X[some])[0] * integers(given[others])[0].transpose()
            place = np.searchsorted(some, rows), np.searchsorted(others, columns)
            found[rows, columns] = [exact[int(i), int(j)] > 0 for i, j in zip(*place, strict=True)]
    return found


def _ordinary(lengths: NDArray[np.float64]) -> bool:
    """Whether squares and products of such lengths are floats of full precision."""
    return bool(((lengths > ORDINARY[0]) & (lengths < ORDINARY[1])).all())
