"""Decayed co-visitation counts: how often, and how soon after one another, two items occur in one history.

A kernel g > 0 counts g^(d-1) for an item d places *after* another; a negative one counts |g|^(d-1) for an item d
places *before* it. Co-visitation in this form is folklore of recommender contests; nothing here is learned.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import scipy.sparse as sp

SMALLEST = 1e-3
"""Pairs that would count less are left out: 13 places for a kernel of 0.6, 66 for 0.9; a kernel of 1 has no end."""


def kernel_weights(length: int, kernel: float) -> np.ndarray:
    """(length, length) float32: what position a's item adds to position b's, by `kernel`."""
    distance = np.arange(length)[None, :] - np.arange(length)[:, None]
    distance = distance if kernel > 0 else -distance
    weights = np.power(abs(kernel), np.maximum(distance - 1, 0), dtype=np.float64)
    return np.where((distance > 0) & (weights >= SMALLEST), weights, 0.0).astype(np.float32)


def covisitation(histories: Sequence[np.ndarray], items: int, kernels: Sequence[float]) -> list[sp.csr_matrix]:
    """One (items, items) float32 matrix per kernel, summed over `histories` of item numbers, oldest first."""
    totals = [sp.csr_matrix((items, items), dtype=np.float32) for _ in kernels]
    # Chunks bound the memory of the pairs, which grows with the square of a history's length.
    for chunk in _chunks(histories):
        for number, kernel in enumerate(kernels):
            totals[number] = totals[number] + _pairs(chunk, items, kernel)
    return totals


def _pairs(histories: Sequence[np.ndarray], items: int, kernel: float) -> sp.csr_matrix:
    rows, columns, values = [], [], []
    for history in histories:
        weights = kernel_weights(len(history), kernel)
        before, after = np.nonzero(weights)
        rows.append(history[before])
        columns.append(history[after])
        values.append(weights[before, after])
    if not rows:
        return sp.csr_matrix((items, items), dtype=np.float32)
    where = (np.concatenate(rows), np.concatenate(columns))
    return sp.coo_matrix((np.concatenate(values), where), shape=(items, items), dtype=np.float32).tocsr()


def popularity(histories: Iterable[np.ndarray], items: int) -> np.ndarray:
    """(items,) int64: how often each item occurs."""
    total = np.zeros(items, np.int64)
    for chunk in _chunks(histories):
        total += np.bincount(np.concatenate([np.zeros(0, np.int64), *chunk]), minlength=items)
    return total


def _chunks(histories: Iterable[np.ndarray], pairs: int = 4_000_000) -> Iterator[list[np.ndarray]]:
    chunk: list[np.ndarray] = []
    room = pairs
    for history in histories:
        if chunk and room < len(history) ** 2:
            yield chunk
            chunk, room = [], pairs
        chunk.append(history)
        room -= len(history) ** 2
    yield chunk


def stack(matrices: Sequence[sp.csr_matrix]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One sparsity pattern for all matrices: row pointers (items + 1), columns (n,) and values (kernels, n)."""
    pattern = sp.csr_matrix(sum((abs(m) for m in matrices), start=sp.csr_matrix(matrices[0].shape)))
    pattern.sort_indices()
    rows = np.repeat(np.arange(pattern.shape[0]), np.diff(pattern.indptr))
    values = np.stack([_at(matrix, rows, pattern.indices) for matrix in matrices])
    return pattern.indptr.astype(np.int64), pattern.indices.astype(np.int64), values


def _at(matrix: sp.csr_matrix, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    if len(rows) == 0:
        return np.zeros(0, dtype=np.float32)
    return np.asarray(matrix[rows, columns], dtype=np.float32).reshape(-1)


def unstack(pointers: np.ndarray, columns: np.ndarray, values: np.ndarray) -> list[sp.csr_matrix]:
    """The inverse of `stack`."""
    items = len(pointers) - 1
    return [sp.csr_matrix((row, columns, pointers), shape=(items, items)) for row in values]


def extend(matrices: Sequence[sp.csr_matrix], borrowed: sp.csr_matrix) -> list[sp.csr_matrix]:
    """Counts for further items, borrowed from known ones: `borrowed` (new, known) holds each new item's shares.

    A new item is followed by what follows those it resembles, and follows what they follow.
    """
    shares = sp.csr_matrix(borrowed, dtype=np.float32)
    return [
        sp.csr_matrix(sp.bmat([[m, m @ shares.T], [shares @ m, shares @ m @ shares.T]], format="csr")) for m in matrices
    ]
