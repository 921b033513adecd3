"""What is checked within tolerances: cells beyond exact arithmetic on which rounding looks like an answer.

Few samples and one neuron make the difference. The others are there to make the cell large.
"""

from dataclasses import replace

import numpy as np
import pytest

from relucells import Certificate, Decision, Leaf, cell_minimum, decide, prepare, verify
from relucells.certify.verify import cell_of, leaf_bound
from relucells.samples.randomness import stream

LARGE = [(330, 10, 30), (400, 4, 80), (280, 16, 17)]


def beside_a_short_sample(weight, shorter, size):
    """X, y, R and pattern: a neuron of this weight is active on x, not on 2^-n x, and on no other sample."""
    rng, (N, D, K) = stream(41, "short sample", *size), size
    X, R = rng.standard_normal((N, D)), rng.standard_normal((K, D))
    X[:, 0], R[:, 0] = -np.abs(X[:, 0]), -np.abs(R[:, 0])
    X[:2], R[0] = 0.0, 0.0
    X[:2, 0], R[0, 0] = [1.0, 2.0**-shorter], weight
    pattern = X @ R.T > 0
    pattern[1] = False
    return X, (pattern * (X @ R.T)).sum(axis=1), R, pattern


def embedded(block, R, on, y, away=None):
    """X, y, R and pattern: samples of one neuron, whose weights are R, beside a large cell.

    away : weights of all other neurons in the coordinates of the block, with which they are silent on it, and
        the block's neuron is on all other samples; None: these coordinates are the block's own
    """
    rng, (N, D, K) = stream(46, "embedded"), LARGE[0]
    n, d = block.shape
    X, weights = np.zeros((N + n, D + d)), np.zeros((K + 1, D + d))
    X[:n, :d], X[n:, d:], weights[0, :d] = block, rng.standard_normal((N, D)), R
    weights[1:, d:] = rng.standard_normal((K, D))
    if away is not None:
        weights[1:, :d], X[n:, :d] = away, -R / np.linalg.norm(R)
    pattern = X @ weights.T > 0
    pattern[:n, 0] = on
    labels = (pattern * (X @ weights.T)).sum(axis=1)
    labels[:n] = y
    return X, labels, weights, pattern


def is_refused(X, y, pattern, decision: Decision) -> None:
    assert not verify(X, y, pattern, decision)
    assert not verify(X, y, pattern, decision, level="numerical")


@pytest.mark.parametrize("size", LARGE)
@pytest.mark.parametrize(
    ("weight", "shorter"), [(1, 40), (1, 600), (1, 1074), (500, 600), (300, 800), (60, 1020), (30, 1060)]
)
def test_a_short_sample_has_a_side(size, weight, shorter):
    """However small its values are, and the doubt about them: no signs allow this pattern."""
    X, y, R, pattern = beside_a_short_sample(2.0**-weight, shorter, size)
    margin = 0.9 * min(1.0, (X @ R.T)[pattern].min())
    signs = np.ones(len(R), dtype=np.int8)
    is_refused(X, y, pattern, Decision("genuine", margin, R, signs, 0.0, "positive", exact=False))
    assert decide(X, y, pattern, "positive").verdict != "genuine"


@pytest.mark.parametrize("size", LARGE)
@pytest.mark.parametrize("power", [-33, -50, -60, -100])
def test_fitted_values_that_are_rounding_refute_nothing(size, power):
    """Each sample stands three times, with labels c, −c and 3p: p is fitted, and far smaller than c."""
    rng = stream(43, "noise", *size)
    N, D, K = size
    X, R = rng.integers(-64, 65, (N, D)) / 16.0, rng.integers(-64, 65, (K, D)) / 16.0
    pattern = X @ R.T > 0
    p, c = (pattern * (X @ R.T)).sum(axis=1), rng.integers(1, 64, len(X)) / 8.0
    y = np.column_stack([c, -c, 3.0 * np.ldexp(p, power)]).ravel()
    X, pattern = np.repeat(X, 3, axis=0), np.repeat(pattern, 3, axis=0)
    signs, loss = np.ones(K, dtype=np.int8), cell_minimum(X, y, pattern).loss
    X, pairs = prepare(X), np.argwhere(pattern)
    for pair in pairs[:: len(pairs) // 4]:
        leaf = Leaf(signs, 0.0, pairs=pair[None, :], values=np.ones(1))
        bound = min(0.0, leaf_bound(cell_of(X, y, pattern), leaf).bound)
        certificate = Certificate((replace(leaf, bound=bound),))
        is_refused(X, y, pattern, Decision("none", bound, None, None, loss, "positive", certificate))
    assert decide(X, y, pattern, "positive").verdict != "none"


@pytest.mark.filterwarnings("ignore:the cell's minimum hinges:RuntimeWarning")
@pytest.mark.parametrize("short", [1.0, 2.0**-10, 2.0**-20, 2.0**-30])
def test_directions_that_only_short_samples_differ_in_count(short):
    """Beside a long sample along a, short ones along a + b and b − 3a look parallel. The first has to be
    fitted, the second is inactive.
    """
    a, b = np.array([1.0, 2.0]), np.array([2.0, -1.0])
    block = np.array([-(2.0**30) * a, b, short * (a + b), short * (b - 3.0 * a)])
    on = np.array([[0], [0], [1], [0]])
    alone = decide(block, on[:, 0], on, "positive")
    assert (alone.verdict, alone.level) == ("genuine", "proven")
    X, y, R, pattern = embedded(block, alone.R[0], on[:, 0], on[:, 0])
    leaf = Leaf(np.ones(len(R), dtype=np.int8), -np.inf, pairs=np.array([[3, 0]]), values=np.ones(1))
    loss, proof = cell_minimum(X, y, pattern).loss, Certificate((leaf,))
    for stated in (loss, 0.0, float(np.mean((y - (pattern * (X @ R.T)).sum(axis=1)) ** 2))):
        is_refused(X, y, pattern, Decision("none", -np.inf, None, None, stated, "positive", proof))
    assert decide(X, y, pattern, "positive").verdict != "none"


@pytest.mark.filterwarnings("ignore:the cell's minimum hinges:RuntimeWarning")
@pytest.mark.parametrize("last_bits", [44, 48, 51])
def test_a_rank_that_hinges_on_rounding_is_none(last_bits):
    """Two rows of A differ in their last bits, so that both labels are fitted; with one of them for both, the
    minimum would lie inside the cell."""
    block, on = np.array([[1.0, 0.0], [1.0, 2.0**-last_bits], [0.0, 1.0]]), [1, 1, 0]
    assert decide(block, [1.0, 2.0, 0.0], np.array(on)[:, None], "positive").verdict == "none"
    X, y, R, pattern = embedded(block, np.array([1.5, -1.0]), on, [1.0, 2.0, 0.0], [-1.0, -1.0])
    signs, margin = np.ones(len(R), dtype=np.int8), 0.9 * min(1.0, (X @ R.T)[pattern].min())
    for loss in (0.0, 0.5 / len(X), cell_minimum(X, y, pattern).loss):
        is_refused(X, y, pattern, Decision("genuine", margin, R, signs, loss, "positive", exact=False))
    assert decide(X, y, pattern, "positive").verdict != "genuine"


@pytest.mark.parametrize("power", [34, 36, 38])
def test_multipliers_do_not_refute_long_weights(power):
    """R = (1, 2^n) is a minimiser in the cell; the shortest one, (1, 0), is not."""
    e = 2.0**-power
    block, on = np.array([[1.0, 0.0], [0.5, -e], [0.0, -1.0]]), [1, 0, 0]
    assert decide(block, on, np.array(on)[:, None], "positive").verdict == "genuine"
    X, y, R, pattern = embedded(block, np.array([1.0, 1.0 / e]), on, on, [-1.0, 1.0])
    leaf = Leaf(np.ones(len(R), dtype=np.int8), -np.inf, pairs=np.array([[1, 0]]), values=np.ones(1))
    loss, proof = cell_minimum(X, y, pattern).loss, Certificate((leaf,))
    is_refused(X, y, pattern, Decision("none", -np.inf, None, None, loss, "positive", proof))
    assert decide(X, y, pattern, "positive").verdict != "none"
