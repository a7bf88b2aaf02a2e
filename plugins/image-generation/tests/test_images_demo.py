"""The Demo tab: what its handlers do with a tiny pipeline, what reaches the page, and what is stored."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from suite import Predictor, SuiteError
from suite.demo.held import KEPT_SECONDS
from suite_image_generation.demo import cards
from suite_image_generation.demo import page as demo
from suite_image_generation.demo import session as demo_session
from suite_image_generation.demo.session import OWN, DemoSession, Steps
from suite_image_generation.domain import IMAGE_GENERATION
from suite_image_generation.evaluation import quality, trained_on
from suite_image_generation.generation import answers
from suite_image_generation.generation.sampling import sample
from suite_image_generation.model import schedulers
from suite_image_generation.model.neighbours import Index
from suite_image_generation.pictures import styles
from suite_image_generation.pictures.files import given
from suite_image_generation.pictures.png import read_settings
from suite_image_generation.pictures.request import Request


class Asked(list):
    """A predictor that answers with a pipeline, in batches of two, and keeps what it was asked."""

    run, source = None, ""

    def __init__(self, pipe, config):
        self.pipe, self.task = pipe, SimpleNamespace(domain=IMAGE_GENERATION, config=config)
        self.model = SimpleNamespace(pipeline=pipe, fingerprint=SimpleNamespace(digits="abd"))

    def __call__(self, examples):
        self.extend(examples)
        asked = [example.request for example in examples]
        parts = [answers.answers(self.pipe, asked[i : i + 2], model="abc") for i in range(0, len(asked), 2)]
        return [answer for part in parts for answer in part]


@pytest.fixture
def own(tiny_noise, tiny_clip, tmp_path, monkeypatch):
    monkeypatch.setattr(quality.Encoder, "load", classmethod(lambda cls, reference="": tiny_clip))
    config = SimpleNamespace(encoder="", guard="", model="", output=tmp_path / "runs", sample_steps=25, guidance=5.0)
    return DemoSession(Asked(tiny_noise, config))


def values(picture):
    return np.asarray(picture).astype(int)


def test_pictures_have_seeds_that_count_on_files_with_settings_and_frames(own, tiny_noise):
    made = own.make(" a  cat ", 7, 3, steps=12, guidance=3.0, scheduler="euler", negative="dog")
    assert made.seeds == [7, 8, 9]
    assert [Path(path).name for path in made.paths] == [f"000{n}-a-cat.png" for n in (1, 2, 3)]
    for seed, path, saved in zip(made.seeds, made.paths, made.settings, strict=True):
        assert saved == read_settings(path)
        assert (saved["prompt"], saved["seed"], saved["steps"], saved["guidance"]) == ("a cat", seed, 12, 3.0)
        assert (saved["scheduler"], saved["negative"]) == ("euler", "dog")
        request = Request("a cat", seed, steps=12, guidance=3.0, scheduler="euler", negative="dog")
        assert np.abs(values(sample(tiny_noise, [request])[0]) - values(given(path).convert("RGBA"))).max() <= 1
    assert [[step for step, _ in frames] for frames in made.frames] == [[2, 3, 5, 6, 8, 9, 11, 12]] * 3
    assert all(
        np.array_equal(values(frames[-1][1]), values(Image.open(path)))
        for frames, path in zip(made.frames, made.paths, strict=True)
    )
    assert re.search(r"3 pictures in \d+\.\d s\.", made.notes)
    assert "nothing looks at what a picture shows" in made.notes


def test_a_picture_to_start_from_keeps_frames_and_is_told_in_the_file(own, tmp_path):
    Image.effect_noise((16, 16), 90).convert("RGB").save(tmp_path / "start.png")
    made = own.make("a", 1, 2, image=str(tmp_path / "start.png"), strength=0.5, steps=20)
    assert made.settings[0]["strength"] == 0.5
    assert len(made.settings[0]["image"]) == 64
    assert [step for step, _ in made.frames[1]][-1] == 10
    again = own.vary(made, 1, 30, 2)
    assert again.seeds == [30, 31]
    assert own.predictor[-1].request.strength == demo_session.VARIED
    assert np.array_equal(values(own.predictor[-1].request.image), values(given(made.paths[1])))
    assert own.make("", 1, 1, image=str(tmp_path / "start.png")).seeds == [1], "a picture needs no words"


def test_what_cannot_be_drawn_is_told(own, tmp_path):
    for nothing in ("", "  ", None):
        with pytest.raises(SuiteError, match="Say in a few words"):
            own.make(nothing)
    with pytest.raises(SuiteError, match="Make a picture first"):
        own.vary(None, 0, 1, 1)
    (tmp_path / "no.png").write_text("x")
    with pytest.raises(SuiteError, match=r"no\.png can't be used: it is no picture"):
        own.make("a", image=str(tmp_path / "no.png"))
    with pytest.raises(SuiteError, match="No scheduler 'flow-euler'"):
        own.make("a", scheduler="flow-euler")
    assert len(own.make("a", 0, demo_session.MOST, steps=1).paths) == demo_session.MOST
    for count in (0, 2.5, demo_session.MOST + 1):
        with pytest.raises(SuiteError, match=f"{count:g} pictures were asked for; give a whole number from 1 to 8"):
            own.make("a", 0, count, steps=1)


def test_only_samplers_for_what_the_model_predicts_are_offered(own, tiny_noise, tiny_flow, tmp_path):
    assert own.samplers() == [OWN, *sorted(schedulers.NOISE)]  # the starter
    for name, pipe, table in (("noise", tiny_noise, schedulers.NOISE), ("flow", tiny_flow, schedulers.FLOW)):
        pipe.scheduler.save_pretrained(tmp_path / name / "model" / "scheduler")
        own.predictor.source = str(tmp_path / name / "model")
        assert own.samplers() == [OWN, *sorted(table)] == [OWN, *schedulers.names(pipe.scheduler)]
        own.predictor.run = SimpleNamespace(model=tmp_path / name / "model")
        own.predictor.source = str(tmp_path)
        assert own.samplers() == [OWN, *sorted(table)]
        own.predictor.run = None
    own.predictor.source = str(tmp_path / "nowhere")
    assert own.samplers() == [OWN]
    (tmp_path / "silent").mkdir()
    (tmp_path / "silent" / "model_index.json").write_text("{}")
    own.predictor.source = str(tmp_path / "silent")
    assert own.samplers() == [OWN, *sorted(schedulers.NOISE | schedulers.FLOW)]


def test_what_a_space_is_asked_is_a_question_of_the_page():
    task = IMAGE_GENERATION.task()
    name, values = task.demo_call(Predictor(task))
    assert name == "images_generate"
    assert dict(zip(demo.ASKED, values, strict=True))["scheduler"] == OWN


def test_a_long_prompt_is_cut_and_what_is_unread_said(own):
    made = own.make("word " * 2500, 1, 1, steps=1)
    assert "The prompt has 12,499 characters; the first 2,000 were used." in made.notes
    assert "tokens; this model reads the first 16" in made.notes


def test_withheld_pictures_are_not_on_the_page(own, monkeypatch):
    from suite_image_generation.generation import screening

    verdicts = iter([screening.Verdict(True, "withheld: <b>"), screening.Verdict()])
    monkeypatch.setattr(screening, "screen", lambda pictures, *more: [next(verdicts) for _ in pictures])
    made = own.make("a", 5, 2, steps=2)
    assert (made.seeds, len(made.paths), len(made.frames)) == ([6], 1, 1)
    assert np.array_equal(values(made.frames[0][-1][1]), values(Image.open(made.paths[0])))
    assert "withheld: &lt;b&gt;" in made.notes


def test_the_nearest_training_pictures_stand_beside_each(own, tiny_clip, tmp_path, monkeypatch):
    made = own.make("a", 1, 2, steps=2)
    training = [Image.open(made.paths[1]), *(Image.effect_noise((16, 16), 40 + n).convert("RGB") for n in range(6))]
    index = Index.build(training, [f"<i>{n}</i>" for n in range(7)], tiny_clip)
    index.save(tmp_path / "run" / trained_on.FOLDER)
    own.predictor.run = SimpleNamespace(path=tmp_path / "run")
    page = own.nearest(made)
    assert "1 of 2 is a copy" in page
    assert page.count("<figure") == 2
    assert "&lt;i&gt;0&lt;/i&gt;" in page
    assert "<i>" not in page
    assert "this run&#39;s own training pictures" in page
    assert own.nearest(made) == page


def test_training_pictures_that_are_not_at_hand_are_said_to_be(own, tiny_clip, tmp_path):
    made = own.make("a", 1, 1, steps=1)
    own.predictor.source = "stabilityai/some-model"
    assert "not at hand" in own.nearest(made)
    own.predictor.run = SimpleNamespace(path=tmp_path)
    assert "This run kept no training pictures that tiny has read" in own.nearest(made)


def test_settings_come_back_from_a_file(own):
    made = own.make("ein Käfer", 7, 1, steps=3)
    settings, card = own.settings(made.paths[0])
    assert settings == made.settings[0]
    assert "Another model made it (abc)" in card
    from suite_image_generation.model.pipelines import model_hash

    assert "This model made it" in cards.settings_card({**settings, "model": model_hash(own.model.pipeline)}, same=True)
    with pytest.raises(SuiteError, match="Choose a PNG"):
        own.settings(None)


# ---- styles --------------------------------------------------------------------------------------------------------


@pytest.fixture
def drawings(tmp_path):
    paths = []
    for number in range(6):
        paths.append(tmp_path / f"0{number}_Red-Fox ({number}).png")
        Image.effect_noise((32, 32), 60 + number).convert("RGB").save(paths[-1])
    return [str(path) for path in paths]


def test_a_style_is_stored_with_captions_and_the_command_reads_it(own, drawings, tmp_path):
    from suite_image_generation.pictures import captions

    table = [[Path(path).name, f"a fox {n}"] for n, path in enumerate(drawings)]
    page = own.keep_style(drawings, table, "My Style/../x")
    folder = tmp_path / "runs" / "image-generation" / "styles" / "my-style-x"
    assert "6 pictures are stored" in page
    assert f"suite image-generation train --data {folder} --name my-style-x<" in page
    rows = captions.read(folder)
    assert rows["caption"] == [f"a fox {n}" for n in range(6)]
    assert (folder / "001.png").read_bytes() == Path(drawings[0]).read_bytes()
    own.keep_style(drawings, table, "My Style/../x")
    assert sorted(path.name for path in folder.parent.iterdir()) == ["my-style-x", "my-style-x-2"]


def test_the_command_starts_from_the_model_on_screen(own, drawings):
    own.predictor.source = "some/model of mine"
    assert "-fox --model &#39;some/model of mine&#39;<" in own.keep_style(drawings, [], "my fox")
    own.predictor.run, own.predictor.source = object(), "runs/image-generation/one"
    own.config.model = "its/base"
    assert "-fox-2 --model its/base<" in own.keep_style(drawings, [], "my fox")


def test_captions_come_from_names_unless_they_are_mended(own, drawings, tmp_path):
    assert [styles.caption_of(path) for path in drawings] == ["red fox"] * 6
    assert styles.caption_of("IMG_0001.jpg") == "img"
    own.keep_style(drawings, [], "")
    folder = tmp_path / "runs" / "image-generation" / "styles" / "style"
    assert {path.read_text() for path in folder.glob("*.txt")} == {"red fox\n"}


def test_pictures_that_cannot_be_used_are_left_out_and_told(own, drawings, tmp_path):
    (tmp_path / "torn.png").write_bytes(Path(drawings[0]).read_bytes()[:200])
    page = own.keep_style([*drawings, str(tmp_path / "torn.png")], [], "fox")
    assert "6 pictures are stored" in page
    assert "Left out: torn.png: it cannot be read" in page
    with pytest.raises(SuiteError, match=r"takes 5 to 50 pictures; there are 4\. Left out: torn\.png"):
        own.keep_style([*drawings[:4], str(tmp_path / "torn.png")], [], "fox")
    with pytest.raises(SuiteError, match="Choose 5 to 50 pictures"):
        own.keep_style([], [], "fox")
    with pytest.raises(SuiteError, match=r"what 00_Red-Fox \(0\)\.png shows: a caption is missing"):
        own.keep_style(drawings, [[Path(drawings[0]).name, " "]], "fox")
    assert len(list((tmp_path / "runs" / "image-generation" / "styles").iterdir())) == 1


def test_styles_do_not_fill_the_disk(own, drawings, monkeypatch):
    own.keep_style(drawings, [], "fox")
    size = sum(Path(path).stat().st_size for path in drawings)
    monkeypatch.setattr(styles, "ROOM", 2 * size - 1)
    with pytest.raises(SuiteError, match="GB of styles; remove some"):
        own.keep_style(drawings, [], "fox")


# ---- the page ------------------------------------------------------------------------------------------------------


def test_files_of_two_questions_do_not_meet_and_old_ones_go(own):
    first, second = own.make("a", 1, 1, steps=1), own.make("a", 1, 1, steps=1)
    assert first.paths != second.paths
    old = Path(first.paths[0]).parent
    os.utime(old, (0, old.stat().st_mtime - KEPT_SECONDS - 1))
    own.make("a", 1, 1, steps=1)
    assert not old.exists()
    assert Path(second.paths[0]).is_file()


def test_frames_of_several_batches_keep_their_order():
    steps = Steps()
    for step, pictures in ((1, "ab"), (2, "AB"), (1, "c"), (2, "C")):
        steps(step, 2, list(pictures))
    assert steps.frames() == [[(1, "a"), (2, "A")], [(1, "b"), (2, "B")], [(1, "c"), (2, "C")]]


def test_no_text_becomes_markup(tmp_path):
    hostile = "<script>alert(1)</script>"
    style = styles.Style(tmp_path / hostile.replace("/", ""), 5, (hostile,), hostile)
    pages = [
        cards.notes_card(hostile, [hostile], hostile), cards.stored_card(style), cards.no_nearest_card(hostile),
        cards.settings_card({"model": hostile}, same=False),
    ]  # fmt: skip
    for page in pages:
        assert "<script" not in page
        assert "&lt;script&gt;" in page


BUILD = """
import sys
import gradio as gr
from suite import Predictor
from suite_image_generation.domain import IMAGE_GENERATION
from suite_image_generation.demo.page import build
with gr.Blocks() as blocks:
    build(Predictor(IMAGE_GENERATION.task()))
assert not {"torch", "diffusers", "transformers"} & set(sys.modules)
names = [f.api_name for f in blocks.fns.values() if f.api_visibility == "public"]
assert names == ["images_generate"], names
choices = [b.choices for b in blocks.blocks.values() if getattr(b, "label", "") == "Sampler"]
assert [name for name, _ in choices[0]][:3] == ["the model's own", "ddim", "ddpm"] and "flow-euler" not in str(choices)
print("built")
"""


def test_the_tab_is_built_without_torch_and_offers_one_endpoint():
    child = subprocess.run([sys.executable, "-c", BUILD], capture_output=True, text=True, timeout=240)
    assert child.stdout == "built\n", child.stderr


def test_examples_are_words_the_starter_was_taught():
    import pyarrow.parquet as pq

    from suite.assets.resolve import fetch
    from suite_image_generation.starter.assets import EMOJI

    assert set(demo_session.EXAMPLES) <= set(
        pq.read_table(fetch(EMOJI), columns=["caption"]).column("caption").to_pylist()
    )
