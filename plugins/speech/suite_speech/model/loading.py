"""Which kind of model a folder holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from suite import SuiteError
from suite_speech.model.listener import Listener

if TYPE_CHECKING:
    from suite_speech.config import SpeechConfig


def listener_for(source: Path, config: SpeechConfig) -> Listener:
    """The listener for a model folder. Raises `SuiteError` if it holds no speech recogniser."""
    from transformers import AutoConfig
    from transformers.models.auto.modeling_auto import MODEL_FOR_CTC_MAPPING_NAMES

    from suite_speech.model.ctc import CTCListener
    from suite_speech.model.whisper import WhisperListener

    try:
        kind = AutoConfig.from_pretrained(source, trust_remote_code=False).model_type
    except (OSError, ValueError, KeyError) as error:
        raise SuiteError(f"{source} is no model folder: {str(error).splitlines()[0]}") from None
    if kind == "whisper":
        return WhisperListener(config)
    if kind in MODEL_FOR_CTC_MAPPING_NAMES:
        return CTCListener(config)
    raise SuiteError(f"{source} is a {kind} model; speech takes whisper, wav2vec2, hubert and their CTC kin.")
