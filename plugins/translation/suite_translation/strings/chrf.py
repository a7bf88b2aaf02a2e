"""chrF and BLEU as sums: the counts of each segment, so that any resample is scored exactly as sacreBLEU would.

chrF: Popović 2015, https://aclanthology.org/W15-3049; BLEU: Papineni et al. 2002, https://aclanthology.org/P02-1040;
signatures: Post 2018, https://aclanthology.org/W18-6319.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sacrebleu.metrics import BLEU, CHRF
from sacrebleu.metrics.helpers import extract_all_char_ngrams

_BLEU = BLEU()
_FACTOR = CHRF.BETA**2
"""How much more recall weighs than precision."""


def chrf_counts(hypothesis: str, reference: str) -> list[int]:
    """18 counts of one segment: n-grams of the hypothesis, of the reference and in both, for 1 to 6 characters.

    As in sacreBLEU, those of the hypothesis count only where the reference has any so long.
    """
    grams = (extract_all_char_ngrams(text, CHRF.CHAR_ORDER) for text in (hypothesis, reference))
    counts = [
        (own.total() if asked else 0, asked.total(), (own & asked).total()) for own, asked in zip(*grams, strict=True)
    ]
    return [count for three in counts for count in three]


def bleu_counts(hypothesis: str, reference: str) -> list[int]:
    """10 counts of one segment: both lengths, then matching and all n-grams of 1 to 4 words."""
    score = _BLEU.corpus_score([hypothesis], [[reference]])
    return [score.sys_len, score.ref_len, *score.counts, *score.totals]


def chrf(counts: np.ndarray) -> float:
    """chrF, 0 to 100, of segments whose counts are the rows of `counts` (N, 18)."""
    return float(chrf_each(counts.sum(axis=0, keepdims=True))[0])


def bleu(counts: np.ndarray) -> float:
    """BLEU, 0 to 100, of segments whose counts are the rows of `counts` (N, 10)."""
    own, asked, *words = counts.sum(axis=0).tolist()
    orders = len(words) // 2
    return float(BLEU.compute_bleu(words[:orders], words[orders:], own, asked, smooth_method="exp").score)


def chrf_each(counts: np.ndarray) -> np.ndarray:
    """chrF of each segment alone: (N,) float64 from counts (N, 18).

    Precision and recall are means over the lengths of n-grams that both sides have, and 0 where there is none.
    """
    own, asked, both = np.moveaxis(counts.reshape(len(counts), -1, 3).astype(float), -1, 0)
    real = (own > 0) & (asked > 0)
    lengths = np.maximum(real.sum(axis=1), 1)
    precision = np.where(real, both / np.maximum(own, 1), 0).sum(axis=1) / lengths
    recall = np.where(real, both / np.maximum(asked, 1), 0).sum(axis=1) / lengths
    below = _FACTOR * precision + recall
    return 100 * (1 + _FACTOR) * precision * recall / np.where(below > 0, below, 1)


def signatures() -> list[str]:
    """How both were computed, as sacreBLEU writes it."""
    metrics: Sequence[CHRF | BLEU] = (CHRF(references=[["a"]]), BLEU(references=[["a"]]))
    names = [metric.corpus_score(["a"], None).name for metric in metrics]
    return [f"{name}|{metric.get_signature()}" for name, metric in zip(names, metrics, strict=True)]
