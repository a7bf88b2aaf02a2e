"""CTC models (wav2vec 2.0, https://arxiv.org/abs/2006.11477; HuBERT, https://arxiv.org/abs/2106.07447)."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForCTC, Wav2Vec2CTCTokenizer, Wav2Vec2FeatureExtractor, Wav2Vec2Processor

from suite_speech.data.audio import RATE
from suite_speech.data.text import normalise
from suite_speech.model.listener import FROZEN, Heard, Listener, Word

SPACE, PAD, UNKNOWN = "|", "[PAD]", "[UNK]"
SHORTEST = 400  # samples the convolutions need to give one frame


class CTCListener(Listener):
    """A model that gives each 20 ms of sound a letter or a blank."""

    caches = False
    stretch = RATE // 10  # features are samples

    def load(self, source: Path, texts: Sequence[str] | None, spoken: str) -> torch.nn.Module:
        """Model in fp32 and processor; a model pretrained without letters gets those of `texts`."""
        extractor = Wav2Vec2FeatureExtractor.from_pretrained(source)
        spelt = (source / "vocab.json").is_file()
        tokenizer = Wav2Vec2CTCTokenizer.from_pretrained(source) if spelt else alphabet(texts or ())
        model: Any = AutoModelForCTC.from_pretrained(
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
        model.config.apply_spec_augment = False
        model.freeze_feature_encoder()
        _freeze(model.base_model, FROZEN[self.config.preset])
        self.processor = Wav2Vec2Processor(feature_extractor=extractor, tokenizer=tokenizer)
        self.stride = int(np.prod(model.config.conv_stride))
        self.upper = _upper(tokenizer)
        return model

    def features(self, samples: np.ndarray) -> np.ndarray:
        """The samples, float32 (n,), scaled as the model was trained."""
        padded = np.pad(samples, (0, max(0, SHORTEST - len(samples))))
        found = self.processor.feature_extractor(padded, sampling_rate=RATE, return_tensors="np").input_values[0]
        return found.astype(np.float32)

    def encode(self, model: torch.nn.Module, features: torch.Tensor) -> torch.Tensor:
        """Hidden states (batch, frames, width)."""
        base: Any = model.base_model
        return base(features).last_hidden_state

    def labels(self, texts: Sequence[str], languages: Sequence[str]) -> dict[str, torch.Tensor]:
        """Letters (examples, length) int64 with -100 after the end."""
        rows = [self.processor.tokenizer(self._spelt(text)).input_ids for text in texts]
        width = max(1, *map(len, rows))
        return {"labels": torch.tensor([row + [-100] * (width - len(row)) for row in rows])}

    def loss(self, model: torch.nn.Module, group: dict[str, Any]) -> torch.Tensor:
        """Summed CTC loss."""
        return model(group["features"], labels=group["labels"]).loss

    def hear(self, model: torch.nn.Module, group: dict[str, Any], seconds: Sequence[float]) -> list[Heard]:
        """The likeliest letter of each frame, repeats and blanks dropped; words from the frames they stand on."""
        best, letters = model(group["features"]).logits.float().log_softmax(-1).max(-1)
        found = []
        for row, (length, language) in enumerate(zip(seconds, group["languages"], strict=True)):
            words = self._words(letters[row].tolist(), best[row].tolist(), length)
            text = " ".join(word.word for word in words)
            sure = float(np.mean([word.confidence for word in words])) if words else 0.0
            found.append(Heard(text, "" if language == "auto" else language, sure, words))
        return found

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
