"""A singular value decomposition with a second method for where the first does not converge."""

from typing import Any

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
