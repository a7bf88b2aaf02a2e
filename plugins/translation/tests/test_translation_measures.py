"""chrF and BLEU as sums: equal to sacreBLEU's corpus scores, on any choice of segments."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU, CHRF

from suite_translation.strings import chrf as measures

HYPOTHESES = [
    "Datei speichern unter …",
    "Öffnen",
    "",
    "Die Datei %s wurde nicht gefunden und kann nicht gelesen werden.",
]
REFERENCES = [
    "Datei sichern unter …",
    "Öffnen",
    "OK",
    "Die Datei %s wurde nicht gefunden; sie kann nicht gelesen werden.",
]


@pytest.mark.parametrize("chosen", [[0, 1, 2, 3], [3, 3, 0], [1, 1, 1]])
def test_sums_of_counts_score_as_the_corpus(chosen):
    counts = np.array([measures.chrf_counts(h, r) for h, r in zip(HYPOTHESES, REFERENCES, strict=True)])
    words = np.array([measures.bleu_counts(h, r) for h, r in zip(HYPOTHESES, REFERENCES, strict=True)])
    assert counts.shape == (4, 18) and words.shape == (4, 10)
    texts = [HYPOTHESES[i] for i in chosen], [[REFERENCES[i] for i in chosen]]
    assert measures.chrf(counts[chosen]) == pytest.approx(CHRF().corpus_score(*texts).score, abs=1e-9)
    assert measures.bleu(words[chosen]) == pytest.approx(BLEU().corpus_score(*texts).score, abs=1e-9)


def test_each_segment_alone():
    counts = np.array([measures.chrf_counts(h, r) for h, r in zip(HYPOTHESES, REFERENCES, strict=True)])
    alone = [CHRF().corpus_score([h], [[r]]).score for h, r in zip(HYPOTHESES, REFERENCES, strict=True)]
    assert measures.chrf_each(counts) == pytest.approx(alone)
    assert measures.chrf_each(counts)[1] == 100


@given(st.lists(st.tuples(st.text("aA eé.1", max_size=12), st.text("aA eé.1", max_size=12)), min_size=1, max_size=4))
def test_any_texts_score_as_sacrebleu_scores_them(pairs):
    hypotheses, references = [list(side) for side in zip(*pairs, strict=True)]
    counts = np.array([measures.chrf_counts(*pair) for pair in pairs])
    words = np.array([measures.bleu_counts(*pair) for pair in pairs])
    texts = hypotheses, [references]
    assert measures.chrf(counts) == pytest.approx(CHRF().corpus_score(*texts).score, abs=1e-9)
    assert measures.bleu(words) == pytest.approx(BLEU().corpus_score(*texts).score, abs=1e-9)


def test_only_public_names_of_sacrebleu_are_used():
    """Its private ones may move with any version."""
    source = Path(measures.__file__).read_text(encoding="utf-8")
    assert re.findall(r"\b(?:_?BLEU|_?CHRF)\b(?:\(\))?\._\w+", source) == []


def test_signatures_say_metric_and_version():
    chrf, bleu = measures.signatures()
    assert chrf.startswith("chrF2|nrefs:1|case:mixed|eff:yes|nc:6|nw:0") and "version:" in chrf
    assert bleu.startswith("BLEU|nrefs:1") and "tok:13a" in bleu
