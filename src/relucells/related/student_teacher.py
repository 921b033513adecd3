"""Spurious minima of a ReLU student that learns a ReLU teacher (Safran and Shamir, arXiv 1712.08968).

Student Σ_{i≤n} [w_i·x]_+, teacher Σ_{j≤k} [v_j·x]_+ with v_j = e_j, inputs x ~ N(0, I) in dimension
d = k, so that w_i·v_j = W_ij. With t the angle between two vectors a and b,
E [a·x]_+ [b·x]_+ = |a||b| (sin t + (π − t) cos t) / 2π, and the population objective
F(W) = ½ E (student − teacher)² has a closed form. So do its derivatives.

Every function takes one student, W (n, k), or any number of them, (…, n, k), and works on all of them at
once. Units are those of the weights.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Runs share every array operation. So many (neuron, neuron) pairs at a time stay in the processor's cache.
PAIRS_AT_ONCE = 20_000
# The stop rules of the descent are tested once in so many steps. A rule that is met stays met: below the
# stability limit of the step size, objective and gradient only shrink near a minimum.
STEPS_BETWEEN_TESTS = 25
# Relative allowance for the rounding of a float64 Hessian and its eigenvalues in the certificate: about a
# hundred times the error of sums of a hundred terms.
ROUNDING = 1e-13
# Rounds of Newton's method for a minimum that gradient descent has found. It converges quadratically, so two
# rounds lead from a gradient of 1e-9 to rounding level.
NEWTON_STEPS = 3


def objective(W: ArrayLike) -> NDArray[np.float64]:
    """Population objective F, (…), of students W (…, n, k).

    F = (1/2π)[½ Σ_ij f(w_i, w_j) − Σ_ij f(v_j, w_i) + ½ Σ_ij f(v_i, v_j)],
    f(a, b) = |a||b|(sin t + (π − t) cos t).
    """
    W = _students(W)
    return _objective(W.reshape(-1, *W.shape[-2:])).reshape(W.shape[:-2])


def gradient(W: ArrayLike) -> NDArray[np.float64]:
    """∂F/∂w_i, (…, n, k), of students W (…, n, k).

    ½ w_i + Σ_{j≠i} g(w_i, w_j) − Σ_j g(w_i, v_j), g(w, v) = (1/2π)(|v| sin t · w/|w| + (π − t) v).
    """
    W = _students(W)
    return _gradient(W.reshape(-1, *W.shape[-2:])).reshape(W.shape)


def hessian(W: ArrayLike) -> NDArray[np.float64]:
    """Second derivatives of F, (…, n·k, n·k), coordinates ordered as in W.ravel(); W (…, n, k).

    With unit vectors w̄ and v̄ at angle t, c = cos t, s = sin t and v̄ = c w̄ + s p, the work's blocks
    h1 and h2 become (derived; free of the division by s, and so exact for parallel vectors too)
        h1(w, v) = s|v|/(2π|w|) (I − w̄w̄ᵀ + ppᵀ)
        h2(w, v) = (1/2π)[(π − t) I + cs (w̄w̄ᵀ − ppᵀ) + s² (w̄pᵀ + pw̄ᵀ)]
    and H_ii = ½ I + Σ_{j≠i} h1(w_i, w_j) − Σ_j h1(w_i, v_j), H_ij = h2(w_i, w_j).
    """
    W = _students(W)
    *runs, n, k = W.shape
    norm = np.linalg.norm(W, axis=-1)
    unit = W / norm[..., None]
    others = np.concatenate([unit, np.broadcast_to(np.eye(k), (*runs, k, k))], axis=-2)
    c = unit @ others.swapaxes(-1, -2)
    p = others[..., None, :, :] - c[..., None] * unit[..., :, None, :]
    s = np.linalg.norm(p, axis=-1)
    p /= np.where(s > 0, s, 1)[..., None]

    # sin t is 0 for j = i up to rounding, so h1(w_i, w_i) = 0 and the sum may run over all j.
    signed = np.concatenate([norm, np.full((*runs, k), -1.0)], axis=-1)
    weight = s * signed[..., None, :] / norm[..., None]
    outer = unit[..., :, None] * unit[..., None, :]
    diagonal = (weight.sum(axis=-1) + np.pi)[..., None, None] * np.eye(k)
    diagonal -= weight.sum(axis=-1)[..., None, None] * outer
    diagonal += (weight[..., None] * p).swapaxes(-1, -2) @ p

    c, s, p = c[..., :n], s[..., :n], p[..., :n, :]
    mixed = unit[..., :, None, :, None] * p[..., None, :]
    blocks = (s * s)[..., None, None] * (mixed + mixed.swapaxes(-1, -2))
    blocks += (c * s)[..., None, None] * (outer[..., :, None, :, :] - p[..., :, None] * p[..., None, :])
    blocks += (np.pi - np.arctan2(s, c))[..., None, None] * np.eye(k)
    each = np.arange(n)
    blocks[..., each, each, :, :] = diagonal
    return blocks.swapaxes(-3, -2).reshape(*runs, n * k, n * k) / (2 * np.pi)


@dataclass(frozen=True)
class Descent:
    """Where the runs of gradient descent ended; one entry per run.

    W : (runs, n, k) end points; objective : (runs,); gradient : (runs,) max_i |2π ∂F/∂w_i|;
    steps : (runs,); outcome : (runs,) str, ``"retired"`` (F fell below ``spurious_objective``: it can
    no longer be spurious), ``"spurious"`` (stop rule met at a larger F) or ``"undecided"``
    (``max_steps`` ran out).
    """

    W: NDArray[np.float64]
    objective: NDArray[np.float64]
    gradient: NDArray[np.float64]
    steps: NDArray[np.int_]
    outcome: NDArray[np.str_]


def descend(
    W: ArrayLike, step: float, gradient_tolerance: float, spurious_objective: float, max_steps: int
) -> Descent:
    """Gradient descent on F from the students W (runs, n, k), all runs in common array operations.

    A run stops when max_i |2π ∂F/∂w_i| ≤ ``gradient_tolerance`` or F < ``spurious_objective``, tested
    every ``STEPS_BETWEEN_TESTS`` steps, at the latest after ``max_steps``. A waiting run takes the
    place of a finished one. No run's result depends on the others.
    """
    W = _students(W)
    if W.ndim != 3:
        raise ValueError(f"W: must be (runs, n, k), not shape {W.shape}")
    for name, setting in [("step", step), ("gradient_tolerance", gradient_tolerance)]:
        if not setting > 0:
            raise ValueError(f"{name}: must be positive, not {setting}")
    if max_steps < 1:
        raise ValueError(f"max_steps: must be at least 1, not {max_steps}")
    runs, n, k = W.shape
    places = max(1, PAIRS_AT_ONCE // (n * (n + k)))

    end = W.copy()
    value, slope = np.empty(runs), np.empty(runs)
    steps = np.zeros(runs, dtype=int)
    outcome = np.full(runs, "undecided", dtype="U9")
    active, waiting = np.arange(0), 0
    while len(active) or waiting < runs:
        entering = np.arange(waiting, min(runs, waiting + places - len(active)))
        waiting += len(entering)
        active = np.concatenate([active, entering])
        # Runs that entered together have made equally many steps, so only max_steps can cut a round short.
        room = max_steps - steps[active]
        count = min(STEPS_BETWEEN_TESTS, room.min())
        current = end[active]
        for _ in range(count):
            current -= step * _gradient(current)
        end[active] = current
        steps[active] += count
        value[active] = _objective(current)
        slope[active] = 2 * np.pi * np.linalg.norm(_gradient(current), axis=2).max(axis=1)
        below = value[active] < spurious_objective
        flat = slope[active] <= gradient_tolerance
        outcome[active[flat]] = "spurious"
        outcome[active[below]] = "retired"
        active = active[~(below | flat | (room == count))]
    return Descent(end, value, slope, steps, outcome)


@dataclass(frozen=True)
class Certificate:
    """Evidence of a genuine local minimum within ``radius`` of a student; one entry per student.

    holds : (…) bool; min_eigenvalue : (…) of the Hessian; gradient_norm : (…) Frobenius norm of ∂F/∂W;
    radius : (…), nan where it does not exist.
    """

    holds: NDArray[np.bool_]
    min_eigenvalue: NDArray[np.float64]
    gradient_norm: NDArray[np.float64]
    radius: NDArray[np.float64]


def certify(W: ArrayLike) -> Certificate:
    """Whether a local minimum of F provably lies near each student of W (…, n, k), and how near.

    With λ the smallest eigenvalue of the Hessian, g = |∂F/∂W| and L a bound on the third derivative,
    F exceeds F(W) on the sphere of radius r where −g r + λr²/2 − Lr³/6 > 0, so the ball holds a local
    minimum. F is differentiable in the ball if at none of its points two neurons are equal or a neuron is 0.
    The conditions are the work's: λ > 0; 9λ² ≥ 25 g L;
    r = (3λ − √(9λ² − 25 g L))/2L ≤ 1e-3 w_max; 2r < min |w_i − w_j|; w_min > r, where
    L = n(√2 (n − 1)(w_max + w_min) + k v_max)/(π w_min²) is taken over a ball of radius 2r.

    Floating point with allowances for its errors, not interval arithmetic. A flat minimum needs a gradient
    that is known to be tiny, so the gradient is evaluated in extended precision where the machine has it.
    """
    W = _students(W)
    *runs, n, k = W.shape
    students = W.reshape(-1, n, k)
    slope = _gradient(students.astype(np.longdouble)).astype(float)
    g = np.linalg.norm(slope, axis=(1, 2))
    lowest, size = np.empty(len(students)), np.empty(len(students))
    for run, student in enumerate(students):
        H = hessian(student)
        lowest[run] = np.linalg.eigvalsh(H)[0]
        size[run] = np.linalg.norm(H)
    norms = np.linalg.norm(students, axis=2)
    between = np.linalg.norm(students[:, :, None] - students[:, None], axis=3)
    between[:, np.arange(n), np.arange(n)] = np.inf

    safe_lowest = lowest - ROUNDING * size
    # Each gradient is a sum of n + k terms, none longer than |w_j|, or 1 for a teacher (derived).
    terms = np.sqrt(n) * (norms.sum(axis=1) + k)
    safe_g = g + (n + k + 8) * float(np.finfo(np.longdouble).eps) * terms
    with np.errstate(invalid="ignore", divide="ignore"):
        reach = 2 * _radius(safe_lowest, safe_g, _third_derivative(norms, 0.0, k))
        radius = _radius(safe_lowest, safe_g, _third_derivative(norms, reach, k))
        # Comparisons with nan are False, so a radius that does not exist certifies nothing.
        holds = (
            (safe_lowest > 0)
            & (radius <= reach)
            & (radius <= 1e-3 * (norms.max(axis=1) + radius))
            & (2 * radius < between.min(axis=(1, 2)))
            & (norms.min(axis=1) - reach > radius)
        )
    return Certificate(holds.reshape(runs), lowest.reshape(runs), g.reshape(runs), radius.reshape(runs))


def polish(W: ArrayLike) -> NDArray[np.float64]:
    """Students (…, n, k) near minima, moved onto them by Newton's method.

    A student stays unchanged if its Hessian is singular or the gradient does not shrink.
    """
    W = _students(W)
    students = W.reshape(-1, *W.shape[-2:]).copy()
    for run, student in enumerate(students):
        for _ in range(NEWTON_STEPS):
            slope = gradient(student)
            try:
                moved = student - np.linalg.solve(hessian(student), slope.ravel()).reshape(student.shape)
            except np.linalg.LinAlgError:
                break
            if not np.isfinite(moved).all() or np.linalg.norm(gradient(moved)) >= np.linalg.norm(slope):
                break
            student = students[run] = moved
    return students.reshape(W.shape)


def families(W: ArrayLike, tolerance: float = 1e-6) -> NDArray[np.int_]:
    """The family of each student of W (runs, n, k): (runs,) int, numbered as they first occur.

    F does not change when student neurons are permuted, nor when coordinates are, because the teacher is the
    standard basis. Two students are of one family if such permutations make all their entries agree within
    ``tolerance``.
    """
    W = np.asarray(W, dtype=float)
    if W.ndim != 3:
        raise ValueError(f"W: must be (runs, n, k), not shape {W.shape}")
    runs, n, k = W.shape
    entries = np.sort(W.reshape(runs, n * k), axis=1)
    family = np.empty(runs, dtype=int)
    first: list[int] = []
    for run, student in enumerate(W):
        near = np.abs(entries[first] - entries[run]).max(axis=1, initial=0) <= tolerance
        for number in np.flatnonzero(near):
            if permutation(student, W[first[number]], tolerance) is not None:
                family[run] = number
                break
        else:
            family[run] = len(first)
            first.append(run)
    return family


def permutation(
    A: ArrayLike, B: ArrayLike, tolerance: float
) -> tuple[NDArray[np.int_], NDArray[np.int_]] | None:
    """Rows p and columns q with |A[p][:, q] − B| ≤ tolerance everywhere, or None if there are none.

    A, B : (n, k). Entries closer than the tolerance count as equal, transitively.
    """
    A, B = np.asarray(A, dtype=float), np.asarray(B, dtype=float)
    if A.ndim != 2 or A.shape != B.shape:
        raise ValueError(f"A: must be a matrix of B's shape {B.shape}, not {A.shape}")
    values, place = np.unique(np.concatenate([A.ravel(), B.ravel()]), return_inverse=True)
    label = np.concatenate([[0], np.cumsum(np.diff(values) > tolerance)])[place].reshape(2, *A.shape)
    n, k = A.shape
    found = _match(label, np.zeros((2, n), dtype=int), np.zeros((2, k), dtype=int))
    if found is None or (np.abs(A[found[0]][:, found[1]] - B) > tolerance).any():
        return None
    return found


def _match(label: NDArray, rows: NDArray, columns: NDArray) -> tuple[NDArray, NDArray] | None:
    """Permutations that carry label[0] to label[1], (n, k) each, respecting the colours given so far.

    The colours of rows are refined by the columns, and vice versa. If several rows or columns still share a
    colour, one of the first matrix is paired with each of the second in turn.
    """
    classes = 0
    while True:
        rows = _recolour(rows, label, columns)
        columns = _recolour(columns, label.swapaxes(1, 2), rows)
        if any((np.sort(colour[0]) != np.sort(colour[1])).any() for colour in (rows, columns)):
            return None
        if classes == rows.max() + columns.max() + 2:
            break
        classes = rows.max() + columns.max() + 2
    for colours in (rows, columns):
        repeated = np.flatnonzero(np.bincount(colours[0]) > 1)
        if len(repeated):
            chosen = np.argmax(colours[0] == repeated[0])
            for partner in np.flatnonzero(colours[1] == repeated[0]):
                marked = colours.copy()
                marked[0, chosen] = marked[1, partner] = colours.max() + 1
                pair = (marked, columns) if colours is rows else (rows, marked)
                found = _match(label, *pair)
                if found is not None:
                    return found
            return None
    p, q = (np.argsort(colour[0])[np.argsort(np.argsort(colour[1]))] for colour in (rows, columns))
    return (p, q) if (label[0][p][:, q] == label[1]).all() else None


def _recolour(own: NDArray, label: NDArray, other: NDArray) -> NDArray:
    """Colours (2, n) from the old ones and the multiset of (label, colour of the other side) seen."""
    seen = np.sort(label * (other.max() + 1) + other[:, None, :], axis=2)
    signature = np.concatenate([own[:, :, None], seen], axis=2)
    _, colour = np.unique(signature.reshape(-1, signature.shape[2]), axis=0, return_inverse=True)
    return colour.reshape(own.shape)


def _students(W: ArrayLike) -> NDArray[np.float64]:
    try:
        W = np.asarray(W, dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"W: not an array of real numbers ({error})") from None
    if W.ndim < 2 or 0 in W.shape[-2:]:
        raise ValueError(f"W: must be (…, n, k) with n, k ≥ 1, not shape {W.shape}")
    if not np.isfinite(W).all():
        raise ValueError("W: must be finite, but holds NaN or infinity")
    if not (W != 0).any(axis=-1).all():
        raise ValueError("W: holds a neuron of weight 0, where the objective is not differentiable")
    return W


def _angles(W: NDArray) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Norms (b, n), unit vectors (b, n, k), sin t and π − t (b, n, n + k): angles with w_j, then v_j.

    t and sin t come from the same rounded cosine. So for nearly parallel vectors their errors cancel in
    everything that is computed from them here.
    """
    norm = np.sqrt(np.einsum("bij,bij->bi", W, W))
    unit = W / norm[:, :, None]
    c = np.concatenate([unit @ unit.swapaxes(1, 2), unit], axis=2)
    np.clip(c, -1, 1, out=c)
    opposite = np.arccos(-c)
    np.multiply(c, c, out=c)
    np.subtract(1, c, out=c)
    return norm, unit, np.sqrt(c, out=c), opposite


def _gradient(W: NDArray) -> NDArray:
    n = W.shape[1]
    norm, unit, sine, opposite = _angles(W)
    # j = i contributes π w_i to the sum over all students, which is the term ½ w_i.
    slope = opposite[:, :, :n] @ W
    slope -= opposite[:, :, n:]
    along = (sine[:, :, :n] @ norm[:, :, None])[:, :, 0] - sine[:, :, n:].sum(axis=2)
    slope += along[:, :, None] * unit
    slope /= 2 * np.pi
    return slope


def _objective(W: NDArray) -> NDArray:
    n, k = W.shape[1:]
    norm, unit, sine, opposite = _angles(W)
    c = np.concatenate([unit @ unit.swapaxes(1, 2), unit], axis=2)
    f = sine + opposite * c
    students = np.einsum("bi,bij,bj->b", norm, f[:, :, :n], norm)
    mixed = np.einsum("bi,bij->b", norm, f[:, :, n:])
    teachers = k * np.pi + k * (k - 1)
    return (students / 2 - mixed + teachers / 2) / (2 * np.pi)


def _third_derivative(norms: NDArray, reach: NDArray | float, k: int) -> NDArray:
    """L of the certificate over the ball of that radius; nan where the ball reaches w_i = 0."""
    n = norms.shape[1]
    largest, smallest = norms.max(axis=1) + reach, norms.min(axis=1) - reach
    bound = n * (np.sqrt(2) * (n - 1) * (largest + smallest) + k) / (np.pi * smallest**2)
    return np.where(smallest > 0, bound, np.nan)


def _radius(lowest: NDArray, g: NDArray, third: NDArray) -> NDArray:
    return (3 * lowest - np.sqrt(9 * lowest**2 - 25 * g * third)) / (2 * third)
