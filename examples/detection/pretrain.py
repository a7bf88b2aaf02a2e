"""Makes the starter's weights: python pretrain.py [STEPS]; some ten minutes on one core.

A Conditional DETR of transformers, all of it, on drawings by day that are never drawn twice.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from transformers import ConditionalDetrConfig, ConditionalDetrForObjectDetection, ResNetConfig

from suite_detection.data import scaled
from suite_detection.domain import Options
from suite_detection.model import Detector
from suite_detection.starter import SHAPES, SIDE, drawn

BATCH = 16
# Batch norms of a DETR are frozen, and those of an untrained network do nothing: few layers learn without.
BACKBONE = ResNetConfig(
    embedding_size=16, hidden_sizes=[24, 48], depths=[1, 1], layer_type="basic", out_features=["stage2"]
)
SIZES = {"num_queries": 8, "d_model": 48, "encoder_layers": 1, "decoder_layers": 2, "dropout": 0.0}
WIDTHS = {f"{part}_ffn_dim": 96 for part in ("encoder", "decoder")}
HEADS = {f"{part}_attention_heads": 4 for part in ("encoder", "decoder")}


def main(steps: int) -> None:
    """Trains from random weights and writes the folder that the starter ships."""
    torch.manual_seed(0)
    names = dict(enumerate(SHAPES))
    known = {"id2label": names, "label2id": {name: place for place, name in names.items()}}
    config = ConditionalDetrConfig(backbone_config=BACKBONE, auxiliary_loss=True, **SIZES, **WIDTHS, **HEADS, **known)
    network = ConditionalDetrForObjectDetection(config)
    model, generator = Detector(network, Options()), np.random.default_rng(0)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    for step in range(steps):
        rows = [drawn(generator, night=False) for _ in range(BATCH)]
        targets = [model.target({"objects": things}, (SIDE, SIDE)) for _, things in rows]
        pictures = torch.from_numpy(np.stack([scaled(values) for values, _ in rows])).permute(0, 3, 1, 2)
        loss = network(pixel_values=pictures, labels=targets).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 0.5)
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
        if step % 250 == 0:
            print(step, f"{loss.item():.3f}", flush=True)  # noqa: T201 - what it is watched by
    network.save_pretrained(Path(__file__).parent / "suite_detection" / "weights")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 8000)
