"""What is shipped: the pipeline draws in plain diffusers, the CLIP knows its words, the parquets their columns."""

from __future__ import annotations

import io

import pyarrow.parquet as pq
import pytest
import torch
from diffusers import AutoencoderTiny, DiffusionPipeline, StableDiffusionPipeline
from PIL import Image
from transformers import AutoTokenizer, CLIPModel

from suite.assets.resolve import fetch
from suite_image_generation.pictures.alpha import to_picture, to_pixels
from suite_image_generation.starter.assets import EMOJI, EVALUATOR, MODEL, STARTER, STYLE


@pytest.fixture(scope="module")
def pipe() -> StableDiffusionPipeline:
    loaded = DiffusionPipeline.from_pretrained(fetch(MODEL))
    loaded.set_progress_bar_config(disable=True)
    return loaded


def draw(pipe: StableDiffusionPipeline, prompt: str, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    latents = pipe(prompt, num_inference_steps=12, guidance_scale=4.0, generator=generator, output_type="latent").images
    with torch.no_grad():
        return pipe.vae.decode(latents / pipe.vae.config.scaling_factor).sample[0]


def test_the_starter_is_a_stock_pipeline_of_four_channels(pipe: StableDiffusionPipeline) -> None:
    assert type(pipe) is StableDiffusionPipeline
    assert isinstance(pipe.vae, AutoencoderTiny)
    assert (pipe.vae.config.in_channels, pipe.vae.config.out_channels, pipe.unet.config.in_channels) == (4, 4, 4)
    assert pipe.safety_checker is None
    assert next(pipe.unet.parameters()).dtype == torch.float32


def test_a_red_heart_is_red_in_the_middle_and_transparent_in_the_corners(pipe: StableDiffusionPipeline) -> None:
    picture = to_picture(draw(pipe, "red heart", seed=0))
    assert (picture.mode, picture.size) == ("RGBA", (64, 64))
    corners = [picture.getpixel((x, y))[3] for x in (1, 62) for y in (1, 62)]
    assert max(corners) < 30
    red, green, blue, alpha = picture.getpixel((32, 28))
    assert alpha > 225
    assert red > 150 > max(green, blue)


def test_a_seed_draws_the_same_picture_again_and_another_seed_another(pipe: StableDiffusionPipeline) -> None:
    first = draw(pipe, "cat", seed=3)
    assert torch.equal(first, draw(pipe, "cat", seed=3))
    assert not torch.equal(first, draw(pipe, "cat", seed=4))


def test_the_text_tower_has_kitten_nearer_to_cat_than_to_car() -> None:
    folder = fetch(EVALUATOR)
    model, tokenizer = CLIPModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    batch = tokenizer(["kitten", "cat", "car"], padding=True, return_tensors="pt")
    with torch.no_grad():
        got = model.text_projection(model.text_model(**batch).pooler_output)
    kitten, cat, car = torch.nn.functional.normalize(got, dim=-1)
    assert kitten @ cat > kitten @ car + 0.2


def test_the_pipeline_reads_with_the_evaluators_text_tower(pipe: StableDiffusionPipeline) -> None:
    tower = CLIPModel.from_pretrained(fetch(EVALUATOR)).text_model
    ids = pipe.tokenizer("a cat", padding="max_length", return_tensors="pt").input_ids
    assert ids.shape == (1, 24)
    with torch.no_grad():
        torch.testing.assert_close(pipe.text_encoder(ids)[0], tower(ids)[0])


@pytest.mark.parametrize(("asset", "rows"), [(EMOJI, 518), (STYLE, 40)])
def test_parquets_hold_rgba_pictures_with_lower_case_captions(asset: object, rows: int) -> None:
    table = pq.read_table(fetch(asset)).to_pylist()
    assert len(table) == rows
    for row in table:
        picture = Image.open(io.BytesIO(row["image"]["bytes"]))
        assert (picture.format, picture.mode, picture.size) == ("PNG", "RGBA", (64, 64))
        assert row["caption"] == row["caption"].lower() == row["captions"][0]
        assert row["category"]
        assert row["unicode"]


def test_pixels_hide_colours_that_do_not_show_and_come_back_exactly() -> None:
    picture = Image.new("RGBA", (2, 1), (10, 20, 30, 0))
    picture.putpixel((1, 0), (255, 0, 128, 200))
    pixels = to_pixels(picture)
    assert pixels[:, 0, 0].tolist() == [1, 1, 1, -1]
    assert to_picture(pixels).getpixel((1, 0)) == (255, 0, 128, 200)
    assert to_pixels(Image.new("L", (1, 1), 0))[3].item() == 1


def test_the_default_model_and_data_are_among_the_assets() -> None:
    names = [asset.name for asset in STARTER.assets]
    assert {STARTER.model, STARTER.data} <= set(names)
