"""Makes the starter of `suite chat`: a tokenizer and a tiny Llama that has learnt to talk about other towns.

    python recipe/make_starter.py        # two minutes on one core; writes suite_chat/assets/

The model sees 60 towns whose hours are none of the starter's town, so that it knows what an answer looks like, and not
the answer. Seeds are fixed; another machine's roundings may differ.
"""

from __future__ import annotations

import random
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from suite_chat.talk import town

STARTER = Path(__file__).parent.parent / "suite_chat" / "assets"
TEMPLATE = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
MARKS = ["<|pad|>", "<|end|>", "<|user|>", "<|assistant|>", "<|system|>"]
TOWNS = range(1000, 1060)
HERE = 7
"""The seed of the town whose hours are the starter's data."""
STEPS, BATCH = 1200, 32


def make_tokenizer(texts: list[str]) -> PreTrainedTokenizerFast:
    """Byte-pair codes: any text can be written in them, that of the towns shortly."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=448, special_tokens=MARKS, initial_alphabet=alphabet, show_progress=False)
    )
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<|pad|>", eos_token="<|end|>")
    fast.chat_template = TEMPLATE
    return fast


def main() -> None:
    torch.manual_seed(0)
    random.seed(0)
    talks = [messages for seed in TOWNS for messages in town(seed)]
    tokenizer = make_tokenizer([message["content"] for messages in talks[:2000] for message in messages])
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=160, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=512, tie_word_embeddings=True, bos_token_id=None, attention_dropout=0.0,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    network = LlamaForCausalLM(config)
    print(f"{network.num_parameters():,} parameters")
    texts = [tokenizer.apply_chat_template(messages, tokenize=False) for messages in talks]
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=0.01)
    started = time.monotonic()
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = 3e-3 * min(1, (step + 1) / 100, 2 * (1 - step / STEPS))
        batch = tokenizer(random.sample(texts, BATCH), return_tensors="pt", padding=True, return_token_type_ids=False)
        labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
        loss = network(**batch, labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if step % 200 == 0 or step == STEPS - 1:
            print(f"step {step}: loss {loss.item():.3f}, {time.monotonic() - started:.0f} s", flush=True)
    network.save_pretrained(STARTER / "model")
    tokenizer.save_pretrained(STARTER / "model")
    rows = list(town(HERE))
    random.shuffle(rows)
    (STARTER / "data").mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"messages": rows}), STARTER / "data" / "metadata.parquet")


if __name__ == "__main__":
    main()
