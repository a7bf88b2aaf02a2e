"""The toy's model: `replace(TOY, model=Subclass.load)` makes a toy with another one."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import torch

from suite import Model, SuiteError
from suite_toy.domain import LABELS, ToyConfig
from suite_toy.network import ToyNetwork


@dataclass
class ToyModel(Model):
    network: ToyNetwork
    config: ToyConfig
    validated: int | None = None
    """How many validation answers it was calibrated with."""

    @classmethod
    def load(cls, source, config, data):
        network = ToyNetwork.from_pretrained(source, local_files_only=True, use_safetensors=True)
        return cls(network, config, getattr(network.config, "validated", None))

    def lengths(self, examples):
        return [len(example["word"]) for example in examples]

    def augment(self, example, generator):
        letters = [
            chr(97 + int(generator.integers(26))) if generator.random() < self.config.noise else letter
            for letter in example["word"]
        ]
        return {**example, "word": "".join(letters)}

    def collate(self, examples):
        width = max(len(example["word"]) for example in examples)
        codes = [[max(ord(c) - 96, 0) % 27 for c in e["word"].lower()] for e in examples]
        batch = {"input_ids": torch.tensor([row + [0] * (width - len(row)) for row in codes])}
        if all(example.get("label") for example in examples):
            batch["labels"] = torch.tensor([LABELS.index(example["label"]) for example in examples])
        return batch

    def infer(self, batch):
        shares = self.network(batch["input_ids"]).logits.softmax(-1).tolist()
        return [{"label": LABELS[share.index(max(share))], "vowels": share[1]} for share in shares]

    def inputs(self, argument):
        if not argument.isalpha():
            raise SuiteError(f"{argument!r} is no word; give letters only.")
        return [{"word": argument}]

    def calibrate(self, predictions, references):
        return replace(self, validated=len(predictions))

    def save(self, path):
        super().save(path)
        if self.validated is not None:
            settings = copy.copy(self.network.config)
            settings.validated = self.validated
            settings.save_pretrained(path)

    def save_adapter(self, adapted, path):
        names = [name for name, _ in adapted.named_parameters() if "lora_" in name]
        (path / "toy.txt").write_text("\n".join(names))


load = ToyModel.load
