"""Pipelines of the real classes with a few thousand random weights, and pictures to feed them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))  # pytest's importlib mode puts no test folder on the path

import image_toys
from image_toys import autoencoder, text_config


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory):
    """A CLIP tokenizer that knows single letters only."""
    return image_toys.tokenizer(tmp_path_factory.mktemp("tokenizer"))


@pytest.fixture(scope="session")
def tiny_noise(tokenizer):
    """A StableDiffusionPipeline that predicts noise: 16 x 16 RGBA pictures."""
    return image_toys.noise_pipeline(tokenizer)


@pytest.fixture(scope="session")
def tiny_flow(tokenizer):
    """A StableDiffusion3Pipeline, a rectified flow: 16 x 16 RGB pictures."""
    import torch
    from diffusers import FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel, StableDiffusion3Pipeline
    from transformers import CLIPTextModelWithProjection

    torch.manual_seed(0)
    transformer = SD3Transformer2DModel(
        sample_size=8, patch_size=1, in_channels=4, out_channels=4, num_layers=1, attention_head_dim=8,
        num_attention_heads=4, joint_attention_dim=32, caption_projection_dim=32, pooled_projection_dim=32,
    )  # fmt: skip
    encoders = [CLIPTextModelWithProjection(text_config(tokenizer)).eval() for _ in range(2)]
    return StableDiffusion3Pipeline(
        transformer=transformer.eval(), scheduler=FlowMatchEulerDiscreteScheduler(), vae=autoencoder(channels=3),
        text_encoder=encoders[0], tokenizer=tokenizer, text_encoder_2=encoders[1], tokenizer_2=tokenizer,
        text_encoder_3=None, tokenizer_3=None,
    )  # fmt: skip


@pytest.fixture(scope="session")
def tiny_clip(tokenizer):
    """An evaluator of the class that is shipped, with random weights."""
    import torch
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPVisionConfig

    from suite_image_generation.model.encoder import Encoder

    torch.manual_seed(0)
    vision = CLIPVisionConfig(
        hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=16, patch_size=4,
        projection_dim=16,
    )  # fmt: skip
    config = CLIPConfig(text_config=text_config(tokenizer).to_dict(), vision_config=vision.to_dict(), projection_dim=16)
    sized = CLIPImageProcessor(size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16})
    return Encoder("tiny", CLIPModel(config).eval(), tokenizer, sized)


@pytest.fixture(scope="session")
def noise_folder(tiny_noise, tmp_path_factory):
    """`tiny_noise` as a folder."""
    folder = tmp_path_factory.mktemp("models") / "tiny-noise"
    tiny_noise.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def flow_folder(tiny_flow, tmp_path_factory):
    """`tiny_flow` as a folder."""
    folder = tmp_path_factory.mktemp("models") / "tiny-flow"
    tiny_flow.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def xl_folder(tokenizer, tmp_path_factory):
    """A StableDiffusionXLPipeline: 16 x 16 RGB pictures."""
    import torch
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


@pytest.fixture
def picture_folder(tmp_path):
    """Twelve pictures of three shapes with a text file beside each."""
    from PIL import Image

    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(12):
        size = [(32, 32), (64, 32), (32, 64)][number % 3]
        Image.effect_noise(size, 60 + number).convert("RGB").save(folder / f"{number:02}.png")
        (folder / f"{number:02}.txt").write_text(f"picture {chr(97 + number)}")
    return folder


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """A cache of this test's own."""
    monkeypatch.setenv("SUITE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"
