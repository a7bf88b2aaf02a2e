"""Stable Diffusion XL is conditioned on sizes and crops too."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model
from PIL import Image

from suite_image_generation import adapters, preflight
from suite_image_generation.config import ImageConfig
from suite_image_generation.domain import ImageGenerationDomain
from suite_image_generation.pipelines import denoiser, load_pipeline
from suite_image_generation.sampling import Request, sample


@pytest.fixture(scope="module")
def xl_folder(tokenizer, tmp_path_factory):
    from diffusers import AutoencoderKL, EulerDiscreteScheduler, StableDiffusionXLPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    torch.manual_seed(0)
    text = CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=16, projection_dim=16, eos_token_id=tokenizer.eos_token_id,
        bos_token_id=tokenizer.bos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    unet = UNet2DConditionModel(
        sample_size=8, in_channels=4, out_channels=4, block_out_channels=(8, 16), layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=32, attention_head_dim=4, norm_num_groups=4, addition_embed_type="text_time",
        addition_time_embed_dim=4, projection_class_embeddings_input_dim=16 + 6 * 4,
    )  # fmt: skip
    vae = AutoencoderKL(
        in_channels=3, out_channels=3, down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2, block_out_channels=(8, 8), latent_channels=4, norm_num_groups=4,
    )  # fmt: skip
    pipe = StableDiffusionXLPipeline(
        vae=vae, text_encoder=CLIPTextModel(text), text_encoder_2=CLIPTextModelWithProjection(text),
        tokenizer=tokenizer, tokenizer_2=tokenizer, unet=unet, scheduler=EulerDiscreteScheduler(),
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("models") / "tiny-xl"
    pipe.save_pretrained(folder)
    return folder


def test_sizes_and_crops_are_given(xl_folder, picture_folder, own_cache):
    Image.effect_noise((64, 16), 80).convert("RGB").save(picture_folder / "00.png")
    domain = ImageGenerationDomain(ImageConfig(max_ratio=1))
    rows = domain.read(picture_folder).map(lambda row: {"image": str(picture_folder / row["image"])})
    model = domain.load_model(xl_folder, rows).eval()
    batch = domain.collate(domain.prepare(rows, model, training=True)[:2])
    (group,) = batch["groups"]
    # height and width, top and left of the crop, height and width of the crop
    assert group["conditions"]["time_ids"].tolist() == [[16, 64, 0, 24, 16, 16], [32, 64, 0, 8, 16, 16]]
    assert group["conditions"]["encoder_hidden_states"].shape == (2, 16, 32)
    assert group["conditions"]["text_embeds"].shape == (2, 16)
    with torch.no_grad():
        assert torch.isfinite(domain.loss(model, batch))
    assert sample(domain.pipeline, [Request("a cat", seed=1, steps=2)])[0].size == (16, 16)


def test_the_picture_is_the_stock_pipelines(xl_folder):
    pipe = load_pipeline(xl_folder)
    asked = Request("a cat", seed=1, steps=3, guidance=6.0)
    for negative in ("", "a dog"):
        stock = pipe(
            "a cat", negative_prompt=negative or None, num_inference_steps=3, guidance_scale=6.0,
            generator=torch.Generator().manual_seed(1),
        ).images[0]  # fmt: skip
        made = sample(pipe, [replace(asked, negative="x"), replace(asked, negative=negative)])[1]
        assert np.array_equal(np.asarray(made), np.asarray(stock)), negative


def test_no_file_in_kohyas_layout_is_written(xl_folder, tmp_path):
    pipe = load_pipeline(xl_folder)
    model = get_peft_model(denoiser(pipe), LoraConfig(r=2, target_modules=["to_q"]))
    adapters.save(pipe, model, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["pytorch_lora_weights.safetensors"]


def test_its_activations_can_be_counted(xl_folder):
    assert preflight.activations(xl_folder / "unet", 1, ImageConfig()) > 100_000
