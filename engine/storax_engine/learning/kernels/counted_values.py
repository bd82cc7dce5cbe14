"""A tree over the different values of some rows, in order: how many of each are inside a window that slides.

``tree[INSIDE]`` has the number of values below each node, ``tree[MOST]`` the highest number of one value below it. The
root is node 1, the children of node ``n`` are ``2n`` and ``2n + 1``, and the second half of the nodes are the leaves:
one for each value. To add, to remove and to ask all take the logarithm of the number of values.
"""

from typing import Any

import numpy as np

from storax_engine.learning.kernels.compile import kernel

INSIDE, MOST = 0, 1


@kernel
def empty(n: int) -> Any:
    """Return the tree of ``n`` different values, none of which is inside."""
    leaves = 1
    while leaves < n:
        leaves *= 2
    return np.zeros((2, 2 * leaves), np.int64)


@kernel
def change(tree: Any, value: int, by: int) -> int:
    """Count a value ``by`` more times; returns how many are inside of it now."""
    node = tree.shape[1] // 2 + value
    tree[INSIDE, node] += by
    count = tree[INSIDE, node]
    tree[MOST, node] = count
    node >>= 1
    while node > 0:
        tree[INSIDE, node] += by
        tree[MOST, node] = max(tree[MOST, 2 * node], tree[MOST, 2 * node + 1])
        node >>= 1
    return int(count)


@kernel
def at_rank(tree: Any, rank: int) -> Any:
    """Return the value at this rank among those inside, from 0."""
    leaves = tree.shape[1] // 2
    node = 1
    while node < leaves:
        node *= 2
        if rank >= tree[INSIDE, node]:
            rank -= tree[INSIDE, node]
            node += 1
    return node - leaves


@kernel
def most_frequent(tree: Any) -> Any:
    """Return the value that is inside most often; the smallest of several."""
    leaves = tree.shape[1] // 2
    node = 1
    while node < leaves:
        node = 2 * node if tree[MOST, 2 * node] == tree[MOST, node] else 2 * node + 1
    return node - leaves
