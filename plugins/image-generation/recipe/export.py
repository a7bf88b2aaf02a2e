"""Writes what is shipped: the pipeline and the small CLIP, in float16.

python export.py work/vae work/clip work/unet ../suite_image_generation
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from diffusers import AutoencoderTiny
from safetensors.torch import load_file
from transformers import CLIPImageProcessor, CLIPModel, CLIPTextModel, CLIPTokenizer
from unet import build_unet, pipeline

LARGEST = "15MB"
"""What a file may weigh at most, with a margin."""


def export(vae: Path, clip: Path, unet: Path, out: Path) -> None:
    """`out/starter` and, once the vision tower is trained, `out/evaluator`."""
    network = build_unet()
    network.load_state_dict(load_file(unet / "average.safetensors"))
    tokenizer = CLIPTokenizer.from_pretrained(clip)
    text = CLIPTextModel.from_pretrained(clip)
    pipe = pipeline(network, AutoencoderTiny.from_pretrained(vae), text, tokenizer).to(torch.float16)
    pipe.save_pretrained(out / "starter", max_shard_size=LARGEST)
    amend(out / "starter" / "vae" / "config.json", block_out_channels=None, _name_or_path=None)
    amend(out / "starter" / "text_encoder" / "config.json", dtype="float32")
    if (clip / "preprocessor_config.json").exists():
        CLIPModel.from_pretrained(clip).half().save_pretrained(out / "evaluator")
        amend(out / "evaluator" / "config.json", dtype="float32")
        tokenizer.save_pretrained(out / "evaluator")
        CLIPImageProcessor.from_pretrained(clip).save_pretrained(out / "evaluator")


def amend(config: Path, **changes: str | None) -> None:
    """Changes settings in a config, or takes them out if None.

    A path of this machine goes, and a setting that its class writes but warns of. Transformers would load float16 where
    the rest of the pipeline is float32.
    """
    settings = json.loads(config.read_text()) | changes
    config.write_text(json.dumps({k: v for k, v in settings.items() if v is not None}, indent=2) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("vae", "clip", "unet", "out"):
        parser.add_argument(name, type=Path)
    given = parser.parse_args()
    export(given.vae, given.clip, given.unet, given.out)
