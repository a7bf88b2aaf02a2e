"""Pictures from tiny pipelines of the real classes: what a seed, a batch, a scheduler and a given picture do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from suite import SuiteError
from suite_image_generation.generation.sampling import PREVIEWS, batches, of_area, sample, settled, shown, watching
from suite_image_generation.model import schedulers
from suite_image_generation.pictures.request import Request

ASKED = Request("a cat", seed=1, steps=3, guidance=4.0)


@pytest.fixture(params=["tiny_noise", "tiny_flow"])
def pipe(request):
    return request.getfixturevalue(request.param)


def values(picture):
    return np.asarray(picture).astype(int)


def apart(a, b):
    return np.abs(values(a) - values(b)).max()


def test_the_picture_is_the_stock_pipelines(pipe):
    (made,) = sample(pipe, [ASKED])
    stock = pipe("a cat", num_inference_steps=3, guidance_scale=4.0, generator=torch.Generator().manual_seed(1)).images[
        0
    ]
    assert made.size == (16, 16)
    assert made.mode == stock.mode == ("RGBA" if pipe.vae.config.out_channels == 4 else "RGB")
    assert np.ptp(values(made)) > 20
    assert apart(made, stock) == 0


def test_a_picture_is_the_same_alone_and_in_a_batch_whatever_the_order(pipe):
    asked = [replace(ASKED, prompt=prompt, seed=seed) for prompt, seed in (("a", 1), ("b", 2), ("a", 3))]
    together = sample(pipe, asked)
    for request, picture in zip(asked, together, strict=True):
        assert apart(picture, sample(pipe, [request])[0]) <= 1
    for picture, other in zip(together, reversed(sample(pipe, asked[::-1])), strict=True):
        assert apart(picture, other) <= 1
    assert apart(together[0], together[2]) > 8, "another seed"
    assert apart(together[0], sample(pipe, [replace(asked[1], seed=1)])[0]) > 1, "another prompt"


def test_requests_of_unlike_settings_do_not_share_a_batch():
    picture = Image.new("RGB", (16, 16))
    asked = [
        ASKED, replace(ASKED, seed=9), replace(ASKED, steps=4), replace(ASKED, guidance=1.0),
        replace(ASKED, scheduler="euler"), replace(ASKED, image=picture), replace(ASKED, image=picture, strength=0.9),
        replace(ASKED, width=32), replace(ASKED, negative="x"), replace(ASKED, strength=0.9),
    ]  # fmt: skip
    assert batches(asked) == [[0, 1, 9], [2], [3], [4], [5], [6], [7], [8]]
    assert [len(batch) for batch in batches([ASKED] * 19)] == [8, 8, 3]


def test_global_random_state_is_neither_used_nor_changed(pipe):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    (first,) = sample(pipe, [ASKED])
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(6)
    assert apart(first, sample(pipe, [ASKED])[0]) == 0


def test_every_scheduler_by_name_makes_a_picture_and_none_touches_the_pipelines(pipe):
    own, before = pipe.scheduler, len(pipe.scheduler.timesteps)
    made = {name: sample(pipe, [replace(ASKED, scheduler=name, steps=4)])[0] for name in schedulers.names(own)}
    assert pipe.scheduler is own
    assert len(own.timesteps) == before
    assert all(np.ptp(values(picture)) > 10 for picture in made.values())
    default = type(own).__name__
    (name,) = [name for name in made if (schedulers.NOISE | schedulers.FLOW)[name][0] == default and "dpm" not in name]
    assert apart(made[name], sample(pipe, [replace(ASKED, steps=4)])[0]) == 0


def test_a_scheduler_of_the_other_family_is_told(tiny_noise, tiny_flow):
    with pytest.raises(
        SuiteError, match="No scheduler 'flow-euler' for a model that predicts noise or v; there are ddim,"
    ):
        sample(tiny_noise, [replace(ASKED, scheduler="flow-euler")])
    with pytest.raises(SuiteError, match="No scheduler 'ddim' for a model that predicts a flow; there are flow-dpm"):
        sample(tiny_flow, [replace(ASKED, scheduler="ddim")])


def test_the_training_settings_of_a_scheduler_are_kept(tiny_noise):
    own = type(tiny_noise.scheduler).from_config(
        tiny_noise.scheduler.config, prediction_type="v_prediction", beta_end=0.013
    )
    for name in schedulers.names(own):
        made = schedulers.made(own, name)
        assert (made.config.prediction_type, made.config.beta_end) == ("v_prediction", 0.013)


def test_guidance_steps_negative_and_size_matter(pipe):
    (plain,) = sample(pipe, [ASKED])
    for change in ({"guidance": 12.0}, {"steps": 6}, {"negative": "zzz dog"}):
        assert apart(plain, sample(pipe, [replace(ASKED, **change)])[0]) > 0, change
    assert sample(pipe, [replace(ASKED, width=32, height=24)])[0].size == (32, 24)


def test_open_settings_are_the_pipelines_own(tiny_noise, tiny_flow):
    request = settled(tiny_noise, Request("a", 3))
    assert (request.steps, request.guidance, request.width, request.height) == (25, 7.5, 16, 16)
    assert settled(tiny_flow, Request("a", 3)).guidance == 7.0
    assert settled(tiny_noise, Request("a", 3, guidance=0.0)).guidance == 0.0
    assert settled(tiny_noise, Request("a", 3, width=33)).width == 32


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"steps": 0}, "0 steps are not possible: give 1 to 1000"),
        ({"steps": 1001}, "1001 steps"),
        ({"guidance": -1.0}, "guidance of -1 is"),
        ({"guidance": float("nan")}, "guidance of nan is"),
        ({"seed": -1}, "seed -1 is not possible"),
        ({"width": 4096}, "4096 x 16 pixels are too many"),
        (
            {"image": Image.new("RGB", (16, 16)), "strength": 0.1},
            "strength of 0.1 over 3 steps changes nothing: give a strength from 0.33",
        ),
        ({"image": Image.new("RGB", (16, 16)), "strength": 1.2}, "strength of 1.2"),
    ],
)
def test_impossible_settings_are_told(tiny_noise, change, said):
    with pytest.raises(SuiteError, match=said):
        settled(tiny_noise, replace(ASKED, **change))


def test_a_picture_given_is_kept_at_little_strength_and_its_alpha_too(pipe):
    """Encoded and decoded by an untrained autoencoder it is itself no more: compared with that round trip."""
    from suite_image_generation.generation.sampling import decode
    from suite_image_generation.model.pipelines import encode_pictures
    from suite_image_generation.pictures.files import on_white

    given = Image.new("RGBA", (16, 16), (255, 0, 0, 0))
    given.paste((0, 0, 255, 255), (4, 4, 12, 12))
    (same,) = decode(pipe, encode_pictures(pipe, [given]))
    far = {}
    for strength in (0.05, 1.0):
        (made,) = sample(pipe, [replace(ASKED, image=given, strength=strength, steps=20, guidance=1.0)])
        far[strength] = np.abs(values(made) - values(same)).mean()
    assert far[0.05] < far[1.0] / 2
    (opaque,) = sample(pipe, [replace(ASKED, image=on_white(given), strength=0.05, steps=20, guidance=1.0)])
    changed = apart(opaque, sample(pipe, [replace(ASKED, image=given, strength=0.05, steps=20, guidance=1.0)])[0]) > 0
    assert changed == (pipe.vae.config.in_channels == 4)


def test_pictures_given_are_fitted_to_what_the_model_was_trained_with(tiny_noise):
    wide = Image.new("RGB", (400, 100), "red")
    assert sample(tiny_noise, [replace(ASKED, image=wide)])[0].size == (32, 8)
    assert of_area((10, 10), 256) == (16, 16)
    assert of_area((30_000, 1), 256)[1] == 1


def test_pictures_given_share_a_batch_and_stay_their_own(pipe):
    colours = [replace(ASKED, image=Image.new("RGB", (16, 16), name), seed=n) for n, name in enumerate(("red", "blue"))]
    for request, picture in zip(colours, sample(pipe, colours), strict=True):
        assert apart(picture, sample(pipe, [request])[0]) <= 1


def test_the_trajectory_ends_in_the_picture(pipe):
    seen = []
    with watching(lambda *now: seen.append(now)):
        (made,) = sample(pipe, [replace(ASKED, steps=20)])
    assert len(seen) == PREVIEWS
    assert [step for step, *_ in seen][-1] == seen[0][1] == 20
    assert apart(seen[-1][2][0], made) == 0
    assert apart(seen[0][2][0], made) > 4


@pytest.mark.parametrize(("total", "expected"), [(1, 1), (5, 5), (8, 8), (9, 8), (25, 8), (1000, 8)])
def test_previews_are_spread_and_the_last_step_is_among_them(total, expected):
    steps = [step for step in range(total) if shown(step, total)]
    assert (len(steps), steps[-1]) == (expected, total - 1)


def test_values_that_are_no_numbers_become_one_colour_and_spare_the_others(tiny_noise, monkeypatch):
    from suite_image_generation.generation.screening import is_blank

    decode = tiny_noise.vae.decode

    def poisoned(latents, return_dict=False):
        (pixels,) = decode(latents, return_dict=False)
        pixels[0, 0, 0, 0] = float("nan")
        return (pixels,)

    monkeypatch.setattr(tiny_noise.vae, "decode", poisoned)
    first, second = sample(tiny_noise, [ASKED, replace(ASKED, seed=2)])
    assert is_blank(first)
    assert not is_blank(second)


def test_frozen_parts_go_to_the_device_and_back_once_however_blocks_are_nested():
    from types import SimpleNamespace

    from suite_image_generation.model.pipelines import frozen_on

    class Part(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight, self.been = torch.nn.Parameter(torch.zeros(1)), []

        def to(self, device):
            self.been.append(str(device))
            self.weight = torch.nn.Parameter(torch.zeros(1, device=device))

    class StableDiffusionPipeline(SimpleNamespace):
        components = property(vars)

    pipe, meta = StableDiffusionPipeline(vae=Part(), unet=Part(), tokenizer=object()), torch.device("meta")
    with frozen_on(pipe, meta):
        with frozen_on(pipe, meta):
            pass
        assert pipe.vae.weight.device == meta
    assert pipe.vae.been == ["meta", "meta", "meta", "cpu"]
    assert pipe.unet.been == []


def test_a_pipeline_for_another_task_is_told(tiny_noise):
    from diffusers import DDPMPipeline

    from suite_image_generation.generation.sampling import _view

    with pytest.raises(SuiteError, match="DDPMPipeline makes no pictures from words; one of StableDiffusionPipeline,"):
        _view(DDPMPipeline(tiny_noise.unet, tiny_noise.scheduler), image=False)


def test_the_small_autoencoder_decodes_as_in_the_stock_pipeline_and_encodes_alpha(tiny_noise):
    """`AutoencoderTiny`, which the starter has, gives one answer where others give a distribution."""
    from diffusers import AutoencoderTiny, StableDiffusionPipeline

    torch.manual_seed(0)
    small = AutoencoderTiny(
        in_channels=4, out_channels=4, encoder_block_out_channels=(8, 8), decoder_block_out_channels=(8, 8),
        num_encoder_blocks=(1, 1), num_decoder_blocks=(1, 1), latent_channels=4, scaling_factor=0.7,
    ).eval()  # fmt: skip
    pipe = StableDiffusionPipeline(**{**tiny_noise.components, "vae": small}, requires_safety_checker=False)
    (made,) = sample(pipe, [ASKED])
    stock = pipe("a cat", num_inference_steps=3, guidance_scale=4.0, generator=torch.Generator().manual_seed(1))
    assert (made.mode, made.size) == ("RGBA", (16, 16))
    assert apart(made, stock.images[0]) == 0
    clear, solid = Image.new("RGBA", (16, 16), (200, 0, 0, 0)), Image.new("RGBA", (16, 16), (200, 0, 0, 255))
    given = [replace(ASKED, image=picture, strength=0.4) for picture in (clear, solid)]
    assert apart(*sample(pipe, given)) > 0
