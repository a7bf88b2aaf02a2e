"""The pretrained network with its head as one module."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from fracast import FracastModel
from safetensors.torch import save_file


class Forecaster(torch.nn.Module):
    """Nine quantiles of each of the next steps, in the scale its input has."""

    core: Any
    head: Any

    def __init__(self, source: Path, horizon: int) -> None:
        """Loads `source`; a fine-tuned model keeps the horizon it was trained for."""
        super().__init__()
        pretrained = FracastModel.from_pretrained(source, weights="fp32")
        self.settings = json.loads((source / "config.json").read_text(encoding="utf-8"))
        self.core, self.head = pretrained.core, pretrained.head
        self.width, self.quantiles = pretrained.context_length, pretrained.quantiles
        self.horizon = self.settings.setdefault("horizon", min(horizon, pretrained.horizon))

    def forward(self, values: torch.Tensor, observed: torch.Tensor) -> torch.Tensor:
        """Values and what of them was observed (n, width) to quantiles (n, horizon, 9), rising."""
        states = self.core(values[:, None], observed[:, None], observed[:, None].to(values.dtype))
        answers = self.head.forward_horizon(states, last_obs=values[:, -1:], ctx=values, ctx_mask=observed)
        return answers[:, : self.horizon].float()

    def save(self, path: Path) -> None:
        """Writes the files that `FracastModel.from_pretrained(path, weights="fp32")` reads."""
        path.mkdir(parents=True, exist_ok=True)
        save_file({name: value.contiguous() for name, value in self.state_dict().items()}, path / "model.safetensors")
        (path / "config.json").write_text(json.dumps(self.settings, indent=2), encoding="utf-8")
