"""What the paper's experiment would print, and how a printed number compares with it.

There is one rule for every kind of printed number. The comparison and the readings of what the paper leaves
unsaid both use it. A prediction is a dict:

expected : the centre; low, high : the interval for the printed number, rounding included; p : two-sided
size : the probability that a number of this very law is called different
unit : of the column's last printed digit
power : the smallest deviation from the expected number that would be called different, in these units
informative : whether the comparison could have come out otherwise; if not, ``why``:

foregone : at an end of the range, whatever the draw; nothing that the paper could have drawn differs
vacuous : so wide that only a number off by half the range (of a length: by half itself) would differ
"""

import numpy as np
from numpy.typing import ArrayLike

from relucells.statistics import RareEvents, mean_prediction, power, share_prediction
from relucells.statistics.distributions import t_above


def predict_share(
    successes: ArrayLike, undecided: ArrayLike, n: int, paper_n: int, printed: float, confidence: float
) -> dict:
    """A percentage of ``paper_n`` trials, given counts out of n, one for each data set (one: the paper's).

    ``undecided`` trials (one number for each count) are failures at the lower end, successes at the upper.
    """
    successes, undecided = np.atleast_1d(successes), np.atleast_1d(undecided)
    low, high, mass = share_prediction(successes, n, paper_n, confidence)
    size = 1 - mass[round(low * paper_n) : round(high * paper_n) + 1].sum()
    above = mass
    if undecided.any():
        _, high, above = share_prediction(successes + undecided, n, paper_n, confidence)
    count = round(printed / 100 * paper_n)
    return _standing(
        expected=float(100 * successes.sum() / (n * len(successes))),
        interval=(100 * low, 100 * high),
        p=float(min(1.0, 2 * min(mass[: count + 1].sum(), above[count:].sum()))),
        size=float(max(size, 0.0)),
        unit=1.0,
        step=100 / paper_n,
        rounding=0.0,  # a share of 100 trials is printed exactly
        largest=100.0,
        foregone=bool(successes.sum() in (0, n * len(successes))),
    )


def predict_mean(
    means: ArrayLike,
    variance: float,
    n: int,
    paper_n: int,
    printed: float,
    unit: float,
    largest: float,
    confidence: float,
) -> dict:
    """A mean over ``paper_n`` trials, given ours over n, one for each data set (see ``mean_prediction``)."""
    low, high, error, freedom = mean_prediction(means, variance, n, paper_n, confidence)
    expected, rounding = float(np.mean(np.asarray(means, dtype=float))), unit / 2
    excess = max(abs(printed - expected) - rounding, 0.0)
    return _standing(
        expected=expected,
        interval=(low, high),
        p=1.0 if excess == 0 else 2 * t_above(excess / error, freedom) if error > 0 else 0.0,
        size=2 * t_above(((high - low) / 2 + rounding) / error, freedom) if error > 0 else 0.0,
        unit=unit,
        step=unit,
        rounding=rounding,
        largest=largest,
    )


def predict_rare(law: RareEvents, printed: float, unit: float, largest: float, confidence: float) -> dict:
    """A mean of rare events, from simulated experiments."""
    low, high = law.interval(confidence)
    outside = (law.experiments < low - unit / 2) | (law.experiments > high + unit / 2)
    return _standing(
        expected=law.mean,
        interval=(low, high),
        p=law.p(printed, unit / 2),
        size=float(outside.mean()),
        unit=unit,
        step=unit,
        rounding=unit / 2,
        largest=largest,
    )


def predict_activation(known: dict, printed: float, unit: float, confidence: float) -> dict:
    """A mean activation in per cent, from a row of results/activations.csv: the law is known."""
    return _standing(
        expected=known["expected"],
        interval=(known["low"], known["high"]),
        p=known["p"],
        size=1 - confidence,
        unit=unit,
        step=unit,
        rounding=unit / 2,
        largest=100.0,
    )


def predict_length(low: float, high: float, median: float, p: float, unit: float, confidence: float) -> dict:
    """A mean diameter, which has no expectation.

    It is judged by its rank among the means of experiments, as in results/tables/table_6.csv.
    """
    return _standing(
        expected=median,
        interval=(low, high),
        p=p,
        size=1 - confidence,
        unit=unit,
        step=unit,
        rounding=unit / 2,
        largest=np.inf,
    )


def _standing(
    *,
    expected: float,
    interval: tuple[float, float],
    p: float,
    size: float,
    unit: float,
    step: float,
    rounding: float,
    largest: float,
    foregone: bool | None = None,
) -> dict:
    """The prediction with its power, and whether a comparison with it says anything."""
    low, high = interval
    if foregone is None:  # every number of the law is printed as the same end of the range
        foregone = high <= rounding or low >= largest - rounding
    deviation = power(expected, low - rounding, high + rounding, step, 0.0, largest)
    half = (largest if np.isfinite(largest) else expected) / 2
    vacuous = not deviation < half
    return {
        "expected": expected,
        "low": max(low - rounding, 0.0),
        "high": min(high + rounding, largest),
        "p": p,
        "size": 0.0 if foregone else size,
        "unit": unit,
        "power": round(deviation / unit, 6),
        "informative": "no" if foregone or vacuous else "yes",
        "why": "foregone" if foregone else "vacuous" if vacuous else "",
    }
