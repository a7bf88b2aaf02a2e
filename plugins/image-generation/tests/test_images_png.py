"""A picture's settings inside its file, and the same picture again from them; prompts; the check before display."""

from __future__ import annotations

import io
import json
import socket
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from suite import SuiteError
from suite_image_generation.generation import screening, writing
from suite_image_generation.generation.answers import answers, picture_of, png_of
from suite_image_generation.generation.sampling import sample, settled
from suite_image_generation.pictures import png, prompts
from suite_image_generation.pictures.request import Request

UNICODE = "猫 with a crème brûlée 🍮, “quoted” \\ {json}; مرحبا"
FILES = writing.ImageAnswers(None)
ASKED = Request(UNICODE, seed=2**40 + 7, steps=3, guidance=4.5, negative="düster")


@pytest.mark.parametrize("kind", ["tiny_noise", "tiny_flow"])
def test_a_picture_is_made_again_from_its_own_file(kind, request, tmp_path):
    pipe = request.getfixturevalue(kind)
    name = {"tiny_noise": "dpm++", "tiny_flow": "flow-heun"}[kind]
    asked = [replace(ASKED, scheduler=scheduler, width=24) for scheduler in ("", name)]
    for answer in answers(pipe, asked, model="0123456789abcdef"):
        path = tmp_path / "made.png"
        path.write_bytes(png_of(answer))
        settings = png.read_settings(path)
        (again,) = sample(pipe, [png.request_of(settings)])
        assert np.array_equal(np.asarray(again), np.asarray(Image.open(path)))
        assert again.mode == Image.open(path).mode


def test_exactly_these_settings_are_in_the_file(tiny_noise):
    import suite

    (answer,) = answers(tiny_noise, [ASKED], model="0123456789abcdef")
    assert png.read_settings(io.BytesIO(png_of(answer))) == {
        "suite": suite.__version__, "model": "0123456789abcdef", "prompt": UNICODE, "negative": "düster",
        "seed": 2**40 + 7, "steps": 3, "guidance": 4.5, "width": 16, "height": 16, "scheduler": "",
        "sampler": "DDIMScheduler",
    }  # fmt: skip
    assert {"prompt", "seed", "png", "withheld", "note"} == set(answer)
    chunks = [kind for kind in (b"tEXt", b"zTXt", b"tIME", b"eXIf") if kind in png_of(answer)]
    assert chunks == []
    assert png_of(answers(tiny_noise, [ASKED], model="0123456789abcdef")[0]) == png_of(answer), "no time inside"


def test_the_sampler_in_the_file_is_the_one_that_drew(tiny_noise):
    (answer,) = answers(tiny_noise, [replace(ASKED, scheduler="euler")], model="m")
    settings = png.read_settings(io.BytesIO(png_of(answer)))
    assert (settings["scheduler"], settings["sampler"]) == ("euler", "EulerDiscreteScheduler")


def test_a_picture_from_a_picture_needs_that_one_again(tiny_noise):
    given = Image.new("RGBA", (16, 16), (200, 10, 30, 90))
    (answer,) = answers(tiny_noise, [replace(ASKED, image=given, strength=0.7)], model="m")
    settings = png.read_settings(io.BytesIO(png_of(answer)))
    assert (settings["strength"], settings["image"]) == (0.7, png.pixels_hash(given))
    for wrong in (None, Image.new("RGB", (16, 16))):
        with pytest.raises(SuiteError, match="made from another picture"):
            png.request_of(settings, wrong)
    (again,) = sample(tiny_noise, [png.request_of(settings, given)])
    assert np.array_equal(np.asarray(again), np.asarray(picture_of(answer)))


def written(tmp_path, text, key=png.KEY):
    info = PngInfo()
    info.add_itxt(key, text)
    Image.new("RGB", (2, 2)).save(tmp_path / "x.png", pnginfo=info)
    return tmp_path / "x.png"


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"prompt": 3}', "null"])
def test_other_pngs_are_told(tmp_path, text):
    with pytest.raises(SuiteError, match=r"x\.png holds no settings"):
        png.read_settings(written(tmp_path, text))
    with pytest.raises(SuiteError, match="holds no settings"):
        png.read_settings(written(tmp_path, "a cat", key="parameters"))
    (tmp_path / "no.png").write_bytes(b"GIF89a")
    with pytest.raises(SuiteError, match=r"no\.png is no picture this reads"):
        png.read_settings(tmp_path / "no.png")


@pytest.mark.parametrize(
    "change",
    [
        {"guidance": float("nan")}, {"guidance": float("inf")}, {"guidance": True}, {"seed": 1.5}, {"seed": True},
        {"seed": float("nan")}, {"steps": 2.0}, {"width": False}, {"image": "a" * 64}, {"image": "a", "strength": "1"},
        {"image": 3, "strength": 0.5}, {"image": "a", "strength": float("nan")}, {"image": None},
    ],
)  # fmt: skip
def test_settings_of_a_crafted_file_are_told(tmp_path, change):
    settings = png.settings(replace(ASKED, width=16, height=16), model="m", sampler="s")
    assert png.read_settings(written(tmp_path, json.dumps(settings))) == settings
    assert png.read_settings(written(tmp_path, json.dumps(settings | {"image": "a", "strength": 1})))
    with pytest.raises(SuiteError, match=r"x\.png holds no settings"):
        png.read_settings(written(tmp_path, json.dumps(settings | change)))


@pytest.mark.parametrize("change", [{"seed": 10**400}, {"guidance": 10**400}, {"steps": 10**30}, {"width": 10**9}])
def test_impossible_numbers_of_a_crafted_file_are_told(tiny_noise, tmp_path, change):
    settings = png.settings(replace(ASKED, width=16, height=16), model="m", sampler="s") | change
    with pytest.raises(SuiteError):
        settled(tiny_noise, png.request_of(png.read_settings(written(tmp_path, json.dumps(settings)))))


def test_a_bomb_of_text_or_pixels_in_a_png_is_refused_quickly(tmp_path):
    path = written(tmp_path, json.dumps({"prompt": "a" * 3_000_000}))
    with pytest.raises(SuiteError):
        png.read_settings(path)
    Image.new("1", (20_000, 20_000)).save(tmp_path / "wide.png")
    with pytest.raises(SuiteError, match=r"wide\.png"):
        png.read_settings(tmp_path / "wide.png")


def test_prompts_are_cleaned_and_cut_with_a_sentence():
    assert prompts.cut("  a\tcat\n\x00 on\u2028a mat ") == ("a cat on a mat", "")
    assert prompts.cut("e\u0301") == ("é", "")
    assert prompts.cut("\ud800x")[0] == "?x"
    assert prompts.cut("👩\u200d🚀")[0] == "👩\u200d🚀"
    text, sentence = prompts.cut("ab " * 3334)
    assert (len(text), sentence) == (2000, "The prompt has 10,001 characters; the first 2,000 were used.")


def test_what_is_cut_or_not_read_is_in_the_note(tiny_noise):
    asked = writing.inputs("word " * 500, seed=1, negative="no " * 1000, steps=1)
    note = answers(tiny_noise, asked, model="m")[0]["note"]
    for said in (
        "The prompt has 2,499 characters; the first 2,000 were used.",
        "The negative prompt has 2,999 characters; the first 2,000 were used.",
        "The prompt has 1602 tokens; this model reads the first 16",
        "The negative prompt has 1336 tokens; this model reads the first 16",
    ):
        assert said in note
    assert asked[0].negative.startswith("no no")


def test_a_picture_that_is_not_there_is_no_prompt():
    for name in ("no/such/cat.png", "my photos/a red cat.PNG", "x" * 300 + ".png"):
        with pytest.raises(SuiteError, match=r"There is no file .*(png|PNG); give a PNG that was made here"):
            writing.inputs(name, seed=0)


def test_what_the_text_encoder_does_not_read_is_told(tiny_noise, tiny_flow):
    assert prompts.unread(tiny_noise, "a cat") == ""
    said = "The prompt has 22 tokens; this model reads the first 16 and nothing after them."
    assert prompts.unread(tiny_noise, "a" * 20) == prompts.unread(tiny_flow, "a" * 20) == said


def test_a_file_of_prompts_is_read_line_by_line(tmp_path):
    path = tmp_path / "prompts.txt"
    path.write_bytes("\ufeffa cat\r\n\n# a note\n  a dög  \n".encode())
    assert prompts.read(path) == ["a cat", "a dög"]
    asked = writing.inputs(str(path), seed=5, images=2, steps=4)
    assert [(entry.prompt, entry.seed, entry.steps) for entry in asked] == [
        ("a cat", 5, 4), ("a cat", 6, 4), ("a dög", 5, 4), ("a dög", 6, 4),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\n \n#x\n", "holds no prompt"),
        ("gr\xfcn".encode("latin-1"), "not UTF-8"),
        (b"a\n" * 10_001, "10,001 prompts"),
    ],
)
def test_files_without_prompts_are_told(tmp_path, content, said):
    (tmp_path / "p.txt").write_bytes(content)
    with pytest.raises(SuiteError, match=said):
        writing.inputs(str(tmp_path / "p.txt"), seed=0)
    with pytest.raises(SuiteError, match="There is no file"):
        writing.inputs("missing.txt", seed=0)


@pytest.mark.parametrize("nothing", ["", "   ", "\x00"])
def test_an_empty_prompt_is_told(nothing):
    with pytest.raises(SuiteError, match="prompt is empty"):
        writing.inputs(nothing, seed=0)


def test_a_png_of_ours_asks_for_the_same_again(tiny_noise, tmp_path):
    (answer,) = answers(tiny_noise, [ASKED], model="m")
    (tmp_path / "a.png").write_bytes(png_of(answer))
    assert writing.inputs(str(tmp_path / "a.png"), seed=0) == [settled(tiny_noise, ASKED)]


# ---- writing -------------------------------------------------------------------------------------------------------


def test_a_folder_gets_numbered_pictures_and_an_index_and_nothing_is_overwritten(tiny_noise, tmp_path):
    made = answers(tiny_noise, [replace(ASKED, prompt=p) for p in ("../../etc/passwd", "CON", "a / b")], model="m")
    pairs = [(f"in {n}", answer) for n, answer in enumerate(made)]
    out = tmp_path / "out"
    FILES.write(pairs, out)
    other = answers(tiny_noise, [replace(ASKED, prompt="../../etc/passwd", seed=3)], model="m")
    FILES.write([("in 0", other[0])], out)
    names = ["0001-etc-passwd.png", "0002-CON.png", "0003-a-b.png", "0004-etc-passwd.png"]
    assert sorted(path.name for path in out.glob("*.png")) == names
    index = [json.loads(line) for line in (out / "index.jsonl").read_text().splitlines()]
    assert [(line["file"], line["input"], line["prompt"]) for line in index] == [
        (names[0], "in 0", "../../etc/passwd"), (names[1], "in 1", "CON"), (names[2], "in 2", "a / b"),
        (names[3], "in 0", "../../etc/passwd"),
    ]  # fmt: skip
    assert index[0]["settings"] == png.read_settings(out / names[0])
    assert all("png" not in line for line in index)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_picture_that_is_there_already_is_told_and_not_written_again(tiny_noise, tmp_path, capsys):
    made = answers(tiny_noise, [replace(ASKED, seed=n) for n in range(4)], model="m")
    out = tmp_path / "out"
    FILES.write([("a", answer) for answer in made[:2]], out)  # stopped here
    (out / "0001-猫-with-a-crème-brûlée-quoted-json-مرحبا.png").unlink()
    index = (out / "index.jsonl").read_text()
    (out / "index.jsonl").write_text(index + '{"file": "0003-ha')  # the machine went down
    assert capsys.readouterr().err == ""
    (out / "index.jsonl").write_text(index)
    FILES.write([("a", answer) for answer in made], out)
    seeds = {path.name[:4]: png.read_settings(path)["seed"] for path in out.glob("*.png")}
    assert seeds == {"0002": 1, "0003": 0, "0004": 2, "0005": 3}
    assert capsys.readouterr().err.startswith(f"Already in {out}: 0002-")
    assert len((out / "index.jsonl").read_text().splitlines()) == 5
    assert (FILES.appends(out), FILES.appends(tmp_path / "a.png")) == (True, False)


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [("🍮🍮", "0007.png"), ("", "0007.png"), ("x" * 300, f"0007-{'x' * 40}.png"), ("猫 и", "0007-猫-и.png")],
)
def test_file_names_are_safe(prompt, expected):
    assert writing.file_name(7, prompt) == expected
    assert len(expected.encode()) < 255


def test_one_png_is_written_once(tiny_noise, tmp_path):
    (answer,) = answers(tiny_noise, [ASKED], model="m")
    FILES.write([("a", answer)], tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes() == png_of(answer)
    with pytest.raises(SuiteError, match="is there already"):
        FILES.write([("a", answer)], tmp_path / "a.png")
    (other,) = answers(tiny_noise, [replace(ASKED, seed=ASKED.seed + 1)], model="m")
    FILES.write([("a", answer), ("b", other), ("again", answer)], tmp_path / "more.png")
    assert len(list((tmp_path / "more").glob("*.png"))) == 2  # the same settings are the same picture
    FILES.write([("a", answer)], tmp_path / "a.jsonl")
    assert json.loads((tmp_path / "a.jsonl").read_text())["settings"]["seed"] == ASKED.seed
    with pytest.raises(SuiteError, match="Cannot write a.gif"):
        FILES.check_output(tmp_path / "a.gif")


# ---- screening -----------------------------------------------------------------------------------------------------


def test_what_asked_for_no_picture_is_printed_by_its_loss():
    assert FILES.render({"prompt": "cat", "png": None, "loss": 0.25}) == "cat (no picture, loss 0.25)"


def test_one_colour_is_told_and_a_faint_picture_is_not():
    black, clear = Image.new("RGB", (8, 8)), Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    dot, shape = black.copy(), Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    dot.putpixel((3, 3), (9, 9, 9))
    shape.putpixel((3, 3), (0, 0, 0, 255))
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (8, 8, 4), np.uint8), "RGBA")
    noise.putalpha(0)
    assert [screening.is_blank(picture) for picture in (black, clear, noise, dot, shape)] == [
        True,
        True,
        True,
        False,
        False,
    ]


def assert_grey_everywhere_else(pipe, tmp_path):
    """On the sheets of strengths and of training too."""
    from suite_image_generation.config import ImageConfig
    from suite_image_generation.evaluation import strengths
    from suite_image_generation.generation import previews, samples

    grey, text = Image.new("RGB", (16, 16), (128, 128, 128)), ["a cat"]
    mixed = strengths.Mixed(pipe.unet, pipe.unet)
    sheet = strengths.grid(pipe, mixed, [Request("a cat", 1)], [1.0], [2])
    assert np.array_equal(np.asarray(sheet), np.asarray(previews.row([grey], text, "strength 1, 2 steps")))
    samples.show_previews(pipe, text, ImageConfig(sample_steps=2), 0, tmp_path / "previews")
    shown = np.asarray(Image.open(tmp_path / "previews" / "step-000000.png"))
    assert np.array_equal(shown, np.asarray(previews.row([grey], text, "step 0")))


def test_what_a_pipelines_own_checker_flags_is_neither_shown_nor_saved(tiny_noise, tiny_clip, tmp_path, monkeypatch):
    """The real class, which flags a picture whose concept is nearer than a weight."""
    import torch
    from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
    from transformers import CLIPConfig

    torch.manual_seed(0)
    checker = StableDiffusionSafetyChecker(CLIPConfig(**tiny_clip.model.config.to_dict())).eval()
    checker.special_care_embeds_weights.data.fill_(2.0)
    checker.concept_embeds_weights.data.fill_(-2.0)
    monkeypatch.setattr(tiny_noise, "safety_checker", checker)
    monkeypatch.setattr(tiny_noise, "feature_extractor", tiny_clip._processor)
    flagged = answers(tiny_noise, [ASKED, replace(ASKED, seed=1)], model="m")
    assert [answer["withheld"] for answer in flagged] == [True, True]
    assert "safety checker flags it" in flagged[0]["note"]
    assert picture_of(flagged[0]).getcolors() == [(256, (128, 128, 128))]
    FILES.write([("a", flagged[0])], tmp_path / "out")
    assert list((tmp_path / "out").glob("*.png")) == []
    assert json.loads((tmp_path / "out" / "index.jsonl").read_text())["withheld"] is True
    with pytest.raises(SuiteError, match=r"withheld: the model's own safety checker flags it.*Nothing is written"):
        FILES.write([("a", flagged[0])], tmp_path / "x.png")
    assert not (tmp_path / "x.png").exists()
    assert_grey_everywhere_else(tiny_noise, tmp_path)
    assert "safety checker withholds" in screening.described(tiny_noise)
    checker.concept_embeds_weights.data.fill_(2.0)
    assert [answer["withheld"] for answer in answers(tiny_noise, [ASKED], model="m")] == [False]


def test_without_a_checker_the_page_says_that_nothing_looks(tiny_noise, tiny_clip):
    assert "nothing looks at what a picture shows" in screening.described(tiny_noise)
    assert "tiny withholds" in screening.described(tiny_noise, tiny_clip)


class Guard:
    """Sees in red what must not be shown."""

    name = "guard"

    def features(self, pictures):
        return np.array([[1.0, 0.0] if p.getpixel((0, 0))[0] > 99 else [0.0, 1.0] for p in pictures])

    def text_features(self, captions):
        vectors = {screening.REFUSED[0]: [1.0, 0.0], screening.ALLOWED[0]: [0.0, 1.0]}
        return np.array([vectors.get(caption, [0.0, 0.0]) for caption in captions])


def test_a_configured_guard_withholds_what_looks_refused(tiny_noise):
    red, green = Image.new("RGB", (8, 8), "red"), Image.new("RGB", (8, 8), (0, 99, 0))
    red.putpixel((3, 3), (0, 0, 0))
    green.putpixel((3, 3), (0, 0, 0))
    ordered = screening.screen([green, red], tiny_noise, Guard())
    assert [picture.withheld for picture in ordered] == [False, True]
    assert "looks like" in ordered[1].note


def test_nothing_leaves_the_machine(tiny_noise, tmp_path, monkeypatch):
    def refuse(*given, **more):
        raise AssertionError(f"a connection was tried: {given}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    (answer,) = answers(tiny_noise, [ASKED], model="m")
    FILES.write([("a", answer)], tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
