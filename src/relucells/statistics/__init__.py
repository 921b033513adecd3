"""Intervals for shares and means, and what another experiment would print.

shares : shares of trials; means : means over trials, of rare events too; activation : the law of the mean
activation, which is known; comparison : print's rounding, power, several comparisons at once.
"""

from relucells.statistics.activation import (
    Activation,
    RareEvents,
    activation_probability,
    activation_variance,
    fixed_activation,
    gaussian_activation,
    gaussian_moments,
    half_space_draws,
)
from relucells.statistics.comparison import (
    beyond,
    holm,
    joint,
    power,
    printed_unit,
)
from relucells.statistics.means import (
    bounded_mean_interval,
    mean_interval,
    mean_prediction,
    rank_prediction,
    rare_mean_interval,
)
from relucells.statistics.shares import LEVEL, share_interval, share_prediction, wilson

__all__ = [
    "LEVEL",
    "Activation",
    "RareEvents",
    "activation_probability",
    "activation_variance",
    "beyond",
    "bounded_mean_interval",
    "fixed_activation",
    "gaussian_activation",
    "gaussian_moments",
    "half_space_draws",
    "holm",
    "joint",
    "mean_interval",
    "mean_prediction",
    "power",
    "printed_unit",
    "rank_prediction",
    "rare_mean_interval",
    "share_interval",
    "share_prediction",
    "wilson",
]
