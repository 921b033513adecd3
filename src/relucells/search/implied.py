"""What a decision on one sign convention says of another one, without a search of its own."""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from relucells.certify.certificates import Decision


def for_given_signs(decision: Decision, signs: ArrayLike) -> Decision | None:
    """The decision on these signs that the same certificate proves, if one leaf of it alone refutes every
    choice of signs; None otherwise.

    decision : on the cell under any convention; signs : (K,) of ±1, those of the new decision
    """
    if decision.verdict != "none" or decision.certificate is None or len(decision.certificate.leaves) != 1:
        return None
    if decision.certificate.leaves[0].signs.any():
        return None
    given = np.asarray(signs).astype(np.int8)
    return replace(decision, convention="given", given=given, programs=0)
