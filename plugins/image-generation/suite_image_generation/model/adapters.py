"""Low-rank adapters in the formats of others: diffusers' and kohya's, both with their scale."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from peft import get_peft_model_state_dict
from safetensors.torch import save_file

from suite_image_generation.model.pipelines import name_of_denoiser

KOHYA = "kohya.safetensors"


def save(pipe: Any, adapted: Any, folder: Path) -> None:
    """Writes `pytorch_lora_weights.safetensors` of a denoiser wrapped by peft; of UNets also a file in kohya's layout.

    On the base pipeline, `pipe.load_lora_weights(folder)` then gives the fine-tuned one.
    """
    config = adapted.peft_config["default"]
    trained = get_peft_model_state_dict(adapted)
    layers = {name.removeprefix("base_model.model."): tensor.cpu() for name, tensor in trained.items()}
    part = name_of_denoiser(pipe)
    metadata = {"r": config.r, "lora_alpha": config.lora_alpha, "target_modules": sorted(config.target_modules)}
    given = {f"{part}_lora_layers": layers, f"{part}_lora_adapter_metadata": metadata}
    type(pipe).save_lora_weights(folder, **given)
    kind = type(pipe).__name__
    if kind == "StableDiffusionXLPipeline" and all(".attentions." in name for name in layers):
        depth = pipe.unet.config.layers_per_block
        layers = {as_in_original(name, depth): tensor for name, tensor in layers.items()}
    elif kind != "StableDiffusionPipeline":
        return
    _save_kohya(layers, config.r, config.lora_alpha, folder / KOHYA)


def as_in_original(name: str, layers_per_block: int) -> str:
    """A layer of attention in XL by the blocks of the original code, which number through what diffusers nests.

    Kohya's programs and those that read their files name XL's layers so, and those of Stable Diffusion 1 and 2 not.

    >>> as_in_original("up_blocks.1.attentions.2.proj_in.lora_A.weight", 2)
    'output_blocks.5.1.proj_in.lora_A.weight'
    """
    block, *rest = name.split(".")
    if block == "mid_block":
        return ".".join(["middle_block", "1", *rest[2:]])
    number = int(rest[0]) * (layers_per_block + 1) + int(rest[2])  # each block ends in one that scales
    # The first input block is the convolution before all others; 1 is attention, 0 the convolutions before it.
    place = ["input_blocks", str(number + 1)] if block == "down_blocks" else ["output_blocks", str(number)]
    return ".".join([*place, "1", *rest[3:]])


def to_kohya(layers: dict[str, torch.Tensor], alpha: float) -> dict[str, torch.Tensor]:
    """Tensors under kohya's names: `lora_unet_…_to_q.lora_down.weight`, `.lora_up.weight` and `.alpha`.

    diffusers' converter writes the rank for alpha, whatever it was.
    """
    tensors = {}
    for name, tensor in layers.items():
        place, side, _ = name.rsplit(".", 2)
        key = "lora_unet_" + place.replace(".", "_")
        tensors[f"{key}.{'lora_down' if side == 'lora_A' else 'lora_up'}.weight"] = tensor.contiguous()
        tensors[f"{key}.alpha"] = torch.tensor(float(alpha))
    return tensors


def _save_kohya(layers: dict[str, torch.Tensor], rank: int, alpha: float, path: Path) -> None:
    metadata = {"ss_network_module": "networks.lora", "ss_network_dim": str(rank), "ss_network_alpha": str(alpha)}
    save_file(to_kohya(layers, alpha), path, metadata=metadata)
