"""Losses and probabilities of the four tasks, from logits (N, classes)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from suite_medical_imaging.data.tasks import ImageTask

GAMMA = 2.0  # the focal loss's, as in its paper


def probabilities(logits: Tensor, task: ImageTask) -> Tensor:
    """(N, classes) float64: summing to 1, or each on its own for a multi-label task."""
    exact = logits.double()
    return exact.sigmoid() if task.many else exact.softmax(-1)


def loss(logits: Tensor, targets: Tensor, task: ImageTask, *, weights: Tensor, focal: bool) -> Tensor:
    """Mean over known labels (`known(targets)`). `targets` (N, classes) are 1, 0 or NaN; `weights` (classes,).

    Multi-label: binary cross-entropy of the known labels. Ordinal: the logarithmic score of "is it worse than k?"
    for every k, from cumulated class probabilities, so that two grades off costs more than one; a proper score, and the
    model stays an ordinary classifier of K classes. Else cross-entropy. `focal` scales each term by (1 - p)^2,
    p the probability of what is true (Lin et al. 2017, https://arxiv.org/abs/1708.02002).
    """
    if task.many:
        mask = ~targets.isnan()
        wanted = torch.where(mask, targets, 0.0)
        terms = _focused(F.binary_cross_entropy_with_logits(logits, wanted, reduction="none"), focal)
        weighted = torch.where(wanted > 0, weights, 1.0) * terms
        return (weighted * mask).sum() / known(targets, task).clamp(min=1)
    ordinal = task.kind == "ordinal"
    terms = _cumulative(logits, targets) if ordinal else -(targets * logits.log_softmax(-1)).sum(-1)
    return (_focused(terms, focal) * (targets * weights).sum(-1)).mean()


def known(targets: Tensor, task: ImageTask) -> Tensor:
    """How many items a loss is a mean over: known labels, or rows."""
    return (~targets.isnan()).sum() if task.many else torch.tensor(len(targets), device=targets.device)


def class_weights(targets: Sequence[Sequence[float]], task: ImageTask) -> Tensor:
    """(classes,) weights by 1 / frequency whose mean over the rows is 1; of a multi-label task no / yes of each label.

    At most 20: a class of one picture must not rule the gradient.
    """
    given = torch.tensor(targets)
    yes, all_known = given.nansum(0).clamp(min=1), (~given.isnan()).sum(0)
    weights = (all_known - yes).clamp(min=1) / yes if task.many else len(given) / (given.shape[1] * yes)
    return weights.clamp(max=20)


def _cumulative(logits: Tensor, targets: Tensor) -> Tensor:
    """(N,) sums over the K-1 thresholds of -log P(right side). Sums in logarithms: a difference of 1 - p would be 0."""
    logs = logits.log_softmax(-1)
    below = logs.logcumsumexp(-1)[:, :-1]  # log P(class <= k)
    above = logs.flip(-1).logcumsumexp(-1).flip(-1)[:, 1:]  # log P(class > k)
    is_below = targets.cumsum(-1)[:, :-1]
    return -(is_below * below + (1 - is_below) * above).sum(-1)


def _focused(terms: Tensor, focal: bool) -> Tensor:
    return (1 - (-terms).exp()) ** GAMMA * terms if focal else terms
