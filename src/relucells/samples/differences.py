"""Masks of samples as differences of similar ones, which have few entries and are far less dependent."""

import numpy as np
from numpy.typing import NDArray


def differences(columns: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Masks (N, m) that span the columns (N, m): differences along a shortest tree from the zero column."""
    nodes = np.concatenate([np.zeros((len(columns), 1)), columns.astype(float)], axis=1).T
    tree = shortest_tree(nodes, 1)
    return np.array([nodes[k] - nodes[parent] for k, parent in tree]).reshape(-1, len(columns)).T


def shortest_tree(nodes: NDArray[np.float64], roots: int) -> list[tuple[int, int]]:
    """(node, the one it is joined to) for all rows (n, N) of 0 and 1 but the first, the roots, in order."""
    size, common = nodes.sum(axis=1), nodes @ nodes.T
    apart = size[:, None] + size[None, :] - 2 * common
    parent = np.argmin(apart[:, :roots], axis=1)
    far = apart[np.arange(len(nodes)), parent]
    far[:roots] = apart[:, :roots] = np.inf  # from what has joined no further way is sought
    tree = []
    for _ in range(roots, len(nodes)):
        k = int(np.argmin(far))
        tree.append((k, int(parent[k])))
        far[k] = apart[:, k] = np.inf
        closer = apart[k] < far
        parent[closer], far[closer] = k, apart[k, closer]
    return tree
