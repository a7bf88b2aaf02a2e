"""From a folder to a model: the pipeline in it, refused where memory would not do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from suite import TrainingData, read_json
from suite_image_generation.config import ImageConfig
from suite_image_generation.generation import screening
from suite_image_generation.generation.model import KEPT, ImageModel
from suite_image_generation.model import pipelines, preflight, schedulers
from suite_image_generation.model.encoder import Encoder
from suite_image_generation.model.neighbours import FOLDER
from suite_image_generation.model.objective import Objective
from suite_image_generation.pictures import files


def load(source: Path, config: ImageConfig, data: TrainingData | None) -> ImageModel:
    """The pipeline in `source`, fp32 on the CPU. With `data` it is to be trained on them, which takes more memory.

    Raises `SuiteError` for a pipeline that is not known, for damaged weights, and where memory would not do.
    """
    pipelines.check_index(source)
    preflight.check(source, config, training=data is not None)
    pipeline = pipelines.load_pipeline(source)
    if data is not None:
        _check_answers(pipeline, config)
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


def _check_answers(pipeline: Any, config: ImageConfig) -> None:
    """Raises `SuiteError` for what only reports and `predict` read, and would be missed once all is trained."""
    schedulers.made(pipeline.scheduler, config.scheduler)
    screening.guard_of(config)
    if config.samples:
        Encoder.load(config.encoder)
    if config.image:
        files.given(config.image)


def _overfit_since(folder: Path) -> int | None:
    """What the run that made the model in `folder` wrote of itself."""
    path = folder / KEPT
    since: int | None = read_json(path).get("overfit_since") if path.is_file() else None
    return since
