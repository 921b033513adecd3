"""Is the minimum of a cell genuine? Decided under every sign convention (Liu, Part 2, eqs. 6–9).

All minimisers of the loss in a cell are R* = A⁺y + (I − A⁺A)c. One of them is a local minimum of the
network iff it lies in the cell for which it was computed: with signs s_j = sign z_j,

    s_j R_j·x_i > 0  where I_ij = 1,    s_j R_j·x_i ≤ 0  where I_ij = 0           (7) s = +1, (8) s = −1.

The *margin* of a cell is the largest t ≤ 1 for which some minimiser and some allowed signs have
s_j R_j·x_i ≥ t on all active pairs and ≤ 0 on all inactive ones. The cell's minimum is genuine iff the margin
is positive. Linearly independent samples have a closed form (``independent_samples``), all others a linear
program (``margin_program``). Every verdict carries a certificate (``certify.certificates``).
"""

import warnings

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relucells.certify.certificates import Decision
from relucells.certify.conventions import BY_NAME
from relucells.samples.free_part import free_part
from relucells.samples.inputs import Inputs, activations, at_least, plain_array, prepare, targets
from relucells.samples.threads import one_thread
from relucells.search import budget
from relucells.search.question import Question

ROUNDING = (
    "the rank of X hinges on singular values of the size of rounding; the verdict is that of the exact "
    "numbers. Where columns or samples are meant to depend on each other, make them do so exactly"
)


@one_thread
def decide(
    X: ArrayLike | Inputs,
    y: ArrayLike,
    pattern: ArrayLike,
    signs: str | ArrayLike,
    time_limit: float | None = None,
    *,
    program_limit: int | None = None,
    margin: str = "exact",
    free: ArrayLike | None = None,
) -> Decision:
    """Whether the cell's minimum is genuine, with its margin, a witness or a proof that there is none.

    X : (N, D) samples, or ``relucells.prepare(X)``; y : (N,); pattern : (N, K) bool or 0/1.
    signs : "positive" (every z_j > 0), "uniform" ((7) for all neurons or (8) for all), "exists" (some
        choice per neuron), or an array (K,) of ±1.
    time_limit, program_limit : seconds and linear programs after which an open question is
        ``undecided``; the second gives the same answer on every machine. A limit that runs out once the
        verdict is known keeps it, with a bound for the margin.
    margin : "exact", or "sign" to stop as soon as the sign of the margin is known.
    free : F, (N, m), of a network f(x_i) = Σ_j I_ij R_j·x_i + F_i·c with c free (a column of ones: an output
        bias; X: a linear skip connection), or None. Its c is part of the minimum, not of the half-spaces.
    Raises ValueError, naming the argument, for arguments that do not fit together.

    The numbers in X and y are taken as the exact rationals that floats are; a RuntimeWarning says so where
    the rank of X hinges on singular values of the size of rounding. ``level`` of the decision is what
    ``verification_level`` gives it. A cell whose certificate the checker does not confirm is undecided, for
    the reason "precision": it is too large for exact arithmetic, or its weights lie beyond the floats. Where
    no R of floats is near enough to a minimiser in the cell, ``rest`` has what R lacks.
    """
    inputs = prepare(X)
    y = targets(y, len(inputs.X))
    pattern = activations(pattern, len(inputs.X))
    convention, given = _convention(signs, pattern.shape[1])
    if not isinstance(margin, str) or margin not in ("exact", "sign"):
        raise ValueError(f'margin: must be "exact" or "sign", not {margin!r}')
    if time_limit is not None:
        at_least("time_limit", time_limit, 0, "a number of seconds")
    if program_limit is not None:
        at_least("program_limit", program_limit, 0, "a number of linear programs")
    part = free_part(free, len(inputs.X))
    deadline = None if time_limit is None else budget.clock() + time_limit
    question = Question(inputs, y, pattern, convention, given, margin == "exact", part)
    with np.errstate(all="ignore"):  # what overflows on the way is not confirmed
        decision = question.answer(budget.Budget(program_limit, deadline))
    if inputs.hinges_on_rounding and pattern.any():
        warnings.warn(ROUNDING, RuntimeWarning, stacklevel=3)
    return decision


def _convention(signs: str | ArrayLike, K: int) -> tuple[str, NDArray[np.int8] | None]:
    """The convention's name, and the signs if they are given."""
    if isinstance(signs, str):
        if signs not in BY_NAME or signs == "given":
            names = ", ".join(f'"{name}"' for name in BY_NAME if name != "given")
            raise ValueError(f"signs: must be {names} or an array of ±1, not {signs!r}")
        return signs, None
    given = plain_array("signs", signs)
    if given.shape != (K,):
        raise ValueError(f"signs: must have one entry per neuron, {K}, not shape {given.shape}")
    if given.dtype.kind not in "iuf" or not (np.abs(given) == 1).all():
        raise ValueError("signs: must hold only +1 and -1")
    return "given", given.astype(np.int8)
