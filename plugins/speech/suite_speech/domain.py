"""Speech recognition as an application: what it is called, what a row holds, and where its parts are."""

from __future__ import annotations

from suite import Column, Columns, Domain, Space
from suite_speech.config import SpeechConfig
from suite_speech.starter.assets import STARTER

LIMITS = """
- The starter learns from one voice, read clearly, over a telephone. Other voices, accents, noise and several people at
  once are not in it; score your own recordings before you rely on it.
- Whisper may write what nobody said, above all in silence and music. Silence is left out and doubtful text is tried
  again, but no transcript is proof of what was said. Look at the confidence, and listen.
- Not for decisions about people (hiring, policing, health) without a person who has listened.
- Who is speaking is not told apart.
"""

SPEECH = Domain(
    name="speech",
    title="Speech recognition",
    Config=SpeechConfig,
    columns=Columns(
        (
            Column(
                "audio", "audio", "Recording: wav, flac, mp3 or ogg.", aliases=("path", "file", "file_name", "clip")
            ),
            Column(
                "text", "text", "What is said.", aliases=("sentence", "transcript", "transcription", "normalized_text")
            ),
            Column("speaker", "id", "Who speaks.", required=False, aliases=("client_id", "speaker_id")),
            Column("language", "category", "Language code of the clip.", required=False, aliases=("locale", "lang")),
            Column("start", "number", "Second at which the clip begins in the recording.", required=False),
            Column("end", "number", "Second at which it ends.", required=False),
        ),
        group="speaker",
    ),
    metric="wer",
    greater_is_better=False,
    starter=STARTER,
    limits=LIMITS,
    pipeline_tag="automatic-speech-recognition",
    space=Space("Transcribe speech, with times, confidence, subtitles", "🎙️", ("green", "blue"), zero_gpu=True),
    lora_targets=("q_proj", "v_proj"),
    data="suite_speech.data.rows:SpeechData",
    model="suite_speech.model.loading:load",
    scores="suite_speech.evaluation.scores:SpeechScores",
    answers="suite_speech.serving.answers:SpeechAnswers",
    demo="suite_speech.demo.page:build",
    demo_call="suite_speech.demo.clips:demo_call",
)
"""Whisper and CTC models; rows are clips with what is said in them."""
