"""True decisions with one claim made false, and things that are no certificates."""

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from relucells import Certificate, Decision

LEAST = 5e-324


def false_claims(decision: Decision, rng) -> Iterator[Decision]:
    """A true decision with one claim made false."""
    loss, margin = decision.loss, decision.margin
    size = max(1.0, abs(loss))
    for wrong in (loss + 1e-6 * size, -1e-12, -loss - 1.0, math.nan, math.inf, -math.inf, loss + 0.01 * size):
        yield replace(decision, loss=wrong)
    other = {"genuine": "none", "none": "genuine"}[decision.verdict]
    for verdict in (other, "undecided", "Genuine", "", None, 1, b"none"):
        yield replace(decision, verdict=verdict)
    for convention in ("", "Given", "sampled", None, 3, ("given",)):
        yield replace(decision, convention=convention)
    K = len(decision.certificate.leaves[0].signs if decision.signs is None else decision.signs)
    for given in (None, [0], [], [1] * (K + 1), "1" * K, np.zeros(K), np.full(K, np.nan)):
        yield replace(decision, convention="given", given=given)
    yield replace(decision, convention="exists", given=np.ones(K, dtype=np.int8))
    wrong_margins = [math.nan, math.inf, 2.0, True, "1", None, 1j, 10**400]
    if decision.verdict == "genuine":
        wrong_margins += [0.0, -0.0, -1.0, -math.inf]
        wrong_margins += [min(1.0, 1.001 * margin)] * (margin < 0.99)
        yield replace(decision, margin=margin / 2, exact=True)
        yield replace(decision, margin=margin * 1e-9, exact=True)
    else:
        wrong_margins += [LEAST, 1e-300, 1.0]
        wrong_margins += (
            [-math.inf, margin - 1.0, 1.001 * margin] if np.isfinite(margin) and margin else [-1.0]
        )
    for wrong in wrong_margins:
        yield replace(decision, margin=wrong)


def losses_off_by_little(decision: Decision, y) -> Iterator[Decision]:
    """A true decision about labels y whose loss has a root that is off by three times what rounding may be,
    or a hundred times: within the doubt of a careless enclosure."""
    root, size = math.sqrt(decision.loss), math.sqrt(np.mean(np.square(y)))
    allowed = 1e-9 * root + 1e-12 * size
    for gap in (-100, -3, 3, 100) if allowed else ():
        if root + gap * allowed >= 0:
            yield replace(decision, loss=(root + gap * allowed) ** 2)


class Loud:
    """Fails however it is read."""

    def __array__(self, *_, **__):
        raise RuntimeError("read before it was looked at")

    def __len__(self):
        raise RuntimeError("read before it was looked at")

    def __float__(self):
        raise RuntimeError("read before it was looked at")


def hostile_objects(decision: Decision, rng) -> Iterator:
    """Things of the wrong type, size or range wherever a certificate has something."""
    endless: list = []
    endless.append(endless)
    strange = [Loud(), "x", b"x", {}, object(), np.array([None]), np.array(["a"]), 5, endless]
    yield from (None, 7, "none", {"verdict": "none"}, decision.certificate, [decision])
    for thing in strange:
        yield replace(decision, certificate=thing)
        yield replace(decision, exact=thing)
        if decision.verdict == "genuine":
            yield replace(decision, R=thing)
            yield replace(decision, signs=thing)
    if decision.verdict == "genuine":
        R, signs = decision.R, decision.signs
        for wrong in (
            R.astype(complex),
            R.astype(object),
            R.astype(np.longdouble),
            R[:-1],
            R.T[:, :, None],
            R * np.nan,
        ):
            yield replace(decision, R=wrong)
        yield replace(decision, R=np.ma.masked_array(R, mask=True))
        yield replace(decision, R=np.broadcast_to(np.float64(1.0), (10**6, 10**6)))
        for wrong in (signs * 2, signs * 0, signs[:-1], signs.astype(bool), signs * np.nan, signs[None]):
            yield replace(decision, signs=wrong)
        return
    first, *others = decision.certificate.leaves
    changes = [
        {"signs": thing} for thing in (*strange, first.signs * 2, first.signs[:-1], first.signs * np.nan)
    ]
    changes += [{"sample": s} for s in (-2, 10**6, 8 * 10**9, 2**70, 0.0, True, None, "0", Loud())]
    changes += [{"bound": b} for b in (math.nan, None, "0", 1j, 10**400, Loud(), np.zeros(2), 0.7)]
    changes += [{"kind": k} for k in (None, 3, [], Loud(), "x" * 10**5)]
    changes += [{"arrays": a} for a in (None, [], {"a": Loud()}, {str(n): np.zeros(1) for n in range(1000)})]
    far = np.array([[0, 8 * 10**9]])
    many = [far, far * 0 - 1, far.astype(float), far.astype(object)]
    many += [[[0, 0], [0, 0]], [[0]], [], Loud(), "ab"]
    changes += [{"pairs": pairs, "values": np.ones(1)} for pairs in many]
    changes += [{"values": v} for v in ([-1.0], [np.nan], [np.inf], np.ones(99), Loud(), "1", None)]
    changes += [{"values": []}] * bool(len(first.values))
    for change in changes:
        try:
            leaf = replace(first, **change)
        except RuntimeError:
            continue
        yield replace(decision, certificate=Certificate((leaf, *others), decision.certificate.branches))
    for branches in ([8 * 10**9], [-1], np.zeros(5), [0.5], np.zeros((2, 2), dtype=int), Loud(), None, [[0]]):
        yield replace(decision, certificate=Certificate(decision.certificate.leaves, branches))
    for leaves in ((), None, 5, [None], (Loud(),), "leaves", {0: first}):
        yield replace(decision, certificate=Certificate(leaves, decision.certificate.branches))


def mutations(decision: Decision, rng) -> Iterator[Decision]:
    """A true ``none`` decision with one number of its leaves changed so that it proves something else."""
    certificate = decision.certificate
    for n, leaf in enumerate(certificate.leaves[:3]):
        K = len(leaf.signs)
        changed = [replace(leaf, bound=leaf.bound - 1.0 if np.isfinite(leaf.bound) else 0.0)]
        if leaf.signs.any() and decision.convention != "exists":
            changed.append(replace(leaf, signs=-leaf.signs))
        if leaf.sample < 0:
            changed += [
                replace(leaf, values=-leaf.values),
                replace(leaf, pairs=leaf.pairs[:0], values=leaf.values[:0]),
            ]
            changed += [replace(leaf, pairs=leaf.pairs[:, ::-1] + 10**6)]
        else:
            changed += [replace(leaf, sample=-1), replace(leaf, signs=np.zeros(K, dtype=np.int8))]
        for other in changed:
            leaves = (*certificate.leaves[:n], other, *certificate.leaves[n + 1 :])
            yield replace(decision, certificate=Certificate(leaves, certificate.branches))
    yield replace(decision, certificate=Certificate(certificate.leaves, np.append(certificate.branches, 0)))
