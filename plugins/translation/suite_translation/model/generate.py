"""Asks a seq2seq model: candidates for texts, batched by length, and which word came from which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from suite_translation.model.codec import Codec

BATCH = 64
"""Texts generated at once: on two cores more brings nothing, and a GPU holds far more of them."""
_ROOM = 16
"""Tokens that any translation may have more than twice the source's: a word of one token may need ten."""


class Asked(NamedTuple):
    """A text with slots, and the language it is wanted in."""

    text: str
    language: str


@dataclass(frozen=True)
class Candidate:
    """A translation with slots, and the mean log probability of its tokens."""

    text: str
    log_probability: float


def candidates(
    model: Any, codec: Codec, asked: Sequence[Asked], *, beams: int, unlooped: bool = False
) -> list[list[Candidate]]:
    """For each text its candidates, the best first: as many as there are beams.

    Equal texts are asked once. With `unlooped` no three tokens may come twice, which breaks loops and good sentences.
    """
    ids = {text: codec.encode(*text) for text in dict.fromkeys(asked)}
    order = sorted(ids, key=lambda text: len(ids[text]))
    answers: dict[Asked, list[Candidate]] = {}
    for start in range(0, len(order), BATCH):
        batch = order[start : start + BATCH]
        answers.update(
            zip(batch, _generated(model, codec, batch, [ids[text] for text in batch], beams, unlooped), strict=True)
        )
    return [answers[text] for text in asked]


def _generated(
    model: Any, codec: Codec, batch: Sequence[Asked], ids: list[list[int]], beams: int, unlooped: bool
) -> list[list[Candidate]]:
    inputs = padded(ids, codec.tokenizer.pad_token_id, model.device)
    begun = codec.beginnings([text.language for text in batch]).to(model.device)
    longest = min(2 * max(map(len, ids)) + _ROOM, codec.limit - begun.shape[1])
    special = {codec.tokenizer.pad_token_id, codec.tokenizer.unk_token_id} - {codec.tokenizer.eos_token_id, None}
    out = model.generate(
        **inputs,
        decoder_input_ids=begun,
        decoder_start_token_id=begun[:, 0],  # mBART's first model starts with the language
        max_new_tokens=longest,
        num_beams=beams,
        num_return_sequences=beams,
        do_sample=False,
        length_penalty=1.0,  # so that a candidate's score is the mean over its tokens
        no_repeat_ngram_size=3 if unlooped else 0,
        suppress_tokens=sorted(special),
        return_dict_in_generate=True,
        output_scores=True,
    )
    scores = out.sequences_scores if beams > 1 else _means(model, out, codec.tokenizer.eos_token_id)
    made = [
        Candidate(codec.decode(row), score)
        for row, score in zip(out.sequences.tolist(), scores.float().tolist(), strict=True)
    ]
    return [made[place * beams : (place + 1) * beams] for place in range(len(batch))]


def _means(model: Any, out: Any, end: int) -> torch.Tensor:
    """Mean log probability of each greedy answer's tokens, the end included: (N,)."""
    steps = model.compute_transition_scores(out.sequences, out.scores, normalize_logits=True)
    ended = (out.sequences[:, -steps.shape[1] :] == end).long()
    real = ended.cumsum(dim=1) - ended == 0  # behind the end is padding
    return torch.where(real, steps, 0).sum(dim=1) / real.sum(dim=1)


def padded(ids: Sequence[Sequence[int]], pad: int, device: Any = "cpu") -> dict[str, torch.Tensor]:
    """`input_ids` and `attention_mask`, (N, longest) int64."""
    longest = max(map(len, ids))
    rows = [[*row, *[pad] * (longest - len(row))] for row in ids]
    mask = [[1] * len(row) + [0] * (longest - len(row)) for row in ids]
    return {
        "input_ids": torch.tensor(rows, device=device),
        "attention_mask": torch.tensor(mask, device=device),
    }


def align(model: Any, codec: Codec, asked: Asked, target: str) -> list[tuple[str, str, float]]:
    """For each word of `target` (with slots) the word of the source it came from, and that word's share of attention.

    Cross-attention of a forced pass, averaged over heads and all layers but the last, whose attention looks ahead to
    the next word (Garg et al. 2019, https://aclanthology.org/D19-1453/); with fewer than three layers, over all.
    """
    ids, labels = codec.encode(*asked), codec.labels(target, asked.language)
    inputs = padded([ids], codec.tokenizer.pad_token_id, model.device)
    held = model.config._attn_implementation
    model.set_attn_implementation("eager")  # the others do not tell what they attend to
    try:
        with torch.no_grad():
            out = model(**inputs, labels=torch.tensor([labels], device=model.device), output_attentions=True)
    finally:
        model.set_attn_implementation(held)
    layers = out.cross_attentions[:-1] if len(out.cross_attentions) > 2 else out.cross_attentions
    weights = torch.stack([layer[0].float().mean(dim=0) for layer in layers]).mean(dim=0)
    said = len(codec.instruction(asked.language).split())
    return _pairs(codec.words(ids)[said:], codec.words(labels), weights)


def _pairs(
    sources: list[tuple[str, list[int]]], targets: list[tuple[str, list[int]]], weights: torch.Tensor
) -> list[tuple[str, str, float]]:
    pairs = []
    for word, places in targets if sources else []:
        shares = torch.stack([weights[places][:, from_].sum(dim=1).mean() for _, from_ in sources])
        shares = shares / shares.sum().clamp(min=1e-9)
        best = int(shares.argmax())
        pairs.append((sources[best][0], word, float(shares[best])))
    return pairs
