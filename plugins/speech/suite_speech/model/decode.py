"""Token by token: greedy or sampled decoding of a batch, with what the guards need to judge the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

SEED = 0  # sampling at a higher temperature must give the same text each time


@dataclass(frozen=True)
class Decoded:
    """Text tokens with their probabilities, the mean log-probability, and the chance that nobody speaks."""

    tokens: list[int]
    probabilities: list[float]
    logprob: float
    no_speech: float

    @property
    def confidence(self) -> float:
        """Mean probability of the tokens."""
        return sum(self.probabilities) / len(self.probabilities) if self.probabilities else 0.0

    def cut(self, length: int) -> Decoded:
        """The first `length` tokens alone."""
        return replace(self, tokens=self.tokens[:length], probabilities=self.probabilities[:length])


def decode(
    network: Any,
    tokenizer: Any,
    encoded: torch.Tensor,
    prompts: Sequence[list[int]],
    limit: int,
    temperature: float,
) -> list[Decoded]:
    """Answers of at most `limit` tokens for encoder output (batch, positions, width); all prompts have one length."""
    settings, device = network.generation_config, encoded.device
    forbidden = _forbidden(settings, network, device)
    generator = torch.Generator().manual_seed(SEED)
    ids = torch.tensor(prompts, device=device)
    done = torch.zeros(len(prompts), dtype=torch.bool, device=device)
    tokens, chances, silent, past = [], [], torch.zeros(len(prompts)), None
    end = settings.eos_token_id[0] if isinstance(settings.eos_token_id, list) else settings.eos_token_id
    for step in range(limit):
        out = network.model.decoder(input_ids=ids, encoder_hidden_states=encoded, past_key_values=past, use_cache=True)
        past = out.past_key_values
        logits = network.proj_out(out.last_hidden_state).float()
        if step == 0:
            silent = _no_speech(tokenizer, logits[:, 0]).cpu()
        scores = logits[:, -1] + forbidden[0 if step == 0 else 1]
        chosen = _choose(scores, temperature, generator)
        chosen = torch.where(done, end, chosen)
        tokens.append(chosen)
        chances.append(scores.log_softmax(-1).gather(1, chosen[:, None])[:, 0])
        done = done | (chosen == end)
        if bool(done.all()):
            break
        ids = chosen[:, None]
    return _collected(torch.stack(tokens, 1).tolist(), torch.stack(chances, 1).tolist(), silent.tolist(), end)


def logits_of(network: Any, ids: torch.Tensor, encoded: torch.Tensor) -> torch.Tensor:
    """Scores of the next token at each position, float32 (batch, tokens, vocabulary)."""
    hidden = network.model.decoder(input_ids=ids, encoder_hidden_states=encoded, use_cache=False).last_hidden_state
    return network.proj_out(hidden).float()


def _collected(tokens: list[list[int]], chances: list[list[float]], silent: list[float], end: int) -> list[Decoded]:
    answers = []
    for row, logs, nobody in zip(tokens, chances, silent, strict=True):
        length = row.index(end) if end in row else len(row)
        judged = logs[: length + 1]  # the end token is part of the judgement, as in the paper
        probabilities = torch.tensor(logs[:length]).exp().tolist()
        answers.append(Decoded(row[:length], probabilities, sum(judged) / len(judged), nobody))
    return answers


def _choose(scores: torch.Tensor, temperature: float, generator: torch.Generator) -> torch.Tensor:
    if temperature == 0:
        return scores.argmax(-1)
    chances = (scores / temperature).softmax(-1).cpu()
    return torch.multinomial(chances, 1, generator=generator)[:, 0].to(scores.device)


def _forbidden(settings: Any, network: Any, device: torch.device) -> list[torch.Tensor]:
    """Masks of what may not be said at the first step and later: noises, and control tokens other than the end."""
    later = torch.zeros(network.proj_out.weight.shape[0], device=device)
    later[settings.suppress_tokens or []] = -torch.inf
    later[settings.no_timestamps_token_id :] = -torch.inf
    first = later.clone()
    first[settings.begin_suppress_tokens or []] = -torch.inf
    return [first, later]


def _no_speech(tokenizer: Any, logits: torch.Tensor) -> torch.Tensor:
    known = tokenizer.get_vocab()
    ids = [known[token] for token in ("<|nospeech|>", "<|nocaptions|>") if token in known]
    return logits.softmax(-1)[:, ids[0]] if ids else torch.zeros(len(logits))
