"""Prompts as people write them: cleaned, cut where no model reads on, and read from files."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from suite import SuiteError, decoding

LONGEST = 2000
"""Characters kept of a prompt: T5 encoders read 512 tokens, about as many characters; CLIP reads 77 tokens."""
MOST = 10_000
"""Prompts of one file: a picture each."""
LARGEST = 8_000_000
"""Bytes of a file of prompts: far more than `MOST` prompts of `LONGEST` letters that anyone wrote."""


def clean(text: str) -> str:
    """One line of valid Unicode: composed (NFC), without control characters and what no encoding can hold."""
    whole = unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode("utf-8"))
    return " ".join("".join(c if c.isprintable() or unicodedata.category(c) == "Cf" else " " for c in whole).split())


def cut(text: str, what: str = "prompt") -> tuple[str, str]:
    """The cleaned prompt, at most `LONGEST` characters, and a sentence where something was cut, else ""."""
    whole = clean(text)
    if len(whole) <= LONGEST:
        return whole, ""
    return whole[:LONGEST].rstrip(), f"The {what} has {len(whole):,} characters; the first {LONGEST:,} were used."


def unread(pipe: Any, prompt: str, what: str = "prompt") -> str:
    """A sentence where the pipeline's longest-reading text encoder does not read all of the prompt, else ""."""
    tokenizers = [part for name, part in pipe.components.items() if name.startswith("tokenizer") and part is not None]
    if not tokenizers:
        return ""
    tokenizer = max(tokenizers, key=lambda part: part.model_max_length)
    limit = min(int(tokenizer.model_max_length), 512)  # what SD3 and FLUX give T5, whose tokenizer has no limit
    tokens = len(tokenizer(prompt, verbose=False).input_ids)
    if tokens <= limit:
        return ""
    return f"The {what} has {tokens} tokens; this model reads the first {limit} and nothing after them."


def read(path: Path) -> list[str]:
    """The prompts of a text file, one a line; empty lines and lines that begin with # are left out.

    Raises `SuiteError` where there is no such file, no text in it, or more prompts than `MOST`.
    """
    if not path.is_file():
        raise SuiteError(f"There is no file {path}; give a text file with one prompt a line, or the prompt itself.")
    if path.stat().st_size > LARGEST:
        raise SuiteError(f"{path.name} has more than {LARGEST // 1_000_000} MB; give at most {MOST:,} prompts a file.")
    with decoding(path.name, "save it as UTF-8 text with one prompt a line."):
        text = path.read_text(encoding="utf-8-sig")
    lines = [line for line in map(clean, text.splitlines()) if line and not line.startswith("#")]
    return _counted(lines, path.name)


def _counted(prompts: Sequence[str], name: str) -> list[str]:
    if not prompts:
        raise SuiteError(f"{name} holds no prompt; write one a line.")
    if len(prompts) > MOST:
        raise SuiteError(f"{name} holds {len(prompts):,} prompts; give at most {MOST:,} a file.")
    return list(prompts)
