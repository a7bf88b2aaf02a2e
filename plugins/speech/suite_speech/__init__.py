"""Speech recognition: Whisper and CTC models, fine-tuned, measured, and put to work on files of any length."""

from __future__ import annotations

from collections.abc import Iterable

from suite import Entry, hookimpl


@hookimpl
def suite_domains() -> Iterable[Entry]:
    """The one domain of this plugin."""
    return [Entry("speech", "Transcribe speech; fine-tune Whisper, wav2vec2, HuBERT.", "suite_speech.domain:SPEECH")]
