"""A pipeline's folder and adapters draw the same pixels in plain diffusers, by the code of the documentation."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from PIL import Image

import suite
from suite.testing.outside import documented, run_outside
from suite_image_generation.config import LORA_TARGETS
from suite_image_generation.domain import IMAGE_GENERATION
from suite_image_generation.generation.sampling import sample
from suite_image_generation.model import adapters
from suite_image_generation.model.pipelines import denoiser, load_pipeline
from suite_image_generation.pictures.request import Request

PAGE = Path(suite.__file__).parent.parent / "docs" / "interoperability.md"
SAVE = "picture.save('theirs.png')"


def drawn(pipe):
    return np.asarray(sample(pipe, [Request("a cat", seed=3, steps=4, guidance=2.0)])[0]).astype(int)


def test_the_documented_lines_draw_as_the_domain_does(noise_folder, tmp_path):
    model = IMAGE_GENERATION.task().load(noise_folder, None)
    torch.manual_seed(0)
    model.network.conv_out.weight.data.normal_(std=0.3)  # so that it is no longer the model it was made of
    model.save(tmp_path / "model")
    run_outside(documented(PAGE, "Image generation") + SAVE, tmp_path)
    theirs = np.asarray(Image.open(tmp_path / "theirs.png")).astype(int)
    assert np.abs(theirs - drawn(model.pipeline)).max() <= 1
    assert np.abs(theirs - drawn(load_pipeline(noise_folder))).mean() > 5


def test_adapters_on_the_base_pipeline_draw_as_the_merged_one(noise_folder, tmp_path):
    shutil.copytree(noise_folder, tmp_path / "base")
    pipe = load_pipeline(noise_folder)
    model = get_peft_model(denoiser(pipe), LoraConfig(r=4, lora_alpha=1.5, target_modules=list(LORA_TARGETS)))
    torch.manual_seed(0)
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.data.normal_(std=0.5)
    (tmp_path / "adapter").mkdir()
    adapters.save(pipe, model, tmp_path / "adapter")
    before = drawn(load_pipeline(noise_folder))
    pipe.unet = model.merge_and_unload()
    run_outside(documented(PAGE, "Image adapters") + SAVE, tmp_path)
    theirs = np.asarray(Image.open(tmp_path / "theirs.png")).astype(int)
    assert np.abs(theirs - drawn(pipe)).max() <= 1
    assert np.abs(theirs - before).mean() > 5
