"""CTC models (wav2vec 2.0, https://arxiv.org/abs/2006.11477; HuBERT, https://arxiv.org/abs/2106.07447)."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForCTC, Wav2Vec2CTCTokenizer, Wav2Vec2FeatureExtractor, Wav2Vec2Processor

from suite import SuiteError
from suite_speech.config import SpeechConfig
from suite_speech.data.audio import RATE
from suite_speech.data.text import normalise
from suite_speech.model.base import SpeechModel
from suite_speech.model.values import FROZEN, Transcript, Word

SPACE, PAD, UNKNOWN = "|", "[PAD]", "[UNK]"
SHORTEST = 400  # samples the convolutions need to give one frame


@dataclass(eq=False, kw_only=True)
class CTCSpeechModel(SpeechModel):
    """A model that gives each 20 ms of sound a letter or a blank."""

    stride: int
    """Samples from one frame to the next."""
    upper: bool
    """Whether its alphabet is capitals."""

    stretch = RATE // 10  # features are samples

    def features(self, samples: np.ndarray) -> np.ndarray:
        """The samples, float32 (n,), scaled as the model was trained."""
        padded = np.pad(samples, (0, max(0, SHORTEST - len(samples))))
        scaled = self.processor.feature_extractor(padded, sampling_rate=RATE, return_tensors="np").input_values[0]
        return scaled.astype(np.float32)

    def labels(self, texts: Sequence[str], languages: Sequence[str]) -> dict[str, torch.Tensor]:
        """Letters (examples, length) int64 with -100 after the end."""
        rows = [self.processor.tokenizer(self._spelt(text)).input_ids for text in texts]
        width = max(1, *map(len, rows))
        return {"labels": torch.tensor([row + [-100] * (width - len(row)) for row in rows])}

    def group_loss(self, network: Any, group: dict[str, Any]) -> torch.Tensor:
        """Summed CTC loss."""
        return network(group["features"], labels=group["labels"]).loss

    def recognise(self, group: dict[str, Any], seconds: Sequence[float]) -> list[Transcript]:
        """The likeliest letter of each frame, repeats and blanks dropped; words from the frames they stand on."""
        best, letters = self.network(group["features"]).logits.float().log_softmax(-1).max(-1)
        transcripts = []
        for row, (length, language) in enumerate(zip(seconds, group["languages"], strict=True)):
            words = self._words(letters[row].tolist(), best[row].tolist(), length)
            text = " ".join(word.word for word in words)
            confidence = float(np.mean([word.confidence for word in words])) if words else 0.0
            transcripts.append(Transcript(text, "" if language == "auto" else language, confidence, words))
        return transcripts

    def _words(self, letters: list[int], scores: list[float], seconds: float) -> list[Word]:
        tokenizer = self.processor.tokenizer
        spelt = tokenizer.convert_ids_to_tokens(letters)
        silent = {*tokenizer.all_special_tokens} - {SPACE}
        step = self.stride / RATE
        words: list[Word] = []
        text, before = "", None
        frames: list[int] = []
        for at, letter in [*enumerate(spelt), (len(spelt), SPACE)]:
            if letter == SPACE and text:
                start, end = frames[0] * step, min((frames[-1] + 1) * step, seconds)
                sure = float(np.exp(np.mean([scores[frame] for frame in frames])))
                words.append(Word(text.lower() if self.upper else text, start, max(start, end), sure))
                text, frames = "", []
            elif letter != SPACE and letter not in silent:
                text, frames = text + ("" if letter == before else letter), [*frames, at]
            before = letter
        return words

    def _spelt(self, text: str) -> str:
        plain = normalise(text)
        return plain.upper() if self.upper else plain


def load(source: Path, config: SpeechConfig, texts: Sequence[str]) -> CTCSpeechModel:
    """The model of a folder, float32; one pretrained without letters gets those of the training rows' `texts`.

    Raises `SuiteError` where a translation is asked for.
    """
    if config.task != "transcribe":
        raise SuiteError(f"task={config.task} needs a Whisper model; {source.name} is CTC, which writes what is said.")
    extractor = Wav2Vec2FeatureExtractor.from_pretrained(source)
    spelt = (source / "vocab.json").is_file()
    tokenizer = Wav2Vec2CTCTokenizer.from_pretrained(source) if spelt else alphabet(texts)
    network: Any = AutoModelForCTC.from_pretrained(
        source,
        use_safetensors=True,
        dtype=torch.float32,
        vocab_size=len(tokenizer),
        pad_token_id=tokenizer.pad_token_id,
        # The sum, so that the mean can be taken over all labels of a step, however it is cut.
        ctc_loss_reduction="sum",
        # A clip too short for its transcript would give an infinite loss.
        ctc_zero_infinity=True,
        ignore_mismatched_sizes=not spelt,
    )
    # Its own masks fail on clips below .2 s and would come on top of those of `hide`.
    network.config.apply_spec_augment = False
    network.freeze_feature_encoder()
    _freeze(network.base_model, FROZEN[config.preset])
    return CTCSpeechModel(
        network=network,
        config=config,
        processor=Wav2Vec2Processor(feature_extractor=extractor, tokenizer=tokenizer),
        language=config.language,
        stride=int(np.prod(network.config.conv_stride)),
        upper=_upper(tokenizer),
    )


def alphabet(texts: Iterable[str]) -> Wav2Vec2CTCTokenizer:
    """A tokenizer of the letters in the training texts."""
    letters = sorted({letter for text in texts for letter in normalise(text)} - {" "})
    vocabulary = {token: i for i, token in enumerate([PAD, UNKNOWN, SPACE, *letters])}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vocab.json"
        path.write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
        return Wav2Vec2CTCTokenizer(str(path), unk_token=UNKNOWN, pad_token=PAD, word_delimiter_token=SPACE)


def _freeze(base: Any, share: float) -> None:
    """Freezes this share of the layers with all that lies below them."""
    if share:
        layers = base.encoder.layers
        base.requires_grad_(False)
        layers[round(share * len(layers)) :].requires_grad_(True)


def _upper(tokenizer: Any) -> bool:
    """Whether the model's alphabet is capitals, as that of most English ones."""
    letters = [token for token in tokenizer.get_vocab() if len(token) == 1 and token.isalpha()]
    return bool(letters) and all(letter.isupper() for letter in letters if letter.lower() != letter.upper())
