"""A message with what is known about it."""

from __future__ import annotations

from typing import TypedDict


class Source(TypedDict, total=False):
    """What is to be translated. `max_length` is in columns on a screen; `masked` and `ids` are there for training."""

    source: str
    language: str
    style: str | None
    max_length: int | None
    target: str
    masked: tuple[str, str]
    ids: tuple[list[int], list[int]]
