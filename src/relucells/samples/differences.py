"""Masks of samples as differences of similar ones, which have few entries and are far less dependent."""

import numpy as np
from numpy.typing import NDArray


def differences(columns: NDArray[np.bool_], apart: NDArray | None = None) -> NDArray[np.float64]:
    """Masks (N, m) that span the columns (N, m): differences along a shortest tree from the zero column.

    apart : what is known to be ``differing`` of the zero column and these, (m + 1, m + 1)
    """
    nodes = np.concatenate([np.zeros((1, len(columns))), columns.T])
    tree = shortest_tree(differing(nodes) if apart is None else apart, 1)
    return np.array([nodes[k] - nodes[parent] for k, parent in tree]).reshape(-1, len(columns)).T


def differing(rows: NDArray) -> NDArray[np.float64]:
    """In how many entries each two rows, (n, N), of 0 and 1 differ, (n, n)."""
    numbers = rows.astype(np.float64)
    common = numbers @ numbers.T
    size = common.diagonal()
    return size[:, None] + size - 2.0 * common


def masked(masks: NDArray, X: NDArray[np.float64]) -> NDArray[np.float64]:
    """mask ∘ X side by side, (N, m D), for each mask (N, m); the values of a column lie side by side."""
    by_mask, by_column = np.ascontiguousarray(masks.T, dtype=np.float64), np.ascontiguousarray(X.T)
    return (by_mask[:, None, :] * by_column).reshape(len(by_mask) * len(by_column), len(X)).T


def shortest_tree(distances: NDArray[np.float64], roots: int) -> list[tuple[int, int]]:
    """(node, the one it is joined to) for all nodes but the first, the roots, in order.

    distances : (n, n)
    """
    apart = distances.copy()
    parent = np.argmin(apart[:, :roots], axis=1)
    far = apart[np.arange(len(apart)), parent]
    far[:roots] = apart[:, :roots] = np.inf  # from what has joined no further way is sought
    tree = []
    for _ in range(roots, len(apart)):
        k = int(np.argmin(far))
        tree.append((k, int(parent[k])))
        far[k] = apart[:, k] = np.inf
        closer = apart[k] < far
        parent[closer], far[closer] = k, apart[k, closer]
    return tree
