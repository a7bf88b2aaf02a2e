"""What tests of data share: domains that differ in their columns only."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from suite import Column, Columns, TrainConfig

CLIPS = Columns(
    (
        Column("audio", "audio", "a recording"),
        Column("text", "text", "what is said", aliases=("sentence", "transcription")),
        Column("speaker", "id", "who speaks", required=False, aliases=("client_id",)),
    ),
    group="speaker",
    unique=("audio",),
)
LABELS = Columns((Column("image", "image", "a picture"), Column("label", "category", "what it shows")))
EVENTS = Columns(
    (
        Column("user", "id", "who"),
        Column("item", "id", "what", aliases=("item_id",)),
        Column("amount", "number", "how much", required=False),
        Column("time", "time", "when", required=False, aliases=("timestamp",)),
    ),
    time="time",
    unique=("user", "item"),
)


@pytest.fixture
def domain_of():
    """Function that makes what the data layer reads of a domain."""

    def make(columns, /, *, assets=(), starter="", read=lambda path: None, check=lambda rows: (), **config):
        return SimpleNamespace(
            columns=columns,
            config=TrainConfig(**config),
            starter=SimpleNamespace(model="", data=starter, assets=tuple(assets)),
            read=read,
            check=check,
        )

    return make


@pytest.fixture
def clips(domain_of):
    """A domain of recordings and texts, split by speaker."""
    return domain_of(CLIPS)


@pytest.fixture
def labels(domain_of):
    """A domain of pictures and labels."""
    return domain_of(LABELS)


@pytest.fixture
def events(domain_of):
    """A domain without files, split by time."""
    return domain_of(EVENTS)


@pytest.fixture
def folder(tmp_path):
    """Function that writes files below `tmp_path/data` and returns that folder."""

    def write(**files):
        root = tmp_path / "data"
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return root

    return write
