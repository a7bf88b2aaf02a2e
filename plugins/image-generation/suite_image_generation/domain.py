"""The domain: captioned pictures in, a pipeline that draws in their manner out. Heavy parts are imported where used."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from suite import (
    Batch,
    Column,
    Columns,
    Domain,
    Finding,
    Prediction,
    Predictor,
    Section,
    Space,
    Splits,
    SuiteError,
    TrainConfig,
    cache_dir,
    resolve_model,
)
from suite_image_generation.config import LORA_TARGETS, ImageConfig
from suite_image_generation.starter.assets import STARTER

if TYPE_CHECKING:
    import torch
    from datasets import Dataset

    from suite_image_generation.model.latents import Captioned
    from suite_image_generation.model.objective import Objective
    from suite_image_generation.pictures.buckets import Crop

KEPT = "suite.json"
"""In a model's folder: what its training came to know of itself."""
GOLDEN = "golden"
"""Column that marks golden samples: few steps are enough to tell whether a model is the same."""
GOLDEN_STEPS = 2
ASKED = ("seed", "images", "negative", "scheduler", "guidance", "image", "strength")
"""Fields of the config that `predict` asks with."""
TOLERANCE = 8
"""Of 255, the mean difference of golden pixels."""


class ImageGenerationDomain(Domain):
    """Text-to-image by diffusion or flow. `pipeline` is the loaded one; its denoiser is the model that is trained."""

    name = "image-generation"
    title = "Image generation"
    pipeline_tag = "text-to-image"
    Config: ClassVar[type[TrainConfig]] = ImageConfig
    columns = Columns(
        (
            Column("image", "image", "picture: PNG, JPEG, WebP, GIF, TIFF or BMP"),
            Column("caption", "text", "what it shows, in words", aliases=("text", "prompt", "description")),
        )
    )
    metric = "loss"
    greater_is_better = False
    starter = STARTER
    space = Space("Emoji from words, with the nearest training pictures", "🎨", ("pink", "yellow"), zero_gpu=True)
    library = "diffusers"
    needs_rows = False
    lora_targets = LORA_TARGETS
    limits = (
        "Pictures are made up and prove nothing. A face in one is nobody's, or somebody's who was in the training "
        "pictures: the report says how near samples come to them. What a model draws follows its training pictures, "
        "with their gaps and prejudices. Only fine-tune on pictures you have the right to use.\n\n"
        "The starter draws emoji of 64 pixels and knows nothing else. Its samples, and the encoder that measures them, "
        "say nothing about photographs. The validation loss picks the checkpoint; it says how well noise is predicted, "
        "not how well people like the pictures: look at the previews."
    )

    def __init__(self, config: TrainConfig | None = None) -> None:
        super().__init__(config)
        self.pipeline: Any = None
        self.kept: dict[str, Any] = {}
        self.crops: list[Crop] = []
        self._validating = False
        self._preview: tuple[list[str], Any] = ([], None)
        self._hash = ""
        self.training_rows: Dataset | None = None

    # ---- data --------------------------------------------------------------------------------------------------------

    def read(self, path: Path) -> Dataset | None:
        """Folders of pictures with a text file beside each; what has a table is left to the core."""
        from suite_image_generation.pictures import captions

        return captions.read(path) if path.is_dir() else None

    def check(self, rows: Dataset) -> Iterable[Finding]:
        """Pictures that can't be used or are read otherwise than one may think; captions that are none."""
        from suite_image_generation.pictures import captions

        return captions.findings(rows, self.config.resolution)

    def split(self, rows: Dataset) -> Splits:
        """As the core does; to overfit, the first pictures are all three."""
        first = rows.select(range(min(self.config.overfit, len(rows))))
        splits = {"train": first, "validation": first, "test": first} if self.config.overfit else super().split(rows)
        self.training_rows = splits["train"]
        return splits

    def prepare(self, rows: Dataset, model: torch.nn.Module, *, training: bool) -> Sequence[Captioned]:
        """Pictures and captions through the frozen parts, from the cache where they were encoded before.

        The first examples also ask for a picture, except while training: validation must stay cheap.
        """
        from suite_image_generation.generation import samples

        self._validating |= training
        examples = samples.examples(self.pipeline, rows, self.config, self.cache, next(model.parameters()).device)
        if training:
            self.crops = [example.crop for example in examples if example.crop]
            prompts = self.config.preview_prompts or [e.prompt for e in examples[: self.config.previews]]
            self._preview = (prompts, rows)
            samples.tell(self.pipeline, rows, examples)
        if GOLDEN in rows.column_names:
            return samples.asked(examples, rows, self.config, steps=GOLDEN_STEPS)
        count = 0 if self._validating else self.config.samples
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

    def collate(self, examples: Sequence[Captioned]) -> Batch:
        """See `latents.batch_of`."""
        from suite_image_generation.model.latents import batch_of

        return batch_of(examples, self.config.draws)

    # ---- model -------------------------------------------------------------------------------------------------------

    def load_model(self, source: Path, data: Dataset | None) -> torch.nn.Module:
        """The denoiser of the pipeline in `source`, which is refused where memory would not do."""
        from suite_image_generation.model import pipelines, preflight
        from suite_image_generation.model.objective import Objective

        pipelines.check_index(source)
        preflight.check(source, self.config, training=data is not None and self._trains(source))
        self.pipeline, self._hash = pipelines.load_pipeline(source), ""
        self.objective = Objective.of(self.pipeline.scheduler, self.config.min_snr)
        kept = source / KEPT
        self.kept = json.loads(kept.read_text()) if kept.is_file() and data is None else {}
        model: Any = pipelines.denoiser(self.pipeline)
        # transformers' name for what diffusers calls otherwise, which is the one that is called.
        model.gradient_checkpointing_enable = lambda **_: model.enable_gradient_checkpointing()
        return model

    objective: Objective

    def loss(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """Mean over pictures of the objective's loss."""
        total: Any = sum(self.objective.losses(model, group).sum() for group in batch["groups"])
        return total / max(self.count(batch), 1)

    def count(self, batch: Batch) -> int:
        """Pictures."""
        return sum(len(group["places"]) for group in batch["groups"])

    def preview(self, model: torch.nn.Module, step: int, folder: Path) -> None:
        """A row of pictures for this step, the sheet of all steps, and before the first step every crop."""
        from suite_image_generation.generation import samples

        prompts, rows = self._preview
        if step == 0 and rows is not None:
            samples.show_crops(rows, self.crops, folder)
        if prompts:
            samples.show_previews(self.pipeline, prompts, self.config, step, folder)

    def save_model(self, model: torch.nn.Module, path: Path) -> None:
        """A whole pipeline: `DiffusionPipeline.from_pretrained` loads it. Beside it, what looks back on the run.

        That is since when it learnt by heart, if it did, and the training pictures that samples are compared with.
        """
        from suite_image_generation.evaluation import report
        from suite_image_generation.generation import previews
        from suite_image_generation.model import pipelines

        setattr(self.pipeline, pipelines.name_of_denoiser(self.pipeline), model)
        self._hash = ""
        self.pipeline.save_pretrained(path, safe_serialization=True)
        since = previews.overfit_since(previews.read_history(path.parent))
        self.kept = {"overfit_since": since}
        (path / KEPT).write_text(json.dumps(self.kept) + "\n")
        if since is not None:
            previews.note(path.parent, _overfit(since))
        if self.config.samples and self.training_rows is not None:
            report.keep_neighbours(self.training_rows, self.config.encoder, path.parent)

    def save_adapter(self, model: torch.nn.Module, path: Path) -> None:
        """For `pipe.load_lora_weights` of diffusers; of Stable Diffusion 1 and 2 in kohya's layout too."""
        from suite_image_generation.model import adapters

        adapters.save(self.pipeline, model, path)

    # ---- answers -----------------------------------------------------------------------------------------------------

    def infer(self, model: torch.nn.Module, batch: Batch) -> list[Prediction]:
        """Prompt, seed, the PNG in base64 where one is asked for, and the loss where there is a picture to predict."""
        from suite_image_generation.generation import samples

        losses: dict[int, float] = {}
        for group in batch["groups"]:
            losses |= dict(zip(group["places"], self.objective.measured(model, group).tolist(), strict=True))
        made = iter(samples.made(self.pipeline, batch["examples"], self.config, self.model_hash))
        return [
            {"loss": losses.get(place)} | (next(made) if example.request else {"prompt": example.prompt, "png": None})
            for place, example in enumerate(batch["examples"])
        ]

    def reference(self, example: Captioned) -> dict[str, Any]:
        """The caption, and the cropped picture as PNG in base64 where one is made beside it."""
        from suite_image_generation.generation import samples

        size = example.crop.size if example.crop else None
        png = samples.original(example.value, size) if example.request and example.value is not None else None
        return {"prompt": example.prompt, "png": png}

    def score(self, prediction: Prediction, reference: dict[str, Any]) -> dict[str, float | Sequence[float]]:
        """The loss; NaN where nothing was predicted. Pictures are measured together, by `analyse`."""
        return {"loss": np.nan if prediction["loss"] is None else prediction["loss"]}

    def metrics(self, scores: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Mean loss, NaN without any.

        What compares all pairs of pictures is not here: in a resample some come twice, as if there were less variety.
        """
        known = scores["loss"][np.isfinite(scores["loss"])]
        return {"loss": float(known.mean()) if len(known) else np.nan}

    def baselines(self, splits: Splits, examples: Sequence[Captioned]) -> dict[str, list[Prediction]]:
        """Copying: the training picture whose caption is nearest."""
        from suite_image_generation.evaluation import report
        from suite_image_generation.model.encoder import Encoder

        if not self.config.samples:
            return {}
        return {report.COPIES: report.copies(splits, examples, Encoder.load(self.config.encoder))}

    def analyse(self, systems: Mapping[str, Any], rows: Dataset) -> Iterable[Section]:
        """What was learnt by heart: the sign in the losses, and pictures that should come back."""
        from suite_image_generation.evaluation import report

        since = self.kept.get("overfit_since")
        if since is not None:
            yield Section("Overfitting", _overfit(since), {"since": since})
        yield from report.sections(self, systems, rows)

    def portable(self, row: dict[str, Any]) -> dict[str, Any]:
        """The row, marked."""
        return {name: row[name] for name in ("image", "caption")} | {GOLDEN: True}

    def same(self, expected: Prediction, found: Prediction) -> bool:
        """Equal words, nearly the loss, and nearly the pixels."""
        from suite_image_generation.generation import samples

        if any(expected.get(name) != found.get(name) for name in ("prompt", "seed")):
            return False
        losses = [one["loss"] or 0.0 for one in (expected, found)]
        return abs(losses[0] - losses[1]) <= 0.02 * max(losses) and samples.distance(expected, found) <= TOLERANCE

    # ---- predictions and demo ----------------------------------------------------------------------------------------

    def inputs(self, argument: str) -> list[Captioned]:
        """A prompt, a text file with one a line, or a PNG made here, which is made again; all from `image`, if set."""
        from suite_image_generation.generation import writing
        from suite_image_generation.model.latents import Captioned

        if not argument.lower().endswith((".txt", ".png")) and _is_file_name(argument):
            raise SuiteError(f"{argument!r} looks like a file; give a prompt in words, or a .txt with one a line.")
        config = self.config
        given = {name: getattr(config, name) for name in ASKED}
        requests = writing.inputs(argument, steps=config.sample_steps, **given)
        return [Captioned(request.prompt, request=request) for request in requests]

    def render(self, prediction: Prediction) -> str:
        """A line; the terminal shows no picture."""
        from suite_image_generation.generation import writing

        return writing.render(prediction)

    def check_output(self, path: Path) -> None:
        """A folder, one PNG or a table."""
        from suite_image_generation.generation import writing

        writing.check_output(path)

    def write(self, predictions: Sequence[tuple[str, Prediction]], path: Path) -> None:
        """PNGs with their settings inside, and an index."""
        from suite_image_generation.generation import writing

        writing.write(predictions, path)

    def appends(self, path: Path) -> bool:
        """A folder takes pictures as they are made."""
        from suite_image_generation.generation import writing

        return writing.appends(path)

    def demo(self, predictor: Predictor) -> None:
        """Prompt to pictures, how they came about, and the training pictures nearest to them."""
        from suite_image_generation.demo.page import build

        build(self, predictor)

    def demo_call(self, predictor: Predictor) -> tuple[str, Sequence[Any]]:
        """One picture in a few steps: it shows that the pipeline draws, not how well."""
        from suite_image_generation.demo.desk import OWN

        return "images_generate", ["red heart", 42, 1, 4, 5.0, OWN, "", None, 0.6]

    def _trains(self, source: Path) -> bool:
        """Whether this instance parted the data and `source` is the model its config starts from.

        `predict` and the evaluation of the model before training load with rows too, and need less memory.
        """
        own = self.config.model or self.starter.model
        return self.training_rows is not None and resolve_model(own, self.starter.assets) == source

    def model_hash(self) -> str:
        """What the PNGs call this model; counted once, at the first picture after loading or saving."""
        from suite_image_generation.model import pipelines

        self._hash = self._hash or pipelines.model_hash(self.pipeline)
        return self._hash

    @property
    def cache(self) -> Path:
        """Where encoded pictures and captions are kept."""
        return cache_dir() / "image-generation"


def _overfit(step: int) -> str:
    return (
        f"Since step {step} the validation loss rises while the training loss falls: what is learnt after it is learnt "
        f"by heart. The weights of the step with the least validation loss are kept; take fewer steps or more pictures."
    )


def _is_file_name(text: str) -> bool:
    """One word with an ending, such as picture.jpg; or something that is there."""
    from suite_image_generation.generation.writing import is_file

    path = Path(text)
    return is_file(text) or (1 < len(path.suffix) <= 5 and not any(c.isspace() for c in text))
