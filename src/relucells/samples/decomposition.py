"""A singular value decomposition with a second method for where the first does not converge."""

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray


def svd(A: NDArray[np.float64], full_matrices: bool = True, compute_uv: bool = True):
    """As ``numpy.linalg.svd``, for finite A.

    LAPACK's divide and conquer (gesdd) fails to converge on rare, harmless matrices: about one of ours in a
    thousand. Its QR iteration (gesvd) is slower, and converges on them.
    """
    wanted: Any = {"full_matrices": full_matrices, "compute_uv": compute_uv}
    try:
        return np.linalg.svd(A, **wanted)
    except np.linalg.LinAlgError:
        from scipy.linalg import svd as by_qr

        return by_qr(A, **wanted, lapack_driver="gesvd")


def triangle(A: NDArray[np.float64]) -> NDArray[np.float64]:
    """The R of A = Q R, (min(N, n), n), of A (N, n)."""
    # numpy's annotations know no mode: they promise the pair (Q, R) for this one as well.
    return cast(NDArray[np.float64], np.linalg.qr(A, mode="r"))
