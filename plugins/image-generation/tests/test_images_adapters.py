"""Adapters in the formats of others: what is saved, loaded by plain diffusers, draws the same pixels."""

import json

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline, UNet2DConditionModel
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict
from safetensors import safe_open
from safetensors.torch import load_file

from suite_image_generation.config import LORA_TARGETS
from suite_image_generation.generation.sampling import sample
from suite_image_generation.model import adapters
from suite_image_generation.model.pipelines import denoiser, load_pipeline
from suite_image_generation.pictures.request import Request


def adapted(folder, alpha):
    """A pipeline whose denoiser has adapters of rank 4 with random weights, and the peft model."""
    pipe = load_pipeline(folder)
    torch.manual_seed(0)
    model = get_peft_model(denoiser(pipe), LoraConfig(r=4, lora_alpha=alpha, target_modules=list(LORA_TARGETS)))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.normal_(std=0.5)
    return pipe, model


def drawn(pipe):
    return np.asarray(sample(pipe, [Request("a cat", seed=3, steps=3, guidance=2.0)])[0]).astype(int)


@pytest.mark.parametrize("alpha", [4, 1.5])
@pytest.mark.parametrize("file", ["pytorch_lora_weights.safetensors", adapters.KOHYA])
def test_plain_diffusers_draws_the_same_pixels(noise_folder, tmp_path, alpha, file):
    pipe, model = adapted(noise_folder, alpha)
    adapters.save(pipe, model, tmp_path)
    before = drawn(load_pipeline(noise_folder))
    pipe.unet = model.merge_and_unload()
    tuned = drawn(pipe)
    assert np.abs(tuned - before).mean() > 5
    plain = StableDiffusionPipeline.from_pretrained(noise_folder, safety_checker=None)
    plain.load_lora_weights(tmp_path, weight_name=file)
    assert np.array_equal(drawn(plain), tuned)


@pytest.mark.parametrize("file", ["pytorch_lora_weights.safetensors", adapters.KOHYA])
def test_plain_diffusers_draws_the_same_pixels_with_xl(xl_folder, tmp_path, file):
    pipe, model = adapted(xl_folder, 1.5)
    adapters.save(pipe, model, tmp_path)
    before = drawn(load_pipeline(xl_folder))
    pipe.unet = model.merge_and_unload()
    tuned = drawn(pipe)
    assert np.abs(tuned - before).mean() > 2
    plain = StableDiffusionXLPipeline.from_pretrained(xl_folder)
    plain.load_lora_weights(tmp_path, weight_name=file)
    assert np.array_equal(drawn(plain), tuned)


def test_layers_of_xl_have_the_names_of_the_original_code():
    with torch.device("meta"):
        unet = UNet2DConditionModel(
            block_out_channels=(320, 640, 1280), down_block_types=("DownBlock2D", *["CrossAttnDownBlock2D"] * 2),
            up_block_types=(*["CrossAttnUpBlock2D"] * 2, "UpBlock2D"), transformer_layers_per_block=(1, 2, 10),
            cross_attention_dim=2048, attention_head_dim=(5, 10, 20), use_linear_projection=True,
        )  # fmt: skip
        model = get_peft_model(unet, LoraConfig(r=4, target_modules=list(LORA_TARGETS)))
    keys = [name.removeprefix("base_model.model.") for name in get_peft_model_state_dict(model)]
    names = [adapters.as_in_original(name, 2) for name in keys]
    assert len(set(names)) == len(names) == 70 * 2 * 4 * 2  # blocks of attention, self and cross, projections, factors
    assert {name.split(".transformer_blocks.")[0] for name in names} == {
        "middle_block.1", *(f"input_blocks.{n}.1" for n in (4, 5, 7, 8)), *(f"output_blocks.{n}.1" for n in range(6)),
    }  # fmt: skip
    deepest = {name.split(".")[0:2][1] for name in names if ".transformer_blocks.9." in name}
    assert deepest == {"7", "8", "1", "0", "2"}, "ten in the third block down, the middle and the first block up"


def test_what_is_no_attention_in_xl_is_saved_for_diffusers_alone(xl_folder, tmp_path):
    pipe = load_pipeline(xl_folder)
    model = get_peft_model(denoiser(pipe), LoraConfig(r=2, target_modules=["to_q", "conv1"]))
    adapters.save(pipe, model, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["pytorch_lora_weights.safetensors"]


def test_a_flow_is_saved_for_diffusers_alone(flow_folder, tmp_path):
    pipe, model = adapted(flow_folder, 1.5)
    adapters.save(pipe, model, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["pytorch_lora_weights.safetensors"]
    pipe.transformer = model.merge_and_unload()
    tuned = drawn(pipe)
    plain = load_pipeline(flow_folder)
    assert np.abs(tuned - drawn(plain)).mean() > 0.5  # untrained gates let little of attention through
    plain.load_lora_weights(tmp_path)
    assert np.array_equal(drawn(plain), tuned)


def test_alpha_and_rank_are_recorded(noise_folder, tmp_path):
    adapters.save(*adapted(noise_folder, 1.5), tmp_path)
    with safe_open(tmp_path / "pytorch_lora_weights.safetensors", "pt") as file:
        metadata = json.loads(file.metadata()["lora_adapter_metadata"])
    assert (metadata["unet.r"], metadata["unet.lora_alpha"]) == (4, 1.5)
    with safe_open(tmp_path / adapters.KOHYA, "pt") as file:
        assert (file.metadata()["ss_network_dim"], file.metadata()["ss_network_alpha"]) == ("4", "1.5")
    kohya = load_file(tmp_path / adapters.KOHYA)
    assert {tensor.item() for name, tensor in kohya.items() if name.endswith(".alpha")} == {1.5}


def test_kohya_names_of_stable_diffusion_1_5():
    with torch.device("meta"):
        unet = UNet2DConditionModel(cross_attention_dim=768, attention_head_dim=8)
        model = get_peft_model(unet, LoraConfig(r=16, lora_alpha=16, target_modules=list(LORA_TARGETS)))
    state = get_peft_model_state_dict(model)
    names = adapters.to_kohya({name.removeprefix("base_model.model."): tensor for name, tensor in state.items()}, 16)
    assert len(names) == 16 * 2 * 4 * 3  # blocks of attention, self and cross, projections, tensors of each
    place = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1"
    assert {name for name in names if name.startswith(place)} == {
        f"{place}_{part}.{end}"
        for part in ("to_q", "to_k", "to_v", "to_out_0")
        for end in ("alpha", "lora_down.weight", "lora_up.weight")
    }
    assert names[f"{place}_to_q.lora_down.weight"].shape == (16, 1280)
    place = "lora_unet_down_blocks_0_attentions_1_transformer_blocks_0_attn2"
    assert names[f"{place}_to_k.lora_down.weight"].shape == (16, 768)
    assert names[f"{place}_to_out_0.lora_up.weight"].shape == (320, 16)
