"""A toy world: a text encoder of random weights, a log with a rule to learn, and models made of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from transformers import BertConfig, BertModel, BertTokenizerFast

from suite_recommendations.config import RecommendationsConfig
from suite_recommendations.data.catalogue import Catalogue
from suite_recommendations.data.text import TextEncoder
from suite_recommendations.model.loading import build
from suite_recommendations.model.model import RecommenderModel

WORDS = (
    *("red", "green", "blue", "big", "small", "old", "new", "quiet", "loud"),
    *("film", "song", "book", "about", "space", "love", "war", "dogs"),
)


def encoder_folder(folder: Path) -> Path:
    """A tiny BERT with a word-level vocabulary, saved as transformers saves one."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    BertModel(config).save_pretrained(folder)
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    return folder


def catalogue(items: int) -> Catalogue:
    """Items i0, i1 …, each with two words."""
    texts = [f"{WORDS[n % len(WORDS)]} {WORDS[(3 * n + 1) % len(WORDS)]}" for n in range(items)]
    return Catalogue([f"i{n}" for n in range(items)], [f"Title {n}" for n in range(items)], texts)


def chains(users: int, items: int, length: int, seed: int = 0) -> list[np.ndarray]:
    """Histories in which item n is followed by n + 1, from random starts."""
    starts = np.random.default_rng(seed).integers(0, items, users)
    return [(start + np.arange(length)) % items for start in starts]


def config(**settings: object) -> RecommendationsConfig:
    """Small sizes, quick to train."""
    sizes = {"hidden_size": 16, "layers": 1, "window": 8, "lags": 6, "k_core": 1, "dropout": 0.0}
    return RecommendationsConfig.build(sizes | settings)


def recommender(folder: Path, items: int = 12, **settings: object) -> RecommenderModel:
    """An untrained model of 30 chains."""
    encoder = TextEncoder(encoder_folder(folder / "encoder"))
    return build(chains(30, items, 9), catalogue(items), encoder, config(**settings))


def write_log(folder: Path, users: int = 30, items: int = 12, length: int = 9) -> Path:
    """interactions.csv and items.csv of chains."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        {"userId": f"u{user}", "movieId": f"i{item}", "rating": 1 + place % 5, "timestamp": 1000 + place}
        for user, history in enumerate(chains(users, items, length))
        for place, item in enumerate(history)
    ]
    pd.DataFrame(rows).to_csv(folder / "interactions.csv", index=False)
    known = catalogue(items)
    about = [
        {"movieId": i, "title": t, "genres": x} for i, t, x in zip(known.ids, known.titles, known.texts, strict=True)
    ]
    pd.DataFrame(about).to_csv(folder / "items.csv", index=False)
    return folder


def jsonl(path: Path) -> list[dict]:
    """Records of a JSON-lines file."""
    return [json.loads(line) for line in path.read_text().splitlines()]
