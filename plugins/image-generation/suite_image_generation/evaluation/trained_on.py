"""The training pictures of whatever model answers in the demo, where they are at hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from suite import Predictor, cache_dir
from suite_image_generation.starter.assets import EMOJI, MODEL

if TYPE_CHECKING:
    from suite_image_generation.evaluation.neighbours import Index
    from suite_image_generation.model.encoder import Encoder

FOLDER = "neighbours"
"""In a run's folder."""


def index_for(predictor: Predictor, encoder: Encoder) -> tuple[Index | None, str]:
    """The pictures the answering model was trained on, and whose they are; or None and why they are not at hand."""
    from suite_image_generation.evaluation.neighbours import Index

    if run := predictor.run:
        found = Index.load(run.path / FOLDER)
        if found is None or found.threshold.encoder != encoder.name:
            return None, f"This run kept no training pictures that {encoder.name} has read; train again to have them."
        return found, "These are this run's own training pictures; what its base was trained on is not among them."
    if (predictor.source or predictor.domain.config.model or MODEL.name) == MODEL.name:
        return _starter(encoder), f"These are all the pictures the starter was trained on ({EMOJI.name})."
    return (
        None,
        "What this model was trained on is not at hand, so that nobody can say how near its pictures come to it.",
    )


def _starter(encoder: Encoder) -> Index:
    """Read once; kept in the cache under the hash of the pictures."""
    import hashlib
    from importlib.resources import files

    import pyarrow.parquet as pq

    from suite_image_generation.evaluation.neighbours import Index
    from suite_image_generation.pictures import files as pictures

    package, _, inside = EMOJI.shipped.partition(":")
    data = Path(str(files(package).joinpath(inside)))
    name = hashlib.sha256(data.read_bytes() + encoder.name.encode()).hexdigest()[:16]
    folder = cache_dir() / "image-generation" / FOLDER / name
    if found := Index.load(folder):
        return found
    rows = pq.read_table(data, columns=["image", "caption"]).to_pydict()
    index = Index.build(pictures.Each(rows["image"], pictures.read), rows["caption"], encoder)
    index.save(folder)
    return index
