"""The model's shape, its loss, and greedy translation for the score on the way."""

from __future__ import annotations

import math

import sacrebleu
import torch
from batches import IGNORED, Row, asked
from torch.nn import functional
from transformers import MarianConfig, MarianMTModel, PreTrainedTokenizerFast

_SMOOTHING = 0.1


def config(tokeniser: PreTrainedTokenizerFast, width: int, encoder: int, decoder: int) -> MarianConfig:
    """More encoder than decoder: quick to write with, and most of the quality (https://arxiv.org/abs/2006.10369)."""
    return MarianConfig(
        vocab_size=len(tokeniser),
        d_model=width,
        encoder_layers=encoder,
        decoder_layers=decoder,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=4 * width,
        decoder_ffn_dim=4 * width,
        activation_function="relu",
        max_position_embeddings=256,
        scale_embedding=True,
        # 270,000 pairs seen once or twice are not overfitted: dropout would only slow the learning.
        dropout=0.0,
        attention_dropout=0.0,
        init_std=width**-0.5,  # embeddings of unit variance beside the positions
        share_encoder_decoder_embeddings=True,
        tie_word_embeddings=True,
        pad_token_id=tokeniser.pad_token_id,
        eos_token_id=tokeniser.eos_token_id,
        decoder_start_token_id=tokeniser.pad_token_id,
        forced_eos_token_id=None,
        bos_token_id=None,
    )


def loss_of(model: MarianMTModel, sources: torch.Tensor, labels: torch.Tensor, *, sampled: int = 0) -> torch.Tensor:
    """Mean label-smoothed cross-entropy a target token; logits are computed at real tokens only.

    With `sampled`, over the batch's own tokens and as many others.
    """
    start = torch.full_like(labels[:, :1], model.config.decoder_start_token_id)
    states = model.model(
        input_ids=sources,
        attention_mask=(sources != model.config.pad_token_id).long(),
        decoder_input_ids=torch.cat([start, labels[:, :-1].clamp(min=0)], 1),
        use_cache=False,
    ).last_hidden_state
    real = labels != IGNORED
    wanted, weight = labels[real], model.lm_head.weight
    if not sampled:
        return functional.cross_entropy(functional.linear(states[real], weight), wanted, label_smoothing=_SMOOTHING)
    chosen, correction, places = _chosen(wanted, len(weight), sampled)
    logits = functional.linear(states[real], weight[chosen], correction)
    return functional.cross_entropy(logits, places, label_smoothing=_SMOOTHING)


def _chosen(wanted: torch.Tensor, vocabulary: int, sampled: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The batch's tokens and a sample that stands for all others (https://aclanthology.org/P15-1001).

    Returns their ids, what is added to their logits, and the places of `wanted` among them.
    """
    inside = torch.zeros(vocabulary, dtype=torch.bool)
    inside[wanted] = True
    own, others = inside.nonzero()[:, 0], (~inside).nonzero()[:, 0]
    correction = torch.zeros(len(own) + sampled)
    correction[len(own) :] = math.log(len(others) / sampled)
    places = torch.zeros(vocabulary, dtype=torch.int64)
    places[own] = torch.arange(len(own))
    return torch.cat([own, others[torch.randint(len(others), (sampled,))]]), correction, places[wanted]


@torch.no_grad()
def translate(model: MarianMTModel, tokeniser: PreTrainedTokenizerFast, pairs: list[Row]) -> list[str]:
    """Greedy translations of the sources, slots and all."""
    order = sorted(range(len(pairs)), key=lambda place: len(pairs[place]["source"]))
    translations = [""] * len(pairs)
    for start in range(0, len(order), 50):
        part = order[start : start + 50]
        inputs = tokeniser(
            [asked(pairs[place]) for place in part],
            return_tensors="pt",
            padding=True,
            truncation=True,
            return_token_type_ids=False,
        )
        longest = int(1.5 * inputs.input_ids.shape[1]) + 10
        outputs = model.generate(**inputs, num_beams=1, do_sample=False, max_new_tokens=longest)
        for place, ids in zip(part, outputs, strict=True):
            translations[place] = tokeniser.decode(ids, skip_special_tokens=True)
    return translations


def score(model: MarianMTModel, tokeniser: PreTrainedTokenizerFast, pairs: list[Row]) -> float:
    """chrF2 of the greedy translations, of the texts with slots."""
    outputs = translate(model, tokeniser, pairs)
    return sacrebleu.corpus_chrf(outputs, [[pair["target"] for pair in pairs]]).score
