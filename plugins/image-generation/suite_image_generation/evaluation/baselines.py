"""What a fine-tuned model must beat: copying."""

from __future__ import annotations

from collections.abc import Sequence

from datasets import Dataset

from suite import Baselines, Prediction, Splits
from suite_image_generation.generation.model import ImageModel
from suite_image_generation.generation.samples import original
from suite_image_generation.model.encoder import Encoder
from suite_image_generation.model.latents import Captioned

COPIES = "copying the nearest caption's picture"


def baselines(model: ImageModel, splits: Splits, examples: Sequence[Captioned]) -> Baselines:
    """Copying: the training picture whose caption is nearest. The report is told the training rows."""
    rows, config = splits["train"], model.config
    predictions = {COPIES: copies(rows, examples, Encoder.load(config.encoder))} if config.samples else {}
    return Baselines(predictions, context=rows, elsewhere=rows, settings=dict.fromkeys(predictions, "nothing to tune"))


def copies(rows: Dataset, examples: Sequence[Captioned], encoder: Encoder) -> list[Prediction]:
    """What a copier would answer: for each caption the training picture whose caption is nearest, cut to the shape.

    KID and retrieval reward it, the memorised share tells it: read the three together.
    """
    known = encoder.text_features([caption.strip() for caption in rows["caption"]])
    nearest = (encoder.text_features([example.prompt for example in examples]) @ known.T).argmax(1)
    return [
        {"loss": None, "prompt": example.prompt, "png": _copy(rows, place, example) if example.request else None}
        for example, place in zip(examples, nearest, strict=True)
    ]


def _copy(rows: Dataset, place: int, example: Captioned) -> str:
    return original(rows[int(place)]["image"], example.crop.size if example.crop else None)
