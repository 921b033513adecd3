"""Decisions under several conventions on the same cells: what one of them proves serves another one."""

import numpy as np
import pytest
from decide_conventions import decide_conventions

from relucells.cells.inspection import draw_weights
from relucells.certify.verify import verification_level
from relucells.pipeline.conventions import ASKED, OTHERS
from relucells.samples.gaussian import two_gaussians
from relucells.samples.randomness import stream
from relucells.search import sign_free
from relucells.search.decide import decide

LIMITS = {"program_limit": 40, "time_limit": None}


def drawn(N: int, K: int, bias: float, trials: int):
    X, y = two_gaussians(3, N, stream(0, "shared proofs", N))
    draws = [draw_weights(stream(0, "shared proofs", N, n), K, 4, bias) for n in range(trials)]
    W, z = map(np.stack, zip(*draws, strict=True))
    return X, y, np.stack([X @ w.T > 0 for w in W]), z


@pytest.mark.parametrize("N, K, bias", [(72, 20, 0.0), (60, 5, 0.0), (60, 5, 20.0)])
def test_every_convention_has_the_verdict_of_a_question_of_its_own(N, K, bias):
    X, y, patterns, z = drawn(N, K, bias, 2)
    found = decide_conventions(X, y, patterns, z, LIMITS)
    assert list(found) == list(OTHERS)
    for name, decisions in found.items():
        for pattern, signs, decision in zip(patterns, z, decisions, strict=True):
            alone = decide(X, y, pattern, ASKED[name].signs(signs), margin="sign", **LIMITS)
            assert decision.verdict == alone.verdict != "undecided"
            assert decision.convention == alone.convention
            assert verification_level(X, y, pattern, decision) == decision.level == "proven"


def test_drawn_signs_take_the_proof_for_every_choice_of_signs_where_they_would_need_programs():
    X, y, patterns, z = drawn(72, 20, 0.0, 2)
    found = decide_conventions(X, y, patterns, z, LIMITS)
    shared = 0
    for exists, sampled, signs in zip(found["exists"], found["sampled"], z, strict=True):
        assert exists.reason == sign_free.KIND
        assert (sampled.given == np.where(signs > 0, 1, -1)).all()
        assert sampled.programs == 0
        if sampled.reason == sign_free.KIND:
            shared += 1
            assert sampled.certificate.leaves[0] is exists.certificate.leaves[0]
    assert 0 < shared
