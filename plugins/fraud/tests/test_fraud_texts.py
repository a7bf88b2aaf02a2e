"""Strings as vectors, by a sentence encoder of a few hundred weights with random values."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel, BertTokenizerFast

from suite_fraud.model import texts

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "petrol", "station", "books"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    torch.manual_seed(0)
    (tmp_path / "vocab.txt").write_text("\n".join(WORDS))
    BertTokenizerFast(vocab=str(tmp_path / "vocab.txt")).save_pretrained(tmp_path)
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=texts.TEXT_SIZE, num_hidden_layers=1, num_attention_heads=1,
        intermediate_size=4,
    )  # fmt: skip
    BertModel(config).save_pretrained(tmp_path)
    asked = []
    monkeypatch.setattr(texts, "resolve_model", lambda name, assets: asked.append(name) or tmp_path)
    monkeypatch.setattr(texts, "_MEMORY", {"": np.zeros(texts.TEXT_SIZE, np.float32)})
    texts._encoder.cache_clear()
    yield asked
    texts._encoder.cache_clear()


def test_a_text_has_one_vector_whatever_stands_beside_it(folder):
    together = texts.embed(["books", "petrol station", "", "books"])
    texts._MEMORY.pop("books")
    (alone,) = texts.embed(["books"])
    assert folder == ["sentence-transformers/all-MiniLM-L6-v2"]
    np.testing.assert_allclose(alone, together[0], atol=1e-5)  # what a batch is padded with does not count
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), [1, 1, 0, 1], atol=1e-5)
    assert np.array_equal(together[0], together[3])
    assert np.abs(together[0] - together[1]).max() > 0.01
