"""Speech recognition as an application: what the core cannot know about turning sound into text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from suite import Batch, Column, Columns, Domain, Example, Finding, Prediction, Space, Starter, cache_dir
from suite_speech.config import SpeechConfig
from suite_speech.starter.assets import STARTER

if TYPE_CHECKING:
    import numpy as np
    import torch
    from datasets import Dataset

    from suite import Predictor
    from suite_speech.model.listener import Listener

EXAMPLES = 3  # clips a demo offers of each language
LONGEST_PREDICTED = 12 * 3600.0


class SpeechDomain(Domain):
    """Whisper and CTC models; rows are clips with what is said in them."""

    name: ClassVar[str] = "speech"
    title: ClassVar[str] = "Speech recognition"
    pipeline_tag = "automatic-speech-recognition"
    Config = SpeechConfig
    columns = Columns(
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
    )
    metric: ClassVar[str] = "wer"
    greater_is_better: ClassVar[bool] = False
    starter: ClassVar[Starter] = STARTER
    space = Space("Transcribe speech, with times, confidence, subtitles", "🎙️", ("green", "blue"), zero_gpu=True)
    lora_targets: ClassVar[tuple[str, ...]] = ("q_proj", "v_proj")
    limits: ClassVar[str] = """
- The starter learns from one voice, read clearly, over a telephone. Other voices, accents, noise and several people at
  once are not in it; score your own recordings before you rely on it.
- Whisper may write what nobody said, above all in silence and music. Silence is left out and doubtful text is tried
  again, but no transcript is proof of what was said. Look at the confidence, and listen.
- Not for decisions about people (hiring, policing, health) without a person who has listened.
- Who is speaking is not told apart.
"""

    def __init__(self, config: SpeechConfig | None = None) -> None:
        super().__init__(config)
        self.listener: Listener | None = None

    @property
    def processor(self) -> Any:
        """Feature extractor and tokenizer of the loaded model; `save_model` writes them beside it."""
        return self.listener.processor if self.listener else None

    # ---- data ----------------------------------------------------------------------------------------------------

    def read(self, path: Path) -> Dataset | None:
        """Common Voice folders, and recordings with subtitles beside them."""
        from suite_speech.data import sources

        return sources.read(path)

    def check(self, rows: Dataset) -> Iterable[Finding]:
        """Clips that cannot be learnt from: unreadable, silent, too long, or with a transcript that can't be theirs."""
        from suite_speech.data.checks import findings

        return findings(rows, self.config.longest)

    def prepare(self, rows: Dataset, model: torch.nn.Module, *, training: bool) -> Sequence[Example]:
        """An utterance per row; the output of frozen Whisper layers is computed once and cached by content."""
        from suite_speech.model.batches import utterances
        from suite_speech.model.listener import FROZEN

        cached = FROZEN[self.config.preset] > 0 and self._listener.caches
        return utterances(rows, self._listener, model, self._language, cache_dir() / "speech" if cached else None)

    def augment(self, example: Example, generator: np.random.Generator) -> Example:
        """Hides stretches of the sound, as SpecAugment does (https://arxiv.org/abs/1904.08779)."""
        from suite_speech.model.batches import seeded

        return seeded(example, generator)

    def lengths(self, examples: Sequence[Example]) -> Sequence[int] | None:
        """Tenths of seconds of each utterance."""
        from suite_speech.model.batches import Utterances

        return [round(10 * seconds) for seconds in examples.seconds] if isinstance(examples, Utterances) else None

    # ---- model ---------------------------------------------------------------------------------------------------

    def load_model(self, source: Path, data: Dataset | None) -> torch.nn.Module:
        """Whisper or a CTC model, told apart by the folder's config. Raises `SuiteError` for anything else."""
        from suite_speech.model.listener import texts_of
        from suite_speech.model.loading import listener_for

        self.listener = listener_for(source, self.config)
        return self.listener.load(source, texts_of(data), _spoken(data))

    def collate(self, examples: Sequence[Example]) -> Batch:
        """The utterances for `infer`; where there are texts, inputs grouped by length, and labels."""
        from suite_speech.model.batches import batch_of

        return batch_of(examples, self._listener, self.config.masking)

    def loss(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """Mean over text tokens (Whisper) or letters (CTC)."""
        total: Any = sum(self._listener.loss(model, group) for group in batch["groups"])
        return total / max(self.count(batch), 1)

    def infer(self, model: torch.nn.Module, batch: Batch) -> list[Prediction]:
        """Text, language, duration and segments of each utterance, of any length."""
        from suite_speech.model.transcribe import transcribe

        return transcribe(self._listener, model, batch["examples"])

    # ---- scores --------------------------------------------------------------------------------------------------

    def reference(self, example: Example) -> str:
        """What was said."""
        return example.text

    def score(self, prediction: Prediction, reference: Any) -> dict[str, float | Sequence[float]]:
        """Edit counts of words and characters, normalised and as written."""
        from suite_speech.evaluation import errors

        words = errors.words(reference, prediction["text"], normalised=True)
        written = errors.words(reference, prediction["text"], normalised=False)
        letters = errors.characters(reference, prediction["text"], normalised=True)
        return {
            "substitutions": words.substitutions,
            "deletions": words.deletions,
            "insertions": words.insertions,
            "words": words.length,
            "written_errors": written.total,
            "written_words": written.length,
            "letter_errors": letters.total,
            "letters": letters.length,
        }

    def metrics(self, scores: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Word error rate (normalised) and its three parts, as written, and of characters; all of them sum / sum."""
        sums = {name: float(values.sum()) for name, values in scores.items()}
        words = max(sums["words"], 1.0)
        parts = {name: sums[name] / words for name in ("substitutions", "deletions", "insertions")}
        return {
            "wer": sum(parts.values()),
            **parts,
            "wer_as_written": sums["written_errors"] / max(sums["written_words"], 1.0),
            "cer": sums["letter_errors"] / max(sums["letters"], 1.0),
        }

    # ---- predictions ---------------------------------------------------------------------------------------------

    def inputs(self, argument: str) -> list[Example]:
        """One example per file. Raises `SuiteError` for what is no audio."""
        from suite_speech.data import audio
        from suite_speech.model.listener import Utterance

        clip = audio.clip_of(argument)
        return [Utterance(clip, audio.facts(clip).seconds, self._language)]

    def same(self, expected: Prediction, found: Prediction) -> bool:
        """The same words; times and confidence may round otherwise."""
        return (expected["text"], expected["language"]) == (found["text"], found["language"])

    def render(self, prediction: Prediction) -> str:
        """The text alone."""
        return prediction["text"]

    def speed(self, predictions: Sequence[Prediction], seconds: float) -> str:
        """Real-time factor: seconds of work per second of sound; or that nobody speaks."""
        duration = sum(prediction["duration"] for prediction in predictions)
        if not any(prediction["text"] for prediction in predictions):
            return f", {duration:.1f} s of sound, no speech found"
        return f", {duration:.1f} s of sound, real-time factor {seconds / max(duration, 0.01):.2f}"

    def check_output(self, path: Path) -> None:
        """Subtitles and text too."""
        from suite_speech.data.writing import check

        check(path)

    def write(self, predictions: Sequence[tuple[str, Prediction]], path: Path) -> None:
        """txt, srt, vtt, json, jsonl or csv; several files' subtitles go into a folder, one each."""
        from suite_speech.data.writing import write

        write(predictions, path)

    # ---- demo ----------------------------------------------------------------------------------------------------

    def demo(self, predictor: Predictor) -> None:
        """Microphone, upload, examples; text with times and confidence; subtitles to take away."""
        from suite_speech.demo.page import build

        build(self, predictor)

    def demo_call(self, predictor: Predictor) -> tuple[str, Sequence[Any]]:
        """The first of the clips on offer, its language to be found out."""
        return "speech_transcribe", [self.example_clips()[0][0], "auto"]

    def example_clips(self) -> list[tuple[Path, str]]:
        """Clips of the starter's test split as files in the cache, each with its language."""
        from suite_speech.model.batches import starter_clips

        return starter_clips(cache_dir() / "speech" / "examples", EXAMPLES)

    @property
    def _listener(self) -> Listener:
        assert self.listener, "load_model comes first"
        return self.listener

    @property
    def _language(self) -> str:
        """What is spoken where an example does not say: the config's, else the loaded model's, else to be found out."""
        if self.config.language != "auto":
            return self.config.language
        return self.listener.language if self.listener else "auto"


def _spoken(data: Dataset | None) -> str:
    """The language of all training rows, if it is one."""
    found = set(data["language"]) if data is not None and "language" in data.column_names else set()
    return str(found.pop()) if len(found) == 1 and None not in found else "auto"
