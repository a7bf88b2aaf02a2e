"""Where training begins: embeddings out of counts, in which a word lies near its translations.

With a few passes over short strings, learning from scratch which of 6,000 tokens belong together takes most of the
time; counting shows it in a minute. Pretrained embeddings help most where pairs are few
(https://aclanthology.org/N18-2084), and the ones here come from the same pairs: a factorisation of the positive
pointwise mutual information of tokens in one pair (https://papers.nips.cc/paper/5477), source and target in one bag.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import nn
from transformers import MarianMTModel


def embeddings(bags: Sequence[Sequence[int]], vocabulary: int, width: int) -> torch.Tensor:
    """float32 [vocabulary, width], rows of length 1; `bags` are the tokens of each pair, both sides together."""
    rows = np.repeat(np.arange(len(bags)), [len(bag) for bag in bags])
    columns = np.concatenate([np.asarray(bag) for bag in bags])
    seen = csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), (len(bags), vocabulary))
    seen.data[:] = 1
    together = torch.from_numpy((seen.T @ seen).toarray())
    together.fill_diagonal_(0)
    # Contexts' counts to the power of 0.75, as in the paper: rare ones would have the largest information.
    context = together.sum(0) ** 0.75
    expected = together.sum(1, keepdim=True) * (context / context.sum()) + 1e-9
    information = torch.log(together / expected + 1e-9).clamp_(min=0)
    torch.manual_seed(0)
    left, strength, _ = torch.svd_lowrank(information, q=width + 32, niter=4)
    vectors = left[:, :width] * strength[:width].sqrt()
    vectors += 0.05 * vectors.std() * torch.randn_like(vectors)
    return nn.functional.normalize(vectors, dim=1)


@torch.no_grad()
def begin(model: MarianMTModel, table: torch.Tensor) -> None:
    """Sets the embeddings, and the layers so that each says at first what it attends to.

    Attention to the source passes states on unchanged, every other block adds almost nothing: the first prediction is
    a bag of the source's translations.
    """
    model.model.shared.weight.copy_(table)
    for name, weight in model.named_parameters():
        if name.endswith(("self_attn.out_proj.weight", "fc2.weight")):
            weight.mul_(0.1)
        elif name.endswith(("encoder_attn.v_proj.weight", "encoder_attn.out_proj.weight")):
            nn.init.eye_(weight)
