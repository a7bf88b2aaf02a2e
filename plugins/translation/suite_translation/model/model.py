"""The loaded model: the network with its tokenizer and what it knows, and all that training and answering ask of it."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from datasets import Dataset
from torch.nn.functional import cross_entropy

from suite import Batch, Model, Prediction, Stage, SuiteError
from suite_translation.config import TranslationConfig
from suite_translation.data.glossary import Glossary, configured
from suite_translation.data.inputs import read_argument
from suite_translation.data.source import Source
from suite_translation.model import examples as pairs
from suite_translation.model import generate
from suite_translation.model.codec import Codec
from suite_translation.model.confidence import Confidence, calibrated
from suite_translation.model.translate import translate


@dataclass(eq=False)
class TranslationModel(Model):
    """A seq2seq network with its tokenizer, the curve of its confidence, and the terms it must use."""

    network: Any
    """The model of transformers, float32."""
    config: TranslationConfig
    codec: Codec
    """The tokenizer, and how this network is told which language to write."""
    confidence: Confidence
    glossary: Glossary | None = None

    # ---- examples ----------------------------------------------------------------------------------------------------

    def prepare(self, rows: Dataset, stage: Stage) -> Sequence[Source]:
        """Sources, with targets both texts as tokens; training leaves out what is longer than `longest`.

        Raises `SuiteError` for a language that the model lacks, and for several where it can't be told which.
        """
        default = self.config.target_language
        languages = set(rows["language"]) if "language" in rows.column_names else {None}
        self.codec.refuse_several({language or default for language in languages})
        examples = [
            pairs.encoded(source, self.codec) if "target" in source else source
            for source in pairs.sources(rows, default)
        ]
        if stage != "train":
            return examples
        kept = [example for example in examples if max(map(len, example["ids"])) <= self.config.longest]
        if not kept:
            raise SuiteError(f"No training text has at most longest={self.config.longest} tokens; give a larger one.")
        return kept

    def inputs(self, argument: str) -> list[Source]:
        """A text, or each line of a .txt file, or each string of a PO, XLIFF or other such file."""
        return read_argument(argument, self.config.target_language)

    def lengths(self, examples: Sequence[Source]) -> Sequence[int]:
        """Tokens of each pair, characters of a source alone."""
        return pairs.sizes(examples)

    def augment(self, example: Source, generator: np.random.Generator) -> Source:
        """Now and then the source in another case."""
        return pairs.recased(example, self.config.vary_case, generator)

    def collate(self, examples: Sequence[Source]) -> Batch:
        """The sources for `infer`; where there are targets (N, longest) int64 ids, mask and labels, else -100."""
        return pairs.batch_of(examples, self.codec)

    # ---- training ----------------------------------------------------------------------------------------------------

    def loss(self, network: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """Cross-entropy with label smoothing, a mean over tokens."""
        logits = network(**{name: batch[name] for name in ("input_ids", "attention_mask", "labels")}).logits
        smoothing = self.config.label_smoothing if network.training else 0.0
        return cross_entropy(logits.flatten(0, 1).float(), batch["labels"].flatten(), label_smoothing=smoothing)

    def calibrate(self, predictions: Sequence[Prediction], references: Sequence[Any]) -> Self:
        """The model with a curve of the confidence fitted to which validation texts were translated well."""
        return replace(self, confidence=calibrated(predictions, references))

    def with_config(self, config: TranslationConfig) -> Self:
        """The same model asked with other options; another glossary is read, another source language told."""
        codec, glossary = self.codec, self.glossary
        if config.source_language != self.config.source_language:
            # A tokenizer that is told the language keeps it: this model goes on with its own.
            codec = Codec(copy.deepcopy(codec.tokenizer), self.network.config, config.source_language)
        if config.glossary != self.config.glossary:
            glossary = configured(config)
        return replace(self, config=config, codec=codec, glossary=glossary)

    def save(self, path: Path) -> None:
        """As `save_pretrained` writes it, with beams and greatest length for `generate`, and the confidence's curve."""
        self.network.save_pretrained(path, safe_serialization=True)
        generation = copy.deepcopy(self.network.generation_config)
        generation.update(num_beams=self.config.beams, max_length=self.codec.limit)
        generation.save_pretrained(path)
        self.codec.tokenizer.save_pretrained(path)
        self.confidence.write(path)

    # ---- answers -----------------------------------------------------------------------------------------------------

    def infer(self, batch: Batch) -> list[Prediction]:
        """Translation, confidence, and whether and why a person should look at it."""
        return translate(
            batch["examples"],
            partial(generate.candidates, self.network, self.codec, beams=self.config.beams),
            fits=self.fits,
            glossary=self.glossary,
            confidence=self.confidence,
            low=self.config.low_confidence,
        )

    def fits(self, text: str, language: str) -> bool:
        """Whether a text is translated at once: it has at most `longest` tokens, and the network as many positions."""
        longest = self.config.longest
        return len(text) <= longest or len(self.codec.encode(text, language)) <= min(longest, self.codec.limit - 1)

    def align(self, text: str, language: str, target: str) -> list[tuple[str, str, float]]:
        """For each word of `target` the word of `text` it came from, and that word's share of attention, 0 to 1.

        Both texts have slots in the place of their placeholders.
        """
        return generate.align(self.network, self.codec, generate.Asked(text, language), target)
