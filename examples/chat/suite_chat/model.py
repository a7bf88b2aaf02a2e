"""The model: conversations become tokens, and tokens a reply that grows."""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from suite import Batch, Model, Prediction, Stage, TrainingData, decoding
from transformers import AutoModelForCausalLM, AutoTokenizer

from suite_chat.data import Message, asked, example
from suite_chat.domain import Options

if TYPE_CHECKING:
    from datasets import Dataset


def load(source: Path, config: Options, data: TrainingData | None) -> ChatModel:
    """A causal language model whose tokenizer knows how conversations are written."""
    network = AutoModelForCausalLM.from_pretrained(source, local_files_only=True, use_safetensors=True)
    return ChatModel(network, config, AutoTokenizer.from_pretrained(source, local_files_only=True))


@dataclass
class ChatModel(Model):
    """Any causal language model that transformers' Auto classes load, with a chat template."""

    network: Any
    config: Options
    processor: Any

    def prepare(self, rows: Dataset, stage: Stage) -> Sequence[Any]:
        """The messages before the reply, and the reply."""
        return [example(messages) for messages in rows["messages"]]

    def lengths(self, examples: Sequence[Any]) -> list[int]:
        """Characters stand for tokens: batches of alike lengths need little padding."""
        return [sum(len(m["content"]) for m in e["messages"]) + len(e.get("reply", "")) for e in examples]

    def collate(self, examples: Sequence[Any]) -> Batch:
        """Prompts (n, p), padded on the left; where there are replies also prompt and reply (n, t) with labels."""
        prompts = [self._prompt(example["messages"]) for example in examples]
        batch = {"prompt": self._padded(prompts, left=True), "prompt_mask": self._mask(prompts, left=True)}
        if all(example.get("reply") for example in examples):
            end = self.processor.eos_token_id
            replies = [[*self._tokens(example["reply"]), end] for example in examples]
            whole = [prompt + reply for prompt, reply in zip(prompts, replies, strict=True)]
            batch["input_ids"], batch["attention_mask"] = self._padded(whole), self._mask(whole)
            asked = [[-100] * len(prompt) + reply for prompt, reply in zip(prompts, replies, strict=True)]
            batch["labels"] = self._padded(asked, fill=-100)
        return batch

    def loss(self, network: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """Cross entropy of the reply's tokens."""
        return network(**{name: batch[name] for name in ("input_ids", "attention_mask", "labels")}).loss

    def infer(self, batch: Batch) -> list[Prediction]:
        """The likeliest reply, token by token."""
        *_, last = self.infer_stream(batch)
        return last

    def infer_stream(self, batch: Batch) -> Generator[list[Prediction], None, None]:
        """The replies after each token."""
        tokens, mask, past = batch["prompt"], batch["prompt_mask"], None
        made: list[list[int]] = [[] for _ in tokens]
        unfinished = set(range(len(made)))
        for _ in range(self.config.reply_tokens):
            places = (mask.cumsum(1) - 1).clamp(min=0)[:, -tokens.shape[1] :]
            seen = self.network(
                input_ids=tokens, attention_mask=mask, position_ids=places, past_key_values=past, use_cache=True
            )
            tokens, past = seen.logits[:, -1:].argmax(-1), seen.past_key_values
            mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1)
            for place, token in enumerate(tokens[:, 0].tolist()):
                if token == self.processor.eos_token_id:
                    unfinished.discard(place)
                elif place in unfinished:
                    made[place].append(token)
            yield [{"reply": self._text(reply)} for reply in made]
            if not unfinished:
                return

    def inputs(self, argument: str) -> list[dict[str, Any]]:
        """A question, or the conversation in a .json file."""
        path = Path(argument)
        if path.suffix and " " not in argument:  # a file's name rather than a question
            with decoding(argument, "give a question in quotes, or a .json file of messages."):
                return [{"messages": asked(json.loads(path.read_text(encoding="utf-8")))}]
        return [{"messages": asked([{"role": "user", "content": argument}])}]

    def _prompt(self, messages: Sequence[Message]) -> list[int]:
        text = self.processor.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        return self._tokens(text)[-self.config.max_tokens :]

    def _tokens(self, text: str) -> list[int]:
        return self.processor(text, add_special_tokens=False)["input_ids"]

    def _text(self, tokens: Sequence[int]) -> str:
        """Without the half of a character whose other bytes are still to come."""
        return self.processor.decode(tokens, skip_special_tokens=True).rstrip("\ufffd")

    def _padded(self, rows: Sequence[Sequence[int]], *, left: bool = False, fill: int = 0) -> torch.Tensor:
        """Rows of one length (n, longest); what fills them is masked, or a label that counts nothing."""
        filled = torch.full((len(rows), max(map(len, rows))), fill)
        for place, row in enumerate(rows):
            filled[place, -len(row) if left else 0 :][: len(row)] = torch.tensor(row)
        return filled

    def _mask(self, rows: Sequence[Sequence[int]], *, left: bool = False) -> torch.Tensor:
        return self._padded([[1] * len(row) for row in rows], left=left)
