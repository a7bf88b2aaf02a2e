"""What an image generation run can be told, beyond what every run can."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from suite import TrainConfig, only_with
from suite_image_generation.starter.assets import MODEL

LORA_TARGETS = ("to_k", "to_q", "to_v", "to_out.0")
"""Projections of attention, under the names that all denoisers of diffusers give them."""
CONVOLUTIONS = ("conv1", "conv2")
"""Of the starter these too: it attends at 4 x 4 latents only, where no outline and no shading can be changed."""


class ImageConfig(TrainConfig):
    """Knobs of fine-tuning a text-to-image pipeline; the defaults teach the starter a style in minutes."""

    changeable = TrainConfig.changeable | {
        *("samples", "sample_steps", "guidance", "images", "negative", "image", "strength", "scheduler", "encoder"),
        *("guard", "preview_prompts", "previews"),
    }

    max_steps: int | None = Field(200, ge=1, description="Stop after so many optimizer steps; unset where epochs are.")
    evaluate_every: int = Field(50, ge=0, description="Steps between evaluations; 0 evaluates after each epoch.")
    learning_rate: float = Field(
        3e-4,
        gt=0,
        description="Peak of AdamW; unless given 1e-4 for other models than the starter, 1e-5 for all their weights.",
    )
    lora: bool = Field(True, description="Train low-rank adapters; false trains the whole denoiser.")
    lora_rank: int = Field(16, ge=1, description="Rank of the adapters.")
    # alpha = rank leaves the update as it is learnt. Tools that forget alpha assume that they are equal.
    lora_alpha: float = Field(16.0, gt=0, description="Scale of the adapters; the update is alpha / rank.")
    lora_dropout: float = Field(0.0, ge=0, lt=1, description="Dropout before the adapters.")
    batch_size: int = Field(8, ge=1, description="Examples per optimizer step, over all processes.")
    resolution: int = Field(
        0, ge=0, le=2048, description="Side in pixels of a square picture of the area trained on; 0 is the model's own."
    )
    max_ratio: float = Field(
        2.0, ge=1, le=4, description="Longest side of a crop over its shortest; 1 crops all to squares."
    )
    caption_dropout: float = Field(
        0.1, ge=0, lt=1, description="Share of captions left out in training, which guidance needs."
    )
    min_snr: float = Field(
        5.0, ge=0, description="Gamma of min-SNR weighting for models that predict noise or v; 0 weighs all alike."
    )
    draws: int = Field(8, ge=1, description="Noise levels at which each picture's validation loss is taken.")
    samples: int = Field(8, ge=0, description="Pictures generated of each evaluated data set, from its first captions.")
    sample_steps: int = Field(25, ge=1, le=1000, description="Denoising steps of samples and previews.")
    guidance: float = Field(5.0, ge=0, le=30, description="Guidance scale of samples and previews.")
    images: int = Field(1, ge=1, le=1000, description="Pictures of each prompt given to predict.")
    negative: str = Field("", description="What pictures made by predict should not show.")
    image: str = Field("", description="Picture that predict starts from; several images of it are its variations.")
    strength: float = Field(
        0.6,
        gt=0,
        le=1,
        json_schema_extra=only_with("image"),
        description="How much of that picture changes: near 0 hardly anything, at 1 nothing is kept.",
    )
    scheduler: str = Field("", description="Sampler of predict, such as ddim or euler; empty is the model's own.")
    encoder: str = Field("", description="CLIP model that measures samples; empty is the small one of emoji.")
    guard: str = Field("", description="CLIP model that withholds nudity and gore; empty checks for neither.")
    preview_prompts: list[str] = Field(
        [], description="What is drawn at each evaluation; empty takes some captions of the data."
    )
    previews: int = Field(4, ge=0, le=64, description="Captions of the data that are drawn at each evaluation.")
    overfit: int = Field(
        0, ge=0, description="Learn this many pictures by heart and say whether they come back: a check of the setup."
    )

    @model_validator(mode="before")
    @classmethod
    def _fitting(cls, values: Any) -> Any:
        """What is not given follows from what is: large models burn at the starter's rate, and epochs are meant."""
        if not isinstance(values, dict):
            return values
        options = dict(values)
        lora, ours = options.get("lora", True), options.get("model", "") in ("", MODEL.name)
        if "learning_rate" not in options and not (lora and ours):
            options["learning_rate"] = 1e-4 if lora or ours else 1e-5
        if lora and ours and not options.get("lora_targets"):
            options["lora_targets"] = [*LORA_TARGETS, *CONVOLUTIONS]
        if "epochs" in options and "max_steps" not in options:
            options["max_steps"] = None
        return options
