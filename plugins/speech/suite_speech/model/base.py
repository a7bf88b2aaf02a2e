"""What Whisper and CTC models have in common: from examples to batches, to a loss, to predictions."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch
from datasets import Dataset

from suite import Batch, Example, Model, Prediction, Stage
from suite_speech.config import SpeechConfig
from suite_speech.data import audio
from suite_speech.model.batches import Utterances, by_shape, hide
from suite_speech.model.transcribe import transcribe
from suite_speech.model.values import WINDOW, Transcript, Utterance


@dataclass(eq=False, kw_only=True)
class SpeechModel(Model):
    """A loaded speech recogniser; what is below "to write" is what Whisper and CTC models do each in their way.

    Sounds whose model input has one shape form a group, a dict of stacked tensors: `features` float32 or, where the
    output of the frozen layers was kept, `encoded` float16 (batch, positions, width), with what `labels` gives.
    """

    network: Any
    """The model of transformers, float32."""
    config: SpeechConfig
    processor: Any
    """Feature extractor and tokenizer."""
    language: str
    """What is spoken unless the config or an example says otherwise; "auto" where it is not known."""

    stretch: ClassVar[int] = 10
    """Time steps of the features that training hides together: a tenth of a second."""

    # ---- to write ------------------------------------------------------------------------------------------------

    @abstractmethod
    def features(self, samples: np.ndarray) -> np.ndarray:
        """Model input, float32, for up to 30 s of sound, samples float32 (n,) at 16 kHz.

        Its length depends on the sound's alone, never on its neighbours.
        """

    @abstractmethod
    def labels(self, texts: Sequence[str], languages: Sequence[str]) -> dict[str, torch.Tensor]:
        """Targets, -100 where there is none, under "labels", with what else the loss needs."""

    @abstractmethod
    def group_loss(self, network: Any, group: dict[str, Any]) -> torch.Tensor:
        """Summed loss over the labels of a group."""

    @abstractmethod
    def recognise(self, group: dict[str, Any], seconds: Sequence[float]) -> list[Transcript]:
        """What is said in each window of a group with its `languages`, whose sounds last `seconds`."""

    # ---- examples and batches ------------------------------------------------------------------------------------

    @property
    def spoken(self) -> str:
        """The language where an example names none: the config's, else the model's own, else "auto"."""
        return self.config.language if self.config.language != "auto" else self.language

    def prepare(self, rows: Dataset, stage: Stage) -> Sequence[Utterance]:
        """An utterance per row."""
        return Utterances.of(rows, self.spoken)

    def inputs(self, argument: str) -> list[Example]:
        """One example per file. Raises `SuiteError` for what is no audio."""
        clip = audio.clip_of(argument)
        return [Utterance(clip, audio.facts(clip).seconds, self.spoken)]

    def lengths(self, examples: Sequence[Example]) -> Sequence[int] | None:
        """Tenths of seconds of each utterance."""
        return [round(10 * seconds) for seconds in examples.seconds] if isinstance(examples, Utterances) else None

    def pieces(self, example: Utterance) -> int:
        """Windows it is heard in, at most."""
        return math.ceil(example.seconds / WINDOW)

    def augment(self, example: Utterance, generator: np.random.Generator) -> Utterance:
        """The example with the seed of what training hides of it, as SpecAugment does
        (https://arxiv.org/abs/1904.08779).
        """
        return replace(example, seed=int(generator.integers(2**31)))

    def collate(self, examples: Sequence[Utterance]) -> Batch:
        """The utterances for `infer`; with texts also groups of one input shape each, and all labels as one row."""
        batch: Batch = {"examples": list(examples)}
        if not all(example.text for example in examples):
            return batch
        inputs = [self._input(example) for example in examples]
        batch["groups"] = []
        for (kind, _), members in by_shape(inputs).items():
            stacked = torch.from_numpy(np.stack([inputs[i][1] for i in members]))
            labels = self.labels([examples[i].text or "" for i in members], [examples[i].language for i in members])
            batch["groups"].append({kind: stacked, **labels})
        batch["labels"] = torch.cat([group["labels"].flatten() for group in batch["groups"]])[None]
        return batch

    def _input(self, example: Utterance) -> tuple[str, np.ndarray]:
        """The network's input and its kind, with stretches hidden while training (those of a seeded example)."""
        if example.encoded is not None:
            kind, array, axis, stretch = "encoded", np.array(example.encoded), 0, 10
        else:
            kind, array = "features", self.features(audio.read(example.clip, limit=WINDOW))
            axis, stretch = array.ndim - 1, self.stretch
        if example.seed is not None and self.config.masking:
            array = hide(array, example.seed, self.config.masking, axis, stretch)
        return kind, array

    # ---- learning and answering ----------------------------------------------------------------------------------

    def loss(self, network: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """Mean over text tokens (Whisper) or letters (CTC)."""
        total: Any = sum(self.group_loss(network, group) for group in batch["groups"])
        return total / max(self.count(batch), 1)

    def infer(self, batch: Batch) -> list[Prediction]:
        """Text, language, duration and segments of each utterance, of any length."""
        return transcribe(self, batch["examples"])
