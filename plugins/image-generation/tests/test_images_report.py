"""What the report says of samples, and a fine-tuning at several strengths."""

from __future__ import annotations

import base64
import io
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from datasets import Dataset
from PIL import Image

from suite import SuiteError
from suite_image_generation.evaluation import baselines, quality, report, strengths
from suite_image_generation.generation.previews import SMALLEST
from suite_image_generation.generation.sampling import sample
from suite_image_generation.model.neighbours import Index
from suite_image_generation.pictures.request import Request


def drawing(number):
    return Image.fromarray(np.random.default_rng(number).integers(0, 255, (16, 16, 3), np.uint8)).resize((64, 64), 0)


def coded(picture):
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode()


TRAINING = Dataset.from_list(
    [
        {"image": {"bytes": base64.b64decode(coded(drawing(n))), "path": None}, "caption": f" word {n} "}
        for n in range(9)
    ]
)


def system(pictures, more=0):
    """Answers that are these pictures; the originals are drawings 100 and on; `more` were not drawn."""
    none = [{"png": None}] * more
    predictions = [{"png": coded(picture), "prompt": "", "loss": 1.0} for picture in pictures]
    references = [{"png": coded(drawing(100 + n)), "prompt": f"word {n}"} for n in range(len(pictures))]
    return SimpleNamespace(predictions=predictions + none, references=references + none, scores={})


@pytest.fixture
def model(tiny_clip, monkeypatch):
    monkeypatch.setattr(quality.Encoder, "load", classmethod(lambda cls, reference="": tiny_clip))
    config = SimpleNamespace(overfit=0, encoder="", sample_steps=7, guidance=5.0)
    return SimpleNamespace(config=config, overfit_since=None, trained_on=None)


def sections_of(model, **systems):
    named = {name.replace("_", "-"): answers for name, answers in systems.items()}
    return {section.title: section for section in report.report(model, named, TRAINING, TRAINING)}


def test_samples_are_shown_beside_originals_and_what_was_not_drawn_is_said(model):
    pictures = [drawing(n) for n in (0, 1, 50, 51)]
    section = sections_of(model, fine_tuned=system(pictures, more=3), before=system(pictures[::-1], more=3))["Samples"]
    assert "4 of 7 captions of this split were drawn, 7 steps, guidance 5;" in section.text
    assert section.text.endswith("The other 3 were not.")
    sheet = Image.open(io.BytesIO(section.figure))
    assert sheet.width == 4 * SMALLEST
    assert sheet.height % 3 == 0, "two systems and the originals"


def test_copies_are_counted_and_their_originals_shown(model):
    pictures = [drawing(n) for n in (0, 1, 50, 51)]
    sections = sections_of(model, fine_tuned=system(pictures), before=system(pictures[2:] + pictures[2:]))
    section = sections["Nearest training pictures"]
    assert section.values["shares"] == {"fine-tuned": 0.5, "before": 0.0}
    assert "| fine-tuned | 50% | 4 |" in section.text
    assert "the 9 training pictures of this run" in section.text
    nearest = section.values["nearest"]
    assert [match["memorised"] for match in nearest] == [True, True, False, False]
    assert [match["index"] for match in nearest[:2]] == [0, 1]
    assert Image.open(io.BytesIO(section.figure)).width == 4 * SMALLEST


def test_the_pictures_that_the_run_kept_are_compared_with(model, tiny_clip, tmp_path):
    Index.of_rows(TRAINING.select(range(4)), tiny_clip).save(tmp_path)
    model.trained_on = tmp_path
    section = sections_of(model, fine_tuned=system([drawing(n) for n in (0, 1, 50, 51)]))["Nearest training pictures"]
    assert "the 4 training pictures of this run" in section.text


def test_quality_names_encoder_and_counts_and_leaves_few_samples_out(model):
    pictures = [drawing(100 + n) for n in range(6)]
    text = sections_of(model, fine_tuned=system(pictures), before=system(pictures[:3]))["Quality of samples"].text
    line = next(line for line in text.splitlines() if line.startswith("| fine-tuned"))
    assert "6 samples, encoder tiny; 6 samples are too few for a claim (20 are needed)" in line
    assert "6 captions, chance 0.167" in line
    assert "| before | – (3 samples are too few) | – |" in text


def test_learning_by_heart_is_said_first(model):
    model.overfit_since = 20
    sections = sections_of(model, fine_tuned=system([], more=5))
    assert [(title, section.values) for title, section in sections.items()] == [("Overfitting", {"since": 20})]
    assert sections["Overfitting"].text.startswith("Since step 20 the validation loss rises")


def test_without_samples_there_is_no_section_of_them(model):
    assert sections_of(model, fine_tuned=system([], more=5)) == {}


def test_copying_is_a_baseline_that_the_memorised_share_tells(model, tiny_clip):
    wide = {"bytes": base64.b64decode(coded(drawing(0).resize((256, 128), 0))), "path": None}
    rows = Dataset.from_list([{"image": wide, "caption": "word 0"}, *TRAINING.to_list()[1:]])
    crop = SimpleNamespace(size=(128, 128))
    examples = [
        SimpleNamespace(prompt=f"word {n}", request=object() if n < 4 else None, crop=crop) for n in (3, 1, 2, 0, 8)
    ]
    answers = baselines.copies(rows, examples, tiny_clip)
    assert [answer["png"] is None for answer in answers] == [False] * 4 + [True]
    pictures = [report.picture_of(answer) for answer in answers[:4]]
    assert [picture.size for picture in pictures] == [(128, 128)] * 4, "not a thumbnail"
    middle = drawing(0).resize((256, 128), 0).crop((64, 0, 192, 128))
    assert np.array_equal(np.asarray(pictures[3]), np.asarray(middle))
    sections = sections_of(
        model, fine_tuned=system([drawing(60 + n) for n in range(4)]), copying=system([*pictures[:3], pictures[0]])
    )
    assert sections["Nearest training pictures"].values["shares"] == {"fine-tuned": 0.0, "copying": 1.0}


# ---- strengths -----------------------------------------------------------------------------------------------------


def test_strengths_0_and_1_are_the_two_models_and_the_weights_come_back(tiny_noise):
    import copy

    tuned = copy.deepcopy(tiny_noise.unet)
    with torch.no_grad():
        for parameter in tuned.parameters():
            parameter.add_(0.01)
    mixed = strengths.Mixed(tuned, tiny_noise.unet)
    own = {name: value.clone() for name, value in tuned.state_dict().items()}
    base = tiny_noise.unet.state_dict()
    with mixed.at(0.0):
        assert all(torch.equal(value, base[name]) for name, value in tuned.state_dict().items())
    with mixed.at(1.5):
        gaps = [(value - base[name] - 0.015).abs().max().item() for name, value in tuned.state_dict().items()]
        assert max(gaps) < 1e-6
    assert all(torch.equal(value, own[name]) for name, value in tuned.state_dict().items())
    with pytest.raises(SuiteError, match="other layers"):
        strengths.Mixed(torch.nn.Linear(2, 2), tiny_noise.unet)


def test_a_strength_is_what_diffusers_calls_the_adapters_weight(tiny_noise, tmp_path):
    """The sheet's pictures are those of `load_lora_weights` and `set_adapters` on the plain base pipeline."""
    import copy

    from peft import LoraConfig, get_peft_model

    from suite_image_generation.model import adapters

    pipe = copy.deepcopy(tiny_noise)
    config = LoraConfig(r=2, lora_alpha=3, target_modules=["to_q", "to_v"], init_lora_weights=False)
    torch.manual_seed(1)
    wrapped = get_peft_model(pipe.unet, config)
    for name, parameter in wrapped.named_parameters():
        parameter.data.mul_(8.0 if "lora_" in name else 1.0)
    adapters.save(pipe, wrapped, tmp_path)
    pipe.unet = wrapped.merge_and_unload()
    mixed, request = strengths.Mixed(pipe.unet, tiny_noise.unet), Request("a", 1, steps=3, guidance=2.0)
    plain = copy.deepcopy(tiny_noise)
    plain.load_lora_weights(tmp_path, weight_name="pytorch_lora_weights.safetensors", adapter_name="style")
    for strength in (0.5, 1.5):
        plain.set_adapters(["style"], [strength])
        with mixed.at(strength):
            here, there = (np.asarray(sample(pipeline, [request])[0]).astype(int) for pipeline in (pipe, plain))
        assert np.abs(here - there).max() <= 1
        assert np.abs(here - np.asarray(sample(tiny_noise, [request])[0])).max() > 2


def test_the_sheet_has_a_row_for_each_strength_and_number_of_steps(tiny_noise):
    mixed = strengths.Mixed(tiny_noise.unet, tiny_noise.unet)
    sheet = strengths.grid(tiny_noise, mixed, [Request("a", 1), Request("b", 2)], [0.0, 1.0, 1.5], [1, 2])
    assert (sheet.width, sheet.height) == (2 * SMALLEST, 6 * (SMALLEST + 36))


@pytest.mark.parametrize("text", ["", "a", "1,,2", "1;2", "9", "nan"])
def test_lists_of_strengths_that_are_none_are_told(text):
    assert strengths.numbers("0, .5,1", float, "strengths", -2, 4) == [0, 0.5, 1]
    with pytest.raises(SuiteError, match="are no strengths: give numbers from -2 to 4"):
        strengths.numbers(text, float, "strengths", -2, 4)
