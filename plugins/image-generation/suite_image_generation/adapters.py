"""Low-rank adapters in the formats of others: diffusers' and kohya's, both with their scale."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from suite_image_generation.pipelines import name_of_denoiser

KOHYA = "kohya.safetensors"


def save(pipe: Any, model: Any, folder: Path) -> None:
    """Writes `pytorch_lora_weights.safetensors` of a model wrapped by peft; of Stable Diffusion 1 and 2 also kohya's.

    Kohya's programs name the layers of XL by the original's blocks, which differ from those of diffusers.
    On the base pipeline, `pipe.load_lora_weights(folder)` then gives the fine-tuned one.
    """
    from peft import get_peft_model_state_dict

    config = model.peft_config["default"]
    found = get_peft_model_state_dict(model)
    layers = {name.removeprefix("base_model.model."): tensor.cpu() for name, tensor in found.items()}
    part = name_of_denoiser(pipe)
    metadata = {"r": config.r, "lora_alpha": config.lora_alpha, "target_modules": sorted(config.target_modules)}
    given = {f"{part}_lora_layers": layers, f"{part}_lora_adapter_metadata": metadata}
    type(pipe).save_lora_weights(folder, **given)
    if type(pipe).__name__ == "StableDiffusionPipeline":
        _save_kohya(layers, config.r, config.lora_alpha, folder / KOHYA)


def to_kohya(layers: dict[str, torch.Tensor], alpha: float) -> dict[str, torch.Tensor]:
    """Tensors under kohya's names: `lora_unet_…_to_q.lora_down.weight`, `.lora_up.weight` and `.alpha`.

    diffusers' converter writes the rank for alpha, whatever it was.
    """
    found = {}
    for name, tensor in layers.items():
        place, side, _ = name.rsplit(".", 2)
        key = "lora_unet_" + place.replace(".", "_")
        found[f"{key}.{'lora_down' if side == 'lora_A' else 'lora_up'}.weight"] = tensor.contiguous()
        found[f"{key}.alpha"] = torch.tensor(float(alpha))
    return found


def _save_kohya(layers: dict[str, torch.Tensor], rank: int, alpha: float, path: Path) -> None:
    from safetensors.torch import save_file

    told = {"ss_network_module": "networks.lora", "ss_network_dim": str(rank), "ss_network_alpha": str(alpha)}
    save_file(to_kohya(layers, alpha), path, metadata=told)
