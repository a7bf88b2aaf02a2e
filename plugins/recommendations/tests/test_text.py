"""Texts as vectors: what is computed once is read afterwards, and only where it is the same thing."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from recommendation_toys import WORDS, encoder_folder

from suite import SuiteError
from suite_recommendations.data.text import KEPT_FROM, TextEncoder

TEXTS = [f"{first} {second}" for first in WORDS for second in WORDS]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("SUITE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "recommendations"


def forbid(*_: object) -> None:
    raise AssertionError("a text was embedded again")


def test_a_second_process_reads_what_the_first_computed(tmp_path, cache, monkeypatch):
    first = TextEncoder(encoder_folder(tmp_path / "a"))([*TEXTS, "", TEXTS[0]])
    assert [path.suffix for path in cache.iterdir()] == [".npy"]
    monkeypatch.setattr(TextEncoder, "_embed", forbid)
    monkeypatch.setattr(TextEncoder, "model", property(forbid))
    second = TextEncoder(encoder_folder(tmp_path / "elsewhere"))([*TEXTS, "", TEXTS[0]])
    assert torch.equal(first, second) and not second[-2].any()


def test_other_weights_or_texts_are_another_thing(tmp_path, cache):
    encoder = TextEncoder(encoder_folder(tmp_path / "a"))
    before = encoder(TEXTS)
    torch.manual_seed(2)
    changed = TextEncoder(encoder_folder(tmp_path / "b"))
    with torch.no_grad():
        changed.model.get_input_embeddings().weight.normal_()
    changed.model.save_pretrained(tmp_path / "b")
    changed = TextEncoder(tmp_path / "b")
    assert changed.identity != encoder.identity and not torch.allclose(changed(TEXTS), before)
    assert torch.allclose(TextEncoder(encoder.folder)(TEXTS[::-1]), before.flip(0), atol=1e-5)
    assert len(list(cache.iterdir())) == 3


def test_a_damaged_file_is_computed_again(tmp_path, cache):
    encoder = TextEncoder(encoder_folder(tmp_path / "a"))
    before = encoder(TEXTS)
    (kept,) = cache.iterdir()
    for damage in (kept.read_bytes()[:200], b"", b"\x93NUMPY"):
        kept.write_bytes(damage)
        assert torch.equal(TextEncoder(encoder.folder)(TEXTS), before)
        assert len(kept.read_bytes()) > 1000 and list(cache.iterdir()) == [kept]


def test_a_text_that_was_read_is_not_read_again(tmp_path, monkeypatch):
    encoder = TextEncoder(encoder_folder(tmp_path / "a"))
    before = encoder(TEXTS[:3])
    monkeypatch.setattr(TextEncoder, "_embed", forbid)
    assert torch.equal(encoder([TEXTS[2], "", TEXTS[0]])[[0, 2]], before[[2, 0]])
    with pytest.raises(AssertionError, match="embedded again"):
        encoder(TEXTS[3:4])


def test_few_texts_and_a_cache_that_cannot_be_written_leave_nothing(tmp_path, cache):
    encoder = TextEncoder(encoder_folder(tmp_path / "a"))
    encoder(TEXTS[: KEPT_FROM - 1])
    assert not cache.exists()
    cache.parent.mkdir(parents=True)
    cache.write_text("a file where the folder should be")
    assert encoder(TEXTS).shape == (len(TEXTS), 16)


def test_a_folder_without_encoder_is_one_sentence(tmp_path):
    with pytest.raises(SuiteError, match="The text encoder in .* cannot be read"):
        TextEncoder(tmp_path)([""])
