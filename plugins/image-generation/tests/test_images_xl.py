"""Stable Diffusion XL is conditioned on sizes and crops too."""

from dataclasses import replace

import numpy as np
import torch
from PIL import Image

from suite import TrainingData
from suite_image_generation.domain import IMAGE_GENERATION
from suite_image_generation.generation.sampling import decode, sample
from suite_image_generation.model.pipelines import encode_pictures, load_pipeline
from suite_image_generation.pictures.request import Request


def test_sizes_and_crops_are_given(xl_folder, picture_folder, own_cache):
    Image.effect_noise((64, 16), 80).convert("RGB").save(picture_folder / "00.png")
    task = IMAGE_GENERATION.task(max_ratio=1)
    rows = task.data.read(picture_folder).map(lambda row: {"image": str(picture_folder / row["image"])})
    model = task.load(xl_folder, TrainingData(rows))
    batch = model.collate(model.prepare(rows, "train")[:2])
    (group,) = batch["groups"]
    # height and width, top and left of the crop, height and width of the crop
    assert group["conditions"]["time_ids"].tolist() == [[16, 64, 0, 24, 16, 16], [32, 64, 0, 8, 16, 16]]
    assert group["conditions"]["encoder_hidden_states"].shape == (2, 16, 32)
    assert group["conditions"]["text_embeds"].shape == (2, 16)
    with torch.no_grad():
        assert torch.isfinite(model.loss(model.network.eval(), batch))
    assert sample(model.pipeline, [Request("a cat", seed=1, steps=2)])[0].size == (16, 16)


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


def test_a_picture_from_a_picture_is_the_stock_pipelines(xl_folder):
    from diffusers import StableDiffusionXLImg2ImgPipeline

    pipe = load_pipeline(xl_folder)
    given = Image.effect_noise((16, 16), 90).convert("RGB")
    asked = [Request("a cat", seed=n, steps=6, guidance=4.0, image=given, strength=0.5) for n in (1, 2)]
    made = sample(pipe, asked)
    stock = StableDiffusionXLImg2ImgPipeline.from_pretrained(xl_folder)
    for seed, picture in zip((1, 2), made, strict=True):
        (expected,) = stock(
            "a cat", image=encode_pictures(pipe, [given]), strength=0.5, num_inference_steps=6, guidance_scale=4.0,
            generator=torch.Generator().manual_seed(seed),
        ).images  # fmt: skip
        assert np.abs(np.asarray(picture).astype(int) - np.asarray(expected)).max() <= 1
    assert not np.array_equal(*map(np.asarray, made))
    (kept,) = sample(pipe, [replace(asked[0], strength=0.2)])
    (same,) = decode(pipe, encode_pictures(pipe, [given]))
    apart = [np.abs(np.asarray(image).astype(int) - np.asarray(same)).mean() for image in (kept, made[0])]
    assert apart[0] < apart[1]
