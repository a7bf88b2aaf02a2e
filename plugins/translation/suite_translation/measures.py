"""chrF and BLEU as sums: sacreBLEU's own statistics of each segment, so that any resample is scored exactly.

chrF: Popović 2015, https://aclanthology.org/W15-3049; BLEU: Papineni et al. 2002, https://aclanthology.org/P02-1040;
signatures: Post 2018, https://aclanthology.org/W18-6319.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sacrebleu.metrics import BLEU, CHRF

_CHRF = CHRF()
_BLEU = BLEU()
# sacreBLEU has no public word for a segment's statistics; a test holds these against its corpus scores.


def chrf_counts(hypothesis: str, reference: str) -> list[int]:
    """18 counts of one segment: n-grams of the hypothesis, of the reference and in both, for 1 to 6 characters."""
    return list(_CHRF._extract_corpus_statistics([hypothesis], [[reference]])[0])


def bleu_counts(hypothesis: str, reference: str) -> list[int]:
    """10 counts of one segment: both lengths, then matching and all n-grams of 1 to 4 words."""
    return list(_BLEU._extract_corpus_statistics([hypothesis], [[reference]])[0])


def chrf(counts: np.ndarray) -> float:
    """chrF, 0 to 100, of segments whose counts are the rows of `counts` (N, 18)."""
    return float(_CHRF._compute_score_from_stats(counts.sum(axis=0).tolist()).score)


def bleu(counts: np.ndarray) -> float:
    """BLEU, 0 to 100, of segments whose counts are the rows of `counts` (N, 10)."""
    return float(_BLEU._compute_score_from_stats(counts.sum(axis=0).tolist()).score)


def chrf_each(counts: np.ndarray) -> np.ndarray:
    """chrF of each segment alone: (N,) float64 from counts (N, 18)."""
    return np.array([_CHRF._compute_f_score(row) for row in counts.tolist()])


def signatures() -> list[str]:
    """How both were computed, as sacreBLEU writes it."""
    metrics: Sequence[CHRF | BLEU] = (CHRF(references=[["a"]]), BLEU(references=[["a"]]))
    names = [metric.corpus_score(["a"], None).name for metric in metrics]
    return [f"{name}|{metric.get_signature()}" for name, metric in zip(names, metrics, strict=True)]
