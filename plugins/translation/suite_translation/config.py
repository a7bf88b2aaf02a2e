"""What a translation run can be told, beyond what every run can."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import Field, field_validator

from suite import TrainConfig

_CODE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")


class TranslationConfig(TrainConfig):
    """Knobs of translation; the defaults are the recipe measured in the plugin's README."""

    epochs: float = Field(2.0, gt=0, description="Passes over the training examples.")
    batch_size: int = Field(32, ge=1, description="Examples per optimizer step, over all processes.")
    learning_rate: float = Field(1e-3, gt=0, description="Peak learning rate of AdamW.")
    # Each evaluation translates them: 560 strings of the starter tell checkpoints apart at half the price of a tenth.
    validation_share: float = Field(0.05, gt=0, lt=0.5, description="Share of the data that picks the checkpoint.")
    source_language: str = Field("en", description="Language translated from, as a code such as en.")
    target_language: str = Field(
        "de", description="Language translated into where rows do not say, and of predict and demo."
    )
    cleaning: Literal["ui", "prose", "none"] = Field(
        "ui",
        description="Which rows are left out: ui keeps short and equal strings, prose does not, none checks nothing.",
    )
    split_by: Literal["source", "file"] = Field(
        "source", description="What is in one split only: a source text with all its translations, or a file."
    )
    beams: int = Field(4, ge=1, description="Candidates kept while a translation is written; 1 is quickest.")
    longest: int = Field(128, ge=8, description="Tokens a training text may have, and a piece translated at once.")
    label_smoothing: float = Field(0.1, ge=0, lt=1, description="Probability spread over all tokens in the loss.")
    dropout: float = Field(0.1, ge=0, lt=1, description="Dropout inside the model while it is trained.")
    vary_case: float = Field(0.05, ge=0, le=1, description="Share of training sources shown in another case.")
    low_confidence: float = Field(
        0.3, ge=0, le=1, description="Confidence below which a translation is marked fuzzy, for a person to look at."
    )
    glossary: str = Field("", description="Table of terms (source, target, language) that translations must use.")
    allow_noncommercial: bool = Field(
        False, description="Load a model whose licence forbids commercial use, such as NLLB."
    )

    @field_validator("source_language", "target_language", mode="before")
    @classmethod
    def _is_code(cls, value: Any) -> str:
        """YAML reads `no`, the code of Norwegian, as False."""
        value = "no" if value is False else value
        if not isinstance(value, str) or not _CODE.fullmatch(value.strip()):
            raise ValueError("give a language code such as de, fr or pt_BR")
        return value.strip()
