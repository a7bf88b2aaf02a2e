"""Ships a trained model: `python export.py FOLDER OUT` writes one file of float16 weights, and the tokeniser."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer, GenerationConfig

_MOST = 16_000_000
"""Bytes of a file in the repository."""


def export(folder: Path, out: Path) -> None:
    """Raises `ValueError` if the weights are more than a file may have."""
    model = AutoModelForSeq2SeqLM.from_pretrained(folder / "model", dtype=torch.float32)
    config = model.config
    model.generation_config = GenerationConfig(
        num_beams=1,  # short strings gain nothing from beams, and a mean over the tokens prefers a word twice to once
        max_length=config.max_position_embeddings,
        pad_token_id=config.pad_token_id,
        eos_token_id=config.eos_token_id,
        decoder_start_token_id=config.decoder_start_token_id,
        bad_words_ids=[[config.pad_token_id]],
    )
    model.half().save_pretrained(out)
    AutoTokenizer.from_pretrained(folder / "tokeniser").save_pretrained(out)
    size = (out / "model.safetensors").stat().st_size
    if size > _MOST:
        raise ValueError(f"the weights are {size:,} bytes, more than {_MOST:,}")


def main() -> None:
    """Exports the model of a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    export(options.folder, options.out)


if __name__ == "__main__":
    main()
