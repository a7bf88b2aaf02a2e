"""An encoder of pictures and texts into one space, with which an evaluation judges."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoTokenizer, CLIPModel

from suite import decoding, resolve_model
from suite_image_generation.pictures.files import on_white
from suite_image_generation.starter.assets import EVALUATOR

SHIPPED = EVALUATOR.name
"""Name of the CLIP model that comes with the plugin: small, of emoji; for photographs give a larger one."""


AT_ONCE = 64
"""Pictures encoded at once: activations of a ViT-B/32 then stay below 1 GB."""


class Encoder:
    """A CLIP model of transformers as a measure. `name` stands in every table; features are unit vectors."""

    def __init__(self, name: str, model: Any, tokenizer: Any, processor: Any) -> None:
        self.name, self.model, self._tokenizer, self._processor = name, model.eval(), tokenizer, processor

    @classmethod
    def load(cls, reference: str = "") -> Encoder:
        """The shipped evaluator, or a CLIP model by hub id or folder. Raises `SuiteError` for any other model."""
        return _load(reference)

    def features(self, pictures: Sequence[Image.Image]) -> np.ndarray:
        """Unit vectors (n, d), fp32, of pictures on white."""
        return self._encoded(pictures, self._images)

    def text_features(self, captions: Sequence[str]) -> np.ndarray:
        """Unit vectors (n, d), fp32, of captions; what is longer than the encoder reads is cut."""
        return self._encoded(captions, self._texts)

    def _encoded(self, items: Sequence[Any], encode: Any) -> np.ndarray:
        parts = [encode(items[i : i + AT_ONCE]) for i in range(0, len(items), AT_ONCE)]
        if not parts:
            return np.zeros((0, self.model.config.projection_dim), np.float32)
        return torch.nn.functional.normalize(torch.cat(parts), dim=-1).cpu().numpy()

    @torch.no_grad()
    def _images(self, pictures: Sequence[Image.Image]) -> torch.Tensor:
        pixels = self._processor([on_white(picture) for picture in pictures], return_tensors="pt").pixel_values
        features: torch.Tensor = self.model.get_image_features(pixels.to(self.model.device)).pooler_output.float()
        return features

    @torch.no_grad()
    def _texts(self, captions: Sequence[str]) -> torch.Tensor:
        longest = self.model.config.text_config.max_position_embeddings
        batch = self._tokenizer(list(captions), padding=True, truncation=True, max_length=longest, return_tensors="pt")
        batch = {name: values.to(self.model.device) for name, values in batch.items() if name != "token_type_ids"}
        features: torch.Tensor = self.model.get_text_features(**batch).pooler_output.float()
        return features


@cache
def _load(reference: str) -> Encoder:
    folder = resolve_model(reference or SHIPPED, (EVALUATOR,))
    mend = "give the id or folder of one, such as openai/clip-vit-base-patch32."
    with decoding(f"As a CLIP model, {reference or SHIPPED}", mend):
        model = CLIPModel.from_pretrained(folder, dtype=torch.float32, use_safetensors=True)
        return Encoder(
            reference or SHIPPED,
            model,
            AutoTokenizer.from_pretrained(folder),
            AutoImageProcessor.from_pretrained(folder, backend="pil"),
        )
