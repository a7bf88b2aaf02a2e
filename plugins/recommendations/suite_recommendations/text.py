"""Texts as vectors: a frozen sentence encoder (mean of the last states, unit length), with a memory by content."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from transformers import AutoModel, AutoTokenizer, PreTrainedModel

from suite import SuiteError

BATCH = 64
LONGEST = 128
"""Tokens of a text that are read: the length all-MiniLM-L6-v2 was trained with."""
_MEMORY: dict[str, torch.Tensor] = {}
"""Vectors by encoder and text: training, its evaluation and the pretrained model beside it need the same ones."""


class TextEncoder:
    """A folder with an encoder and its tokenizer; loaded when a text is met whose vector is not known yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._key = hashlib.blake2b((folder / "config.json").read_bytes() + str(folder).encode()).hexdigest()
        self._model: PreTrainedModel | None = None

    @property
    def model(self) -> PreTrainedModel:
        """The encoder in eval mode, in fp32 on the CPU, whatever it is stored in."""
        if self._model is None:
            self._model = self._load(torch.float32).eval()
        return self._model

    @property
    def size(self) -> int:
        """Length of a vector."""
        return int(self.model.config.hidden_size)

    def __call__(self, texts: Sequence[str]) -> torch.Tensor:
        """(n, size) unit vectors in fp32; zeros for an empty text."""
        new = [text for text in dict.fromkeys(texts) if text and self._name(text) not in _MEMORY]
        for start in range(0, len(new), BATCH):
            part = new[start : start + BATCH]
            for text, vector in zip(part, self._embed(part), strict=True):
                _MEMORY[self._name(text)] = vector
        empty = torch.zeros(self.size)
        return (
            torch.stack([_MEMORY[self._name(text)] if text else empty for text in texts]) if texts else empty[None][:0]
        )

    @torch.no_grad()
    def _embed(self, texts: list[str]) -> torch.Tensor:
        tokenizer = AutoTokenizer.from_pretrained(self.folder, trust_remote_code=False)
        batch = tokenizer(texts, padding=True, truncation=True, max_length=LONGEST, return_tensors="pt")
        states = self.model(**batch).last_hidden_state
        there = batch["attention_mask"][..., None]
        return F.normalize((states * there).sum(1) / there.sum(1), dim=-1)

    def save(self, folder: Path) -> None:
        """Writes encoder (in fp16: half the bytes, vectors equal to 3 digits) and tokenizer."""
        self._load(torch.float16).save_pretrained(folder)
        AutoTokenizer.from_pretrained(self.folder, trust_remote_code=False).save_pretrained(folder)

    def _load(self, dtype: torch.dtype) -> PreTrainedModel:
        try:
            return AutoModel.from_pretrained(self.folder, trust_remote_code=False, use_safetensors=True, dtype=dtype)
        except (OSError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise SuiteError(f"{self.folder} holds no text encoder that transformers can load: {reason}") from None

    def _name(self, text: str) -> str:
        return f"{self._key}:{text}"
