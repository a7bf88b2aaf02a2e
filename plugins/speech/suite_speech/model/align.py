"""When each word was said: dynamic time warping over the cross-attention of the heads that follow the sound."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

_SECONDS = 0.02  # between encoder positions
_SMOOTH = 7  # positions of the median filter, OpenAI's choice: shorter than a syllable


def word_groups(tokenizer: Any, tokens: Sequence[int]) -> list[slice]:
    """Runs of tokens that make a word: a word begins with a space, and a letter's bytes stay together.

    In scripts without spaces every complete character or group of characters is a word.
    """
    groups: list[slice] = []
    start = 0
    for at in range(1, len(tokens) + 1):
        text = tokenizer.decode(tokens[start:at])
        whole = "�" not in text
        following = tokenizer.decode(tokens[at : at + 1]) if at < len(tokens) else " "
        spaceless = bool(text) and text[-1] >= "\u0e00" and text[-1].isalpha() and text[-1] < "\uac00"
        if whole and (at == len(tokens) or following.startswith(" ") or (spaceless and following[:1].isalpha())):
            groups.append(slice(start, at))
            start = at
    return groups if start == len(tokens) else [*groups, slice(start, len(tokens))]


def word_times(
    network: Any,
    encoded: torch.Tensor,
    prompt: list[int],
    tokens: list[int],
    end: int,
    heads: Sequence[Sequence[int]] | None,
    seconds: float,
) -> list[tuple[float, float]]:
    """Start and end of each token in seconds, never beyond the sound's `seconds`."""
    positions = min(encoded.shape[1], max(1, int(np.ceil(seconds / _SECONDS))))
    weights = _attention(network, encoded, [*prompt, *tokens, end], heads)[:, :, :positions]
    weights = (weights - weights.mean(1, keepdim=True)) / (weights.std(1, keepdim=True, unbiased=False) + 1e-6)
    smooth = _median(weights).mean(0).cpu().numpy()
    # The row before a token's is where it is predicted from; the row of the last token is the end's.
    starts = warp(-smooth[len(prompt) - 1 : -1])
    bounds = [*(round(float(at) * _SECONDS, 2) for at in starts), round(min(seconds, positions * _SECONDS), 2)]
    return [(bounds[i], max(bounds[i], bounds[i + 1])) for i in range(len(tokens))]


def warp(cost: np.ndarray) -> np.ndarray:
    """First column of each row on the cheapest monotone path through a cost matrix (rows, columns)."""
    rows, columns = cost.shape
    total = np.full((rows + 1, columns + 1), np.inf)
    total[0, 0] = 0
    came = np.zeros((rows + 1, columns + 1), np.int8)
    for row in range(1, rows + 1):
        left = np.inf
        for column in range(1, columns + 1):
            options = (total[row - 1, column - 1], total[row - 1, column], left)
            came[row, column] = step = options.index(min(options))
            left = total[row, column] = options[step] + cost[row - 1, column - 1]
    first = np.zeros(rows, int)
    row, column = rows, columns
    while row > 0:
        first[row - 1] = column - 1
        came_from = int(came[row, column])
        row, column = row - int(came_from != 2), column - int(came_from != 1)
    return first


def repeated(tokens: Sequence[int]) -> int:
    """How many tokens to keep so that no phrase at the end comes more than once, if it came four times or more."""
    for size in range(1, len(tokens) // 4 + 1):
        phrase = list(tokens[-size:])
        count = 1
        while list(tokens[len(tokens) - (count + 1) * size : len(tokens) - count * size]) == phrase:
            count += 1
        if count >= 4 and size * count >= 8:  # "non non non non" is said; eight tokens in circles are not
            return len(tokens) - (count - 1) * size
    return len(tokens)


def _attention(
    network: Any, encoded: torch.Tensor, ids: list[int], heads: Sequence[Sequence[int]] | None
) -> torch.Tensor:
    """Attention of the chosen heads, (heads, tokens, positions); without a choice, all of the upper layers."""
    decoder = network.model.decoder
    queries: dict[int, torch.Tensor] = {}

    def keep(index: int) -> Any:
        def hook(module: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
            queries[index] = named["hidden_states"] if "hidden_states" in named else arguments[0]

        return hook

    hooks = [
        layer.encoder_attn.register_forward_pre_hook(keep(i), with_kwargs=True)
        for i, layer in enumerate(decoder.layers)
    ]
    try:
        decoder(input_ids=torch.tensor([ids], device=encoded.device), encoder_hidden_states=encoded, use_cache=False)
    finally:
        for hook in hooks:
            hook.remove()
    count = decoder.layers[0].encoder_attn.num_heads
    chosen = heads or [(i, h) for i in range(len(decoder.layers) // 2, len(decoder.layers)) for h in range(count)]
    return torch.stack([_head(decoder.layers[i].encoder_attn, queries[i], encoded, h) for i, h in chosen])


def _head(attention: Any, queries: torch.Tensor, encoded: torch.Tensor, head: int) -> torch.Tensor:
    part = slice(head * attention.head_dim, (head + 1) * attention.head_dim)
    query = (attention.q_proj(queries) * attention.scaling)[0, :, part].float()
    key = attention.k_proj(encoded)[0, :, part].float()
    return (query @ key.T).softmax(-1)


def _median(weights: torch.Tensor) -> torch.Tensor:
    if weights.shape[-1] <= _SMOOTH // 2:
        return weights
    padded = torch.nn.functional.pad(weights, (_SMOOTH // 2, _SMOOTH // 2), mode="reflect")
    return padded.unfold(-1, _SMOOTH, 1).median(-1).values
