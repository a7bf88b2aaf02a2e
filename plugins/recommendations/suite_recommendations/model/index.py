"""Approximate search over item vectors: a FAISS graph index (HNSW, https://arxiv.org/abs/1603.09320), inner product."""

from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np

FILE = "items.faiss"
LINKS = 32
"""HNSW's M, neighbours per item in the graph; 32 is the usual trade of memory (256 bytes an item) for recall."""
EF_SEARCH = 256
"""HNSW's efSearch, candidates looked at in a search: recall of the top 200 stays above 95 %."""


class ItemIndex:
    """Finds the items whose vectors have the largest inner product with a query. `vectors` are (items, d) float32."""

    def __init__(self, index: faiss.Index, vectors: np.ndarray) -> None:
        self.index, self.vectors = index, vectors

    @classmethod
    def build(cls, vectors: np.ndarray) -> ItemIndex:
        """Indexes (items, d) float32 vectors under their numbers."""
        vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        index = faiss.IndexHNSWFlat(vectors.shape[1], LINKS, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efSearch = EF_SEARCH
        index.add(vectors)
        return cls(index, vectors)

    @classmethod
    def load(cls, folder: Path) -> ItemIndex:
        """Reads what `save` wrote."""
        index = faiss.read_index(str(folder / FILE))
        faiss.ParameterSpace().set_index_parameter(index, "efSearch", EF_SEARCH)
        return cls(index, index.reconstruct_n(0, index.ntotal))

    def save(self, folder: Path) -> None:
        """Writes `items.faiss`, which any FAISS reads."""
        faiss.write_index(self.index, str(folder / FILE))

    def search(self, queries: np.ndarray, count: int) -> np.ndarray:
        """(n, count) item numbers, best first; -1 where fewer were found."""
        return self.index.search(np.ascontiguousarray(queries, dtype=np.float32), count)[1]

    def exact(self, queries: np.ndarray, count: int) -> np.ndarray:
        """(n, count) item numbers by comparing with every item."""
        return np.argsort(-(queries @ self.vectors.T), axis=1, kind="stable")[:, :count]

    def recall(self, queries: np.ndarray, count: int) -> np.ndarray:
        """(n,) share of the exact `count` nearest that the index finds."""
        count = min(count, len(self.vectors))
        pairs = zip(self.search(queries, count), self.exact(queries, count), strict=True)
        return np.asarray([len(np.intersect1d(near, nearest)) / max(count, 1) for near, nearest in pairs])
