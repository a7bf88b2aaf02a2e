"""How the core reads the examples a domain prepares."""

from __future__ import annotations

from collections.abc import Sequence

from suite.domain.vocabulary import Example


def fetch(examples: Sequence[Example], indices: list[int]) -> list[Example]:
    """Several examples at once where the sequence can (`__getitems__`, as Arrow tables do), else one by one."""
    batched = getattr(examples, "__getitems__", None)
    return list(batched(indices)) if batched else [examples[index] for index in indices]
