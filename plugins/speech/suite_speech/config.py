"""The options of a speech run beyond those of every run."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from suite import TrainConfig

Preset = Literal["half-encoder", "frozen-encoder", "full", "lora"]


class SpeechConfig(TrainConfig):
    """Knobs of speech recognition; the defaults are the recipe measured in the plugin's README."""

    epochs: float = Field(3.0, gt=0, description="Passes over the training examples.")
    batch_size: int = Field(8, ge=1, description="Examples per optimizer step, over all processes.")
    learning_rate: float = Field(5e-5, gt=0, description="Peak learning rate of AdamW.")
    evaluate_every: int = Field(33, ge=0, description="Steps between evaluations; 0 evaluates after each epoch.")
    language: str = Field(
        "auto", description="Language spoken, as a code such as fr; auto takes the rows' or lets Whisper decide."
    )
    task: Literal["transcribe", "translate"] = Field(
        "transcribe", description="Write what is said, or its English translation (Whisper only)."
    )
    preset: Preset = Field(
        "half-encoder",
        description="Train decoder and upper half of the encoder, the decoder alone, all weights, or LoRA adapters.",
    )
    longest: float = Field(30.0, gt=0, le=30, description="Seconds a training clip may last; longer ones are left out.")
    # Whisper was trained without either: on four clips dropout of .1 raises its loss from .8 to 8.5, smoothing by 1.5.
    label_smoothing: float = Field(0.0, ge=0, lt=1, description="Probability spread over all tokens in the loss.")
    dropout: float = Field(0.0, ge=0, lt=1, description="Dropout inside the trained layers.")
    masking: float = Field(0.05, ge=0, lt=1, description="Share of time steps hidden from the model while training.")
    word_times: bool = Field(True, description="Give each word its start, end and confidence.")
    also_evaluate: list[str] = Field(
        ["prompts-en"], description="Other data scored before and after, to see what was forgotten or carries over."
    )

    @model_validator(mode="before")
    @classmethod
    def _preset_lora(cls, values: Any) -> Any:
        """The preset named lora and the switch `lora` mean the same."""
        if isinstance(values, dict) and values.get("preset") == "lora":
            return {**values, "lora": True}
        if isinstance(values, dict) and values.get("lora"):
            return {**values, "preset": "lora"}
        return values
