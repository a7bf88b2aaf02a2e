"""The loaded model: a pipeline whose denoiser is trained, with its objective and what it was trained on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from datasets import Dataset

from suite import Batch, Model, Prediction, Stage, SuiteError, cache_dir
from suite_image_generation.config import ImageConfig
from suite_image_generation.generation import previews, samples, writing
from suite_image_generation.model import adapters, latents
from suite_image_generation.model.encoder import Encoder
from suite_image_generation.model.latents import Captioned
from suite_image_generation.model.neighbours import FOLDER, Index
from suite_image_generation.model.objective import Objective
from suite_image_generation.model.pipelines import Fingerprint
from suite_image_generation.pictures.rows import GOLDEN

KEPT = "suite.json"
"""In a model's folder: what its training came to know of itself."""
GOLDEN_STEPS = 2
"""Denoising steps of golden samples."""
ASKED = ("seed", "images", "negative", "scheduler", "guidance", "image", "strength")
"""Fields of the config that `predict` asks with."""


@dataclass(eq=False, kw_only=True)
class ImageModel(Model):
    """A text-to-image pipeline of diffusers, by diffusion or flow; `network` is its denoiser."""

    network: torch.nn.Module
    config: ImageConfig
    pipeline: Any
    objective: Objective
    fingerprint: Fingerprint
    """What the PNGs call the weights as they were when this model was loaded or `refreshed`."""
    overfit_since: int | None = None
    """The step since which the run that made it learnt by heart, if it did."""
    trained_on: Path | None = None
    """The folder where the run that made it kept its training pictures, if it did: see `Index`."""
    training_rows: Dataset | None = None
    """What it is trained on, while it is."""

    # ---- examples ------------------------------------------------------------------------------------------------

    def prepare(self, rows: Dataset, stage: Stage) -> Sequence[Captioned]:
        """Pictures and captions through the frozen parts, from the cache where they were encoded before.

        The first examples of a test also ask for a picture; validation must stay cheap.
        """
        device = next(self.network.parameters()).device
        examples = samples.examples(self.pipeline, rows, self.config, cache_dir() / "image-generation", device)
        if stage == "train":
            samples.report_changes(self.pipeline, rows, examples)
        if GOLDEN in rows.column_names:
            return samples.asked(examples, rows, self.config, steps=GOLDEN_STEPS)
        count = self.config.samples if stage == "test" else 0
        return samples.asked(examples[:count], rows, self.config) + examples[count:]

    def lengths(self, examples: Sequence[Captioned]) -> Sequence[int] | None:
        """A number per shape, so that batches hold few; by pixels, since these are what memory is for."""
        sizes = [example.crop.size if example.crop else (0, 0) for example in examples]
        known = sorted(set(sizes), key=lambda size: (size[0] * size[1], size))
        return [known.index(size) + 1 for size in sizes] if len(known) > 1 else None

    def augment(self, example: Captioned, generator: np.random.Generator) -> Captioned:
        """A seed for noise and time, and whether the caption is left out.

        Drawn here and not in the loss, so that a step is the same on every device and on any number of processes.
        """
        seed, dropped = int(generator.integers(2**62)), generator.random() < self.config.caption_dropout
        return replace(example, seed=seed, dropped=bool(dropped))

    def inputs(self, argument: str) -> list[Captioned]:
        """A prompt, a text file with one a line, or a PNG made here, which is made again; all from `image`, if set."""
        if not argument.lower().endswith((".txt", ".png")) and writing.is_file_name(argument):
            raise SuiteError(f"{argument!r} looks like a file; give a prompt in words, or a .txt with one a line.")
        given = {name: getattr(self.config, name) for name in ASKED}
        requests = writing.inputs(argument, steps=self.config.sample_steps, **given)
        return [Captioned(request.prompt, request=request) for request in requests]

    def collate(self, examples: Sequence[Captioned]) -> Batch:
        """See `latents.batch_of`."""
        return latents.batch_of(examples, self.config.draws)

    # ---- training ------------------------------------------------------------------------------------------------

    def loss(self, network: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """Mean over pictures of the objective's loss."""
        total: Any = sum(self.objective.losses(network, group).sum() for group in batch["groups"])
        return total / max(self.count(batch), 1)

    def count(self, batch: Batch) -> int:
        """Pictures."""
        return sum(len(group["places"]) for group in batch["groups"])

    def refreshed(self) -> Self:
        """The same model, whose PNGs call its weights by what they are now."""
        return replace(self, fingerprint=Fingerprint(self.pipeline))

    def with_config(self, config: ImageConfig) -> Self:
        """The same model with other options, the weighting of its loss among them."""
        return replace(self, config=config, objective=Objective.of(self.pipeline.scheduler, config.min_snr))

    def preview(self, step: int, folder: Path, examples: Sequence[Captioned]) -> None:
        """A row of pictures for this step, the sheet of all steps, and before the first step every crop."""
        config = self.config
        if step == 0 and self.training_rows is not None:
            crops = [example.crop for example in examples if example.crop]
            samples.show_crops(self.training_rows, crops, folder)
        captions = [examples[place].prompt for place in range(min(config.previews, len(examples)))]
        if prompts := config.preview_prompts or captions:
            samples.show_previews(self.pipeline, prompts, config, step, folder)

    def save(self, path: Path) -> None:
        """A whole pipeline: `DiffusionPipeline.from_pretrained` loads it. Beside it, what looks back on the run.

        That is since when it learnt by heart, if it did, and the training pictures that samples are compared with.
        """
        self.pipeline.save_pretrained(path, safe_serialization=True)
        since = previews.overfit_since(previews.read_history(path.parent))
        (path / KEPT).write_text(json.dumps({"overfit_since": since}) + "\n")
        if since is not None:
            previews.note(path.parent, previews.overfitting(since))
        if self.config.samples and self.training_rows is not None:
            index = Index.of_rows(self.training_rows, Encoder.load(self.config.encoder))
            index.save(path.parent / FOLDER)

    def save_adapter(self, adapted: torch.nn.Module, path: Path) -> None:
        """For `pipe.load_lora_weights` of diffusers; of Stable Diffusion 1 and 2 in kohya's layout too."""
        adapters.save(self.pipeline, adapted, path)

    # ---- answers -------------------------------------------------------------------------------------------------

    def infer(self, batch: Batch) -> list[Prediction]:
        """Prompt, seed, the PNG in base64 where one is asked for, and the loss where there is a picture to predict."""
        losses: dict[int, float] = {}
        for group in batch["groups"]:
            losses |= dict(zip(group["places"], self.objective.measured(self.network, group).tolist(), strict=True))
        made = iter(samples.made(self.pipeline, batch["examples"], self.config, self.fingerprint))
        return [
            {"loss": losses.get(place)} | (next(made) if example.request else {"prompt": example.prompt, "png": None})
            for place, example in enumerate(batch["examples"])
        ]
