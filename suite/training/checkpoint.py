"""Checkpoints that survive a kill, a full disk and a flipped bit; safetensors and JSON only.

A checkpoint is written aside, each file flushed to disk and hashed into a manifest, then renamed into place; only
then are older ones removed. Reading takes the newest whose manifest verifies, and says so when one was skipped.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from suite.console import warn
from suite.decoders import decoding, read_json
from suite.errors import SuiteError
from suite.files import disk_full, is_full

MANIFEST = "MANIFEST.json"
Tensors = dict[str, torch.Tensor]


class Writer:
    """Writes one checkpoint. With several ranks: all call `add` for their own files, rank 0 opens and commits."""

    def __init__(self, root: Path, step: int) -> None:
        self.root, self.step = root, step
        self.aside = root / f".tmp-{step:08d}"
        self.final = root / f"step-{step:08d}"

    def open(self, size: int) -> None:
        """Clears left-overs of a crash and makes the folder; `size` bytes must fit.

        Raises `SuiteError` when they do not; earlier checkpoints are untouched.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        for leftover in self.root.glob(".tmp-*"):
            shutil.rmtree(leftover)
        free = shutil.disk_usage(self.root).free
        if free < size * 1.1:  # a tenth more: headers, manifest and what others write meanwhile
            raise disk_full(self.root, size)
        self.aside.mkdir()

    def add(self, name: str, tensors: Tensors, head: Mapping[str, str] | None = None) -> None:
        """Writes one safetensors file, with texts in its head, and flushes it."""
        whole = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
        try:
            save_file(whole, self.aside / name, dict(head) if head else None)
            _flush(self.aside / name)
        except (OSError, SafetensorError) as error:
            shutil.rmtree(self.aside, ignore_errors=True)
            raise _explained(error, self.root) from error

    def commit(self, state: Mapping[str, Any]) -> Path:
        """Writes the state and the manifest, and makes the checkpoint visible in one rename."""
        try:
            _write_json(self.aside / "state.json", state)
            files = {file.name: [file.stat().st_size, _digest(file)] for file in sorted(self.aside.iterdir())}
            _write_json(self.aside / MANIFEST, {"step": self.step, "files": files})
            _flush(self.aside)
            if self.final.exists():  # the same step again, after a resume from an older checkpoint
                _remove(self.final)
            self.aside.rename(self.final)
            _flush(self.root)
        except OSError as error:
            shutil.rmtree(self.aside, ignore_errors=True)
            raise _explained(error, self.root) from error
        return self.final


def steps(root: Path) -> list[int]:
    """Steps that have a checkpoint, oldest first."""
    names = (path.name.removeprefix("step-") for path in root.glob("step-*"))
    return sorted(int(name) for name in names if name.isdecimal())


def folder(root: Path, step: int) -> Path:
    """Where the checkpoint of a step is."""
    return root / f"step-{step:08d}"


def verify(path: Path) -> bool:
    """Whether every file of the manifest is there with its size and sha256."""
    try:
        with decoding(path):
            files = read_json(path / MANIFEST, fields={"files": dict})["files"]
            return all(
                (path / name).stat().st_size == size and _digest(path / name) == sha
                for name, (size, sha) in files.items()
            )
    except SuiteError:
        return False


def latest(root: Path) -> Path | None:
    """The newest checkpoint that verifies; each damaged one passed over is said aloud."""
    for step in reversed(steps(root)):
        path = folder(root, step)
        if verify(path):
            return path
        warn(f"The checkpoint {path} is damaged; taking the one before.")
    return None


def prune(root: Path, keep: int, protect: Collection[int] = ()) -> None:
    """Removes all but the newest `keep` and the protected steps."""
    for step in steps(root)[:-keep]:
        if step not in protect:
            _remove(folder(root, step))


def read_state(path: Path) -> dict[str, Any]:
    """The state of a checkpoint."""
    return read_json(path / "state.json")


def read_tensors(path: Path, name: str) -> Tensors:
    """One safetensors file of a checkpoint, on the CPU. Raises `SuiteError` when it is missing."""
    if not (path / name).is_file():
        raise SuiteError(f"The checkpoint {path} has no {name}; it was made with other settings or processes.")
    with decoding(path / name):
        return load_file(path / name)


def read_head(path: Path, name: str) -> dict[str, str]:
    """The texts in the head of one safetensors file of a checkpoint."""
    with decoding(path / name), safe_open(path / name, framework="pt") as file:
        return file.metadata() or {}


def _explained(error: Exception, root: Path) -> SuiteError:
    if is_full(error):
        return disk_full(root)
    return SuiteError(f"Cannot write a checkpoint to {root}: {error}. Earlier checkpoints are intact; use --resume.")


def _remove(path: Path) -> None:
    """Renamed first: a kill half-way leaves a left-over, not a checkpoint that looks whole."""
    doomed = path.with_name(f".tmp-old-{path.name}")
    path.rename(doomed)
    shutil.rmtree(doomed)


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value))
    _flush(path)


def _flush(path: Path) -> None:
    """fsync of a file, or of a folder's entries."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
