"""What tests of data share: tasks that differ in their columns only."""

from __future__ import annotations

import pytest

from suite import Column, Columns, Data, Domain, Starter

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
def task_of():
    """Function that makes a task with these columns, starter data and config, and with its own `read` and `check`."""

    def make(columns, /, *, assets=(), starter="", read=lambda path: None, check=lambda rows: (), **config):
        class OwnData(Data):
            def read(self, path):
                return read(path)

            def check(self, rows):
                return check(rows)

        domain = Domain(
            name="rows", title="Rows", columns=columns, metric="none", starter=Starter("", starter, tuple(assets)),
            limits="", model="none:load", scores="none:Scores", demo="none:build", data=OwnData,
        )  # fmt: skip
        return domain.task(config)

    return make


@pytest.fixture
def clips(task_of):
    """A task of recordings and texts, split by speaker."""
    return task_of(CLIPS)


@pytest.fixture
def labels(task_of):
    """A task of pictures and labels."""
    return task_of(LABELS)


@pytest.fixture
def events(task_of):
    """A task without files, split by time."""
    return task_of(EVENTS)


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
