"""Model folders of every domain with some thousand weights, and how each is loaded and asked."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import torch

ROOT = Path(__file__).parents[2]
sys.path += [str(folder) for folder in sorted(ROOT.glob("plugins/*/tests"))]

import image_toys  # noqa: E402 - they lie beside the plugins' tests
import recommendation_toys  # noqa: E402
import speech_toys  # noqa: E402
import translation_toys  # noqa: E402
from suite_fraud.model.base import NetworkConfig  # noqa: E402
from suite_fraud.model.residual import FraudNetwork  # noqa: E402


def files(folder: Path) -> dict[str, bytes]:
    """All files below a folder, by their names in it."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def made(make):
    """What `make` writes into an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder))
        return [files(Path(folder))]


def fraud(folder):
    """A network of the core's features and one of a portfolio's own."""
    torch.manual_seed(0)
    FraudNetwork(NetworkConfig(("amount", "hour"), ("number:a",), (), hidden_size=8, layers=2)).save_pretrained(folder)


def images(folder):
    """A pipeline that predicts noise, of one block each: a load builds every module anew."""
    from diffusers import AutoencoderKL, UNet2DConditionModel

    with tempfile.TemporaryDirectory() as words:
        pipe = image_toys.noise_pipeline(image_toys.tokenizer(Path(words)))
        pipe.vae = AutoencoderKL(
            in_channels=4, out_channels=4, down_block_types=("DownEncoderBlock2D",), block_out_channels=(8,),
            up_block_types=("UpDecoderBlock2D",), latent_channels=4, norm_num_groups=4, sample_size=16,
        )  # fmt: skip
        pipe.unet = UNet2DConditionModel(
            sample_size=8, in_channels=4, out_channels=4, block_out_channels=(8,), layers_per_block=1,
            down_block_types=("CrossAttnDownBlock2D",), up_block_types=("CrossAttnUpBlock2D",), mid_block_type=None,
            cross_attention_dim=16, attention_head_dim=4, norm_num_groups=4,
        )  # fmt: skip
        pipe.save_pretrained(folder)


def medical(folder):
    """A classifier of two classes, with what a run keeps beside it."""
    from transformers import ResNetConfig, ResNetForImageClassification

    torch.manual_seed(0)
    config = ResNetConfig(
        embedding_size=4,
        hidden_sizes=[4, 8],
        depths=[1, 1],
        layer_type="basic",
        num_labels=2,
        downsample_in_bottleneck=False,
    )
    ResNetForImageClassification(config).save_pretrained(folder)
    view = {"size": 32, "mean": [0.5] * 3, "std": [0.2] * 3, "fit": "pad"}
    calibration = {"temperature": 1.5, "thresholds": [0.5, 0.5], "cutoffs": {"0.1": 0.2}}
    kept = {"task": {"kind": "one", "classes": ["a", "b"]}, "view": view, "calibration": calibration}
    (folder / "medical.json").write_text(json.dumps(kept))


def recommendations(folder):
    """A recommender of twelve items, with its encoder, catalogue and index."""
    with tempfile.TemporaryDirectory() as scratch:
        recommendation_toys.recommender(Path(scratch)).save(folder)


def speech(folder):
    """A Whisper, with the language and task that a run writes down."""
    speech_toys.whisper(folder)
    path = folder / "generation_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "language": None, "task": "transcribe"}))


def translation(folder):
    """A Marian."""
    translation_toys.marian(folder)


def toy(folder):
    """The toy's starter."""
    import shutil

    import suite_toy

    shutil.copytree(Path(suite_toy.__file__).parent / "starter" / "model", folder, dirs_exist_ok=True)
