"""Texts as vectors: a frozen sentence encoder (mean of the last states, unit length) that remembers its texts.

A catalogue's vectors are also kept in the user's cache, under a name made of the texts and the encoder's files: the
next process reads 2 MB where the first one computed for 15 seconds. The folder may be deleted at any time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from transformers import AutoConfig, AutoModel, AutoTokenizer, PreTrainedModel

from suite import SuiteError, cache_dir, decoding, mean_states

BATCH = 64
LONGEST = 128
"""Tokens of a text that are read: the length all-MiniLM-L6-v2 was trained with."""
KEPT_FROM = 64
"""Texts in a call from which on they are kept on disk: fewer take below a second, and what visitors type stays out."""
_FILES = (".json", ".txt", ".model", ".safetensors")
"""Endings of the files that make an encoder what it is: weights, config, tokenizer."""


class TextEncoder:
    """A folder with an encoder and its tokenizer; loaded when a text is met whose vector is not known yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[str, torch.Tensor] = {}  # a visitor's new items are asked for again with every list

    @cached_property
    def model(self) -> PreTrainedModel:
        """The encoder in eval mode, in fp32 on the CPU, whatever it is stored in."""
        return self._load(torch.float32).eval()

    @cached_property
    def size(self) -> int:
        """Length of a vector."""
        with self._decoding():
            return int(AutoConfig.from_pretrained(self.folder, trust_remote_code=False).hidden_size)

    @cached_property
    def identity(self) -> str:
        """The same for folders with the same files, wherever they are. Reading MiniLM's 90 MB takes 0.2 s."""
        digest = hashlib.blake2b(f"mean of {LONGEST} tokens".encode(), digest_size=20)
        for path in sorted(path for path in self.folder.iterdir() if path.suffix in _FILES):
            digest.update(f"{path.name}:{path.stat().st_size}:".encode())
            with path.open("rb") as file:
                while part := file.read(1 << 20):
                    digest.update(part)
        return digest.hexdigest()

    def __call__(self, texts: Sequence[str]) -> torch.Tensor:
        """(n, size) unit vectors in fp32; zeros for an empty text."""
        new = [text for text in dict.fromkeys(texts) if text and text not in self._known]
        if new:
            self._known.update(zip(new, self._vectors(new), strict=True))
        empty = torch.zeros(self.size)
        return torch.stack([self._known[text] if text else empty for text in texts]) if texts else empty[None][:0]

    def _vectors(self, texts: list[str]) -> torch.Tensor:
        """(n, size) of texts that are not empty: out of the cache where it has exactly these, in this order."""
        if len(texts) < KEPT_FROM:
            return self._embed(texts)
        named = hashlib.blake2b("\0".join([self.identity, *texts]).encode(), digest_size=20).hexdigest()
        path = cache_dir() / "recommendations" / f"vectors-{named}.npy"
        vectors = _read(path, (len(texts), self.size))
        if vectors is None:
            vectors = self._embed(texts)
            _keep(vectors, path)
        return vectors

    def _embed(self, texts: list[str]) -> torch.Tensor:
        starts = range(0, len(texts), BATCH)
        with self._decoding():
            tokenizer = AutoTokenizer.from_pretrained(self.folder, trust_remote_code=False)
            parts = [mean_states(self.model, tokenizer, texts[n : n + BATCH], longest=LONGEST) for n in starts]
        return torch.cat(parts)

    def save(self, folder: Path) -> None:
        """Writes encoder (in fp16: half the bytes, vectors equal to 3 digits) and tokenizer."""
        self._load(torch.float16).save_pretrained(folder)
        AutoTokenizer.from_pretrained(self.folder, trust_remote_code=False).save_pretrained(folder)

    def _load(self, dtype: torch.dtype) -> PreTrainedModel:
        with self._decoding():
            return AutoModel.from_pretrained(self.folder, trust_remote_code=False, use_safetensors=True, dtype=dtype)

    def _decoding(self) -> AbstractContextManager[None]:
        """It is loaded when a text is met, which may be long after the model around it."""
        return decoding(f"The text encoder in {self.folder}")


def _read(path: Path, shape: tuple[int, int]) -> torch.Tensor | None:
    """Vectors kept by `_keep`; None where there are none of that shape, or the file is damaged."""
    try:
        with decoding(path):
            vectors = np.load(path, allow_pickle=False)
    except SuiteError:
        return None
    return torch.from_numpy(vectors) if vectors.shape == shape and vectors.dtype == np.float32 else None


def _keep(vectors: torch.Tensor, path: Path) -> None:
    """Writes aside and renames, so that a second process sees the whole file or none. A full disk is no failure."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".vectors-", suffix=".npy")
        aside = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                np.save(file, vectors.numpy(), allow_pickle=False)
            aside.replace(path)
        except BaseException:
            aside.unlink()
            raise
