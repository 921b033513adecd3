"""The singular value decomposition that every rank and kernel rests on."""

import numpy as np

from relucells.samples import decomposition


def test_where_lapack_gives_up_another_method_goes_on(rng, monkeypatch):
    A = rng.standard_normal((7, 4)) @ rng.standard_normal((4, 5))
    plain = decomposition.svd(A)

    def gives_up(*arguments, **named):
        raise np.linalg.LinAlgError("SVD did not converge")

    monkeypatch.setattr(np.linalg, "svd", gives_up)
    left, singular, right = decomposition.svd(A)
    np.testing.assert_allclose(singular, plain[1], atol=1e-13)
    np.testing.assert_allclose((left[:, :5] * singular) @ right, A, atol=1e-12)
    np.testing.assert_allclose(decomposition.svd(A, compute_uv=False), plain[1], atol=1e-13)
    assert decomposition.svd(A, full_matrices=False)[0].shape == (7, 5)
