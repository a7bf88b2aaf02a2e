"""Which kind of model a folder holds, and the model itself."""

from __future__ import annotations

from pathlib import Path

from datasets import Dataset
from transformers import AutoConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_CTC_MAPPING_NAMES

from suite import SuiteError, TrainingData
from suite_speech.config import SpeechConfig
from suite_speech.model import ctc, whisper
from suite_speech.model.base import SpeechModel


def load(source: Path, config: SpeechConfig, data: TrainingData | None) -> SpeechModel:
    """Whisper or a CTC model, told apart by the folder's config.

    The training rows name the language they share, and the letters of a CTC model that was pretrained without any; the
    folder of a finished run says itself what it was trained for. Raises `SuiteError` if it holds no speech recogniser.
    """
    kind = AutoConfig.from_pretrained(source, trust_remote_code=False).model_type
    if kind == "whisper":
        return whisper.load(source, config, language_of(data.rows) if data else None)
    if kind in MODEL_FOR_CTC_MAPPING_NAMES:
        return ctc.load(source, config, [text or "" for text in data.rows["text"]] if data else [])
    raise SuiteError(f"{source} is a {kind} model; speech takes whisper, wav2vec2, hubert and their CTC kin.")


def language_of(rows: Dataset) -> str:
    """The language of all rows, or "auto" if they name several or none."""
    languages = set(rows["language"]) if "language" in rows.column_names else set()
    return str(languages.pop()) if len(languages) == 1 and None not in languages else "auto"
