"""From a folder to a model: the pipeline in it, refused where memory would not do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from suite import TrainingData, read_json
from suite_image_generation.config import ImageConfig
from suite_image_generation.generation.model import KEPT, ImageModel
from suite_image_generation.model import pipelines, preflight
from suite_image_generation.model.neighbours import FOLDER
from suite_image_generation.model.objective import Objective


def load(source: Path, config: ImageConfig, data: TrainingData | None) -> ImageModel:
    """The pipeline in `source`, fp32 on the CPU. With `data` it is to be trained on them, which takes more memory.

    Raises `SuiteError` for a pipeline that is not known, for damaged weights, and where memory would not do.
    """
    pipelines.check_index(source)
    preflight.check(source, config, training=data is not None)
    pipeline = pipelines.load_pipeline(source)
    network: Any = pipelines.denoiser(pipeline)
    # The core calls it by transformers' name; diffusers has another, and takes no arguments.
    network.gradient_checkpointing_enable = lambda **_: network.enable_gradient_checkpointing()
    return ImageModel(
        network=network,
        config=config,
        pipeline=pipeline,
        objective=Objective.of(pipeline.scheduler, config.min_snr),
        fingerprint=pipelines.Fingerprint(pipeline),
        overfit_since=_overfit_since(source) if data is None else None,
        trained_on=source.parent / FOLDER if data is None else None,
        training_rows=data.rows if data is not None else None,
    )


def _overfit_since(folder: Path) -> int | None:
    """What the run that made the model in `folder` wrote of itself."""
    path = folder / KEPT
    since: int | None = read_json(path).get("overfit_since") if path.is_file() else None
    return since
