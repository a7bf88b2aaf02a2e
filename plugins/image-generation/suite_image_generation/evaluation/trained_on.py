"""The training pictures of whatever model answers in the demo, where they are at hand."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from pathlib import Path

import pyarrow.parquet as pq

from suite import Predictor, cache_dir
from suite_image_generation.model.encoder import Encoder
from suite_image_generation.model.neighbours import FOLDER, Index
from suite_image_generation.pictures import files as pictures
from suite_image_generation.starter.assets import EMOJI, MODEL


def index_for(predictor: Predictor, encoder: Encoder) -> tuple[Index | None, str]:
    """The pictures the answering model was trained on, and whose they are; or None and why they are not at hand."""
    if run := predictor.run:
        index = Index.load(run.path / FOLDER)
        if index is None or index.threshold.encoder != encoder.name:
            return None, f"This run kept no training pictures that {encoder.name} has read; train again to have them."
        return index, "These are this run's own training pictures; what its base was trained on is not among them."
    if (predictor.source or predictor.task.config.model or MODEL.name) == MODEL.name:
        return _starter(encoder), f"These are all the pictures the starter was trained on ({EMOJI.name})."
    return (
        None,
        "What this model was trained on is not at hand, so that nobody can say how near its pictures come to it.",
    )


def _starter(encoder: Encoder) -> Index:
    """Read once; kept in the cache under the hash of the pictures."""
    package, _, inside = EMOJI.shipped.partition(":")
    data = Path(str(files(package).joinpath(inside)))
    name = hashlib.sha256(data.read_bytes() + encoder.name.encode()).hexdigest()[:16]
    folder = cache_dir() / "image-generation" / FOLDER / name
    if index := Index.load(folder):
        return index
    rows = pq.read_table(data, columns=["image", "caption"]).to_pydict()
    index = Index.build(pictures.Each(rows["image"], pictures.read), rows["caption"], encoder)
    index.save(folder)
    return index
