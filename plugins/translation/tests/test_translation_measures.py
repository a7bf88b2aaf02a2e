"""chrF and BLEU as sums: equal to sacreBLEU's corpus scores, on any choice of segments."""

from __future__ import annotations

import numpy as np
import pytest
from sacrebleu.metrics import BLEU, CHRF

from suite_translation import measures

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
    assert measures.chrf(counts[chosen]) == CHRF().corpus_score(*texts).score
    assert measures.bleu(words[chosen]) == BLEU().corpus_score(*texts).score


def test_each_segment_alone():
    counts = np.array([measures.chrf_counts(h, r) for h, r in zip(HYPOTHESES, REFERENCES, strict=True)])
    alone = [CHRF().corpus_score([h], [[r]]).score for h, r in zip(HYPOTHESES, REFERENCES, strict=True)]
    assert measures.chrf_each(counts) == pytest.approx(alone)
    assert measures.chrf_each(counts)[1] == 100


def test_signatures_say_metric_and_version():
    chrf, bleu = measures.signatures()
    assert chrf.startswith("chrF2|nrefs:1|case:mixed|eff:yes|nc:6|nw:0") and "version:" in chrf
    assert bleu.startswith("BLEU|nrefs:1") and "tok:13a" in bleu
