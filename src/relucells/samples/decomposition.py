"""A singular value decomposition with a second method for where the first fails, and other factors."""

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray


def svd(A: NDArray[np.float64], full_matrices: bool = True, compute_uv: bool = True):
    """As ``numpy.linalg.svd``: LinAlgError where A is not finite.

    LAPACK's divide and conquer (gesdd) fails to converge on rare, harmless matrices: about one of ours in a
    thousand. Its QR iteration (gesvd) is slower, and converges on them.
    """
    wanted: Any = {"full_matrices": full_matrices, "compute_uv": compute_uv}
    try:
        return np.linalg.svd(A, **wanted)
    except np.linalg.LinAlgError:
        if not np.isfinite(A).all():
            raise
        from scipy.linalg import svd as by_qr

        return by_qr(A, **wanted, lapack_driver="gesvd")


def triangle(A: NDArray[np.float64]) -> NDArray[np.float64]:
    """The R of A = Q R, (min(N, n), n), of A (N, n)."""
    # numpy's annotations know no mode: they promise the pair (Q, R) for this one as well.
    return cast(NDArray[np.float64], np.linalg.qr(A, mode="r"))


def kernel_of(A: NDArray[np.float64], rank: int) -> NDArray[np.float64]:
    """An orthonormal basis, (n, n − rank), of the kernel of A (N, n), whose rank is known."""
    N, n = A.shape
    if rank in (0, n):
        return np.eye(n)[:, rank:]
    if rank == N:
        return np.linalg.qr(A.T, mode="complete")[0][:, rank:]
    return svd(A, full_matrices=N < n)[2][rank:].T


def inverse_lower(triangle: NDArray[np.float64]) -> NDArray[np.float64]:
    """The inverse of a lower triangular matrix by halves: a sixth of the work of ``numpy.linalg.inv``."""
    n, half = len(triangle), len(triangle) // 2
    if n <= 64:
        return np.asarray(np.linalg.inv(triangle), dtype=np.float64)
    found = np.zeros((n, n))
    found[:half, :half] = inverse_lower(triangle[:half, :half])
    found[half:, half:] = inverse_lower(triangle[half:, half:])
    found[half:, :half] = -found[half:, half:] @ (triangle[half:, :half] @ found[:half, :half])
    return found
