"""The domain on pipelines of the real classes with a few thousand weights: data to run, run to pictures."""

import base64
import io
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from datasets import Dataset
from PIL import Image

from suite import SuiteError, Task, TrainingData
from suite_image_generation.domain import IMAGE_GENERATION
from suite_image_generation.generation import samples

QUICK = {"max_steps": 4, "evaluate_every": 2, "samples": 0, "previews": 0, "sample_steps": 2, "draws": 2}


def make(folder, **settings):
    return IMAGE_GENERATION.task({**QUICK, "model": str(folder), **settings})


def loaded(folder, pictures, **settings):
    task = make(folder, **settings)
    rows = task.data.read(pictures).map(lambda row: {"image": str(pictures / row["image"])})
    model = task.load(folder, TrainingData(rows))
    model.network.eval()
    return model, rows


def trained(task, pictures, tmp_path):
    from suite.training.train import train

    config = task.config.model_copy(update={"data": str(pictures), "output": tmp_path / "runs"})
    return train(Task(task.domain, config))


def watched(task):
    """The same task, and the models it will load: of a run the one trained, the saved one and the one before."""
    models = []

    def load(*given):
        models.append(Task(IMAGE_GENERATION, given[1]).load(given[0], given[2]))
        return models[-1]

    return Task(replace(task.domain, model=load), task.config), models


@pytest.fixture(params=["noise_folder", "flow_folder"])
def folder(request):
    return request.getfixturevalue(request.param)


def test_examples_have_latents_of_their_bucket(folder, picture_folder, own_cache):
    model, rows = loaded(folder, picture_folder)
    examples = model.prepare(rows, "train")
    assert {example.crop.size for example in examples} == {(16, 16)}  # 16 pixels by 4: 8 x 24 would be longer than 2
    batch = model.collate(examples)
    assert batch["groups"][0]["latents"].shape == (12, 4, 8, 8)


def test_captions_longer_than_the_model_reads_are_counted_once(noise_folder, picture_folder, own_cache, capsys):
    for name in ("00", "05"):
        (picture_folder / f"{name}.txt").write_text("more than sixteen letters")
    model, rows = loaded(noise_folder, picture_folder)
    model.prepare(rows, "train")
    model.prepare(rows, "test")
    assert capsys.readouterr().err.count("2 of 12 captions are longer than the model reads") == 1


def test_batches_hold_several_shapes_and_drop_nothing(folder, picture_folder, own_cache):
    model, rows = loaded(folder, picture_folder, resolution=32)
    examples = model.prepare(rows, "train")
    assert len({example.crop.size for example in examples}) == 3
    batch = model.collate(examples)
    assert sorted(place for group in batch["groups"] for place in group["places"]) == list(range(12))
    assert model.count(batch) == 12
    numbers = model.lengths(examples)
    assert len(set(numbers)) == 3
    with torch.no_grad():
        whole = model.loss(model.network, batch).item()
        parts = [model.loss(model.network, model.collate(examples[i : i + 1])).item() for i in range(12)]
    assert whole == pytest.approx(np.mean(parts), rel=1e-4)


def test_the_next_run_encodes_nothing(folder, picture_folder, own_cache, monkeypatch):
    model, rows = loaded(folder, picture_folder)
    first = model.prepare(rows, "train")
    calls = []
    monkeypatch.setattr("suite_image_generation.model.pipelines.encode_pictures", lambda *_: calls.append("picture"))
    monkeypatch.setattr("suite_image_generation.model.pipelines.encode_prompts", lambda *_: calls.append("words"))
    again, _ = loaded(folder, picture_folder)
    assert [e.latents for e in again.prepare(rows, "test")] == [e.latents for e in first]
    assert calls == []


def test_a_changed_picture_caption_crop_or_encoder_is_encoded_anew(noise_folder, picture_folder, own_cache):
    from tokenizers.normalizers import Sequence

    model, rows = loaded(noise_folder, picture_folder)
    before = model.prepare(rows, "test")[0]
    Image.new("RGB", (32, 32), "red").save(picture_folder / "00.png")
    assert model.prepare(rows, "test")[0].latents != before.latents
    other = rows.map(lambda row: {"caption": row["caption"] + "!"})
    assert model.prepare(other, "test")[0].words != before.words
    model = model.with_config(model.config.model_copy(update={"resolution": 32}))
    larger = model.prepare(rows, "test")[0].latents
    assert larger != before.latents
    with torch.no_grad():
        next(model.pipeline.vae.parameters()).add_(1)
    shifted = model.prepare(rows, "test")[0]
    assert shifted.latents != larger
    model.pipeline.vae.register_to_config(scaling_factor=0.25)
    assert model.prepare(rows, "test")[0].latents != shifted.latents
    model.pipeline.tokenizer.backend_tokenizer.normalizer = Sequence([])  # what CLIP's own would make lower case
    assert model.prepare(rows, "test")[0].words != shifted.words


def test_latents_that_are_no_numbers_name_the_row(noise_folder, picture_folder, own_cache):
    model, rows = loaded(noise_folder, picture_folder)
    with torch.no_grad():
        next(model.pipeline.vae.parameters()).fill_(float("nan"))
    with pytest.raises(SuiteError, match="values of row 0 that are no numbers"):
        model.prepare(rows, "train")


def test_the_autoencoder_computes_in_fp32_whatever_surrounds_it(noise_folder, picture_folder, own_cache):
    model, _ = loaded(noise_folder, picture_folder)
    from suite_image_generation.model.pipelines import encode_pictures

    picture = [Image.effect_noise((16, 16), 80)]
    plain = encode_pictures(model.pipeline, picture)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(encode_pictures(model.pipeline, picture), plain)
    assert plain.dtype == torch.float32


def test_weights_of_half_precision_are_loaded_as_fp32(noise_folder, tmp_path):
    from suite_image_generation.model.pipelines import load_pipeline

    half = load_pipeline(noise_folder).to(torch.float16)
    half.save_pretrained(tmp_path / "half")
    pipe = load_pipeline(tmp_path / "half")
    dtypes = {p.dtype for part in (pipe.unet, pipe.vae, pipe.text_encoder) for p in part.parameters()}
    assert dtypes == {torch.float32}


def test_training_draws_from_the_generator_it_is_given(folder, picture_folder, own_cache):
    model, rows = loaded(folder, picture_folder, caption_dropout=0.5)
    example = model.prepare(rows, "train")[0]
    varied = [model.augment(example, np.random.default_rng(n)) for n in range(40)]
    assert len({variant.seed for variant in varied}) == 40
    assert 10 < sum(variant.dropped for variant in varied) < 30
    assert model.augment(example, np.random.default_rng(3)) == varied[3]
    torch.manual_seed(1)
    loss = model.loss(model.network, model.collate(varied[:2])).item()
    torch.manual_seed(2)
    assert model.loss(model.network, model.collate(varied[:2])).item() == loss


def test_a_dropped_caption_is_the_empty_one(noise_folder, picture_folder, own_cache):
    from suite_image_generation.model.pipelines import encode_prompts

    model, rows = loaded(noise_folder, picture_folder, caption_dropout=0.999)
    example = model.augment(model.prepare(rows, "train")[0], np.random.default_rng(0))
    given = model.collate([example])["groups"][0]["conditions"]["encoder_hidden_states"]
    torch.testing.assert_close(given, encode_prompts(model.pipeline, [""])["encoder_hidden_states"])


def test_the_validation_loss_is_the_same_in_any_batch_and_at_any_time(folder, picture_folder, own_cache):
    model, rows = loaded(folder, picture_folder, resolution=32)
    examples = model.prepare(rows, "test")
    with torch.no_grad():
        together = [answer["loss"] for answer in model.infer(model.collate(examples))]
        torch.manual_seed(99)
        alone = [model.infer(model.collate([example]))[0]["loss"] for example in examples]
    assert together == pytest.approx(alone, rel=1e-5)
    assert len(set(together)) == 12


def test_validation_passes_one_draw_of_each_picture_at_a_time(noise_folder, picture_folder, own_cache):
    model, rows = loaded(noise_folder, picture_folder, draws=5)
    batch = model.collate(model.prepare(rows, "test")[:4])
    (group,), sizes = batch["groups"], []
    hook = model.network.register_forward_pre_hook(lambda _, given: sizes.append(len(given[0])))
    measured = model.objective.measured(model.network, group)
    hook.remove()
    assert sizes == [4] * 5
    torch.testing.assert_close(measured, model.objective.losses(model.network, group).detach())


def test_the_metric_is_the_mean_loss_of_what_was_predicted(noise_folder):
    scores = make(noise_folder).scores(None)
    assert scores.metrics({"loss": np.array([1.0, 3.0, np.nan, 2.0])}) == {"loss": 2.0}
    assert np.isnan(scores.metrics({"loss": np.array([np.nan])})["loss"])
    assert scores.score({"loss": 2.5}, {}) == {"loss": 2.5}
    assert np.isnan(scores.score({"loss": None}, {})["loss"])


def test_only_evaluation_makes_pictures_and_only_the_first(noise_folder, picture_folder, own_cache):
    model, rows = loaded(noise_folder, picture_folder, samples=2)
    assert [bool(e.request) for e in model.prepare(rows, "test")] == [True] * 2 + [False] * 10
    for stage in ("train", "validation"):
        assert not any(e.request for e in model.prepare(rows, stage))
    assert any(e.request for e in model.prepare(rows, "test")), "whatever was prepared before"
    data = make(noise_folder).data
    golden = Dataset.from_list([data.portable(row, model) for row in rows.select(range(2))])
    asked = model.prepare(golden, "test")
    assert [(e.request.steps, e.request.seed) for e in asked] == [(2, 42), (2, 43)]


def test_the_first_captions_are_drawn_beside_their_originals(noise_folder, picture_folder, own_cache):
    model, rows = loaded(noise_folder, picture_folder, samples=4)
    examples = model.prepare(rows, "test")
    with torch.no_grad():
        answers = model.infer(model.collate(examples[:5]))
    assert [bool(answer["png"]) for answer in answers] == [True] * 4 + [False]
    assert all(np.isfinite(answer["loss"]) for answer in answers)
    json.dumps(answers)
    picture = Image.open(io.BytesIO(base64.b64decode(answers[0]["png"])))
    assert picture.size == (16, 16)
    scores = make(noise_folder).scores(model)
    originals = [scores.reference(example)["png"] for example in examples[:5]]
    assert [bool(original) for original in originals] == [True] * 4 + [False]
    assert Image.open(io.BytesIO(base64.b64decode(originals[1]))).size == (16, 16)


def test_the_hash_of_a_model_is_of_all_its_parts_and_counted_once(noise_folder, own_cache, monkeypatch):
    from suite_image_generation.model import pipelines

    seen, plain = [], pipelines.weights_hash
    model = make(noise_folder).load(noise_folder, None)
    monkeypatch.setattr(pipelines, "weights_hash", lambda *modules: seen.append(1) or plain(*modules))
    with torch.no_grad():
        for _ in range(2):
            model.infer(model.collate(model.inputs("a red cat")))
        assert seen == [1]
        known = {model.fingerprint.digits}
        for part in (model.pipeline.vae, model.pipeline.text_encoder, model.pipeline.unet):
            next(part.parameters()).add_(1)
            known.add(model.refreshed().fingerprint.digits)
    assert len(known) == 4
    assert model.fingerprint.digits in known, "of the weights as they were"


def test_what_is_hidden_makes_no_picture_another():
    image, other = Image.new("RGBA", (16, 16), (255, 0, 0, 0)), Image.new("RGBA", (16, 16), (0, 0, 255, 0))
    for picture in (image, other):
        picture.paste((9, 9, 9, 255), (4, 4, 12, 12))
    assert samples.pixel_distance(image, other) == 0
    other.paste((9, 9, 9, 254), (4, 4, 12, 12))
    assert samples.pixel_distance(image, other) == pytest.approx(64 / (4 * 256))
    assert samples.pixel_distance(image, other.resize((8, 8))) == 255


def test_a_prompt_is_answered_and_a_missing_file_is_not_taken_for_one(noise_folder, own_cache):
    model = make(noise_folder).load(noise_folder, None)
    with torch.no_grad():
        (answer,) = model.infer(model.collate(model.inputs("a red cat")))
    assert (answer["prompt"], answer["seed"], answer["loss"]) == ("a red cat", 42, None)
    for name in ("no-such-file.bin", "cat.jpg"):
        with pytest.raises(SuiteError, match="looks like a file"):
            model.inputs(name)
    with pytest.raises(SuiteError, match="There is no file no/such/cat.png"):
        model.inputs("no/such/cat.png")
    assert model.inputs("cat " * 200)[0].prompt == " ".join(["cat"] * 200), "longer than a file's name may be"
    assert model.inputs("version 2.0")[0].prompt == "version 2.0"


def test_predict_starts_from_a_picture_and_several_are_its_variations(folder, own_cache, tmp_path):
    from suite_image_generation.generation.sampling import sample
    from suite_image_generation.pictures.png import pixels_hash, read_settings, request_of

    start = Image.effect_noise((32, 32), 90).convert("RGB")
    start.save(tmp_path / "start.png")
    task = make(folder, image=str(tmp_path / "start.png"), strength=0.5, images=3, sample_steps=8, guidance=2.0)
    model = task.load(folder, None)
    with torch.no_grad():
        made = model.infer(model.collate(model.inputs("a cat")))
    settings = [read_settings(io.BytesIO(base64.b64decode(answer["png"]))) for answer in made]
    assert [entry["seed"] for entry in settings] == [42, 43, 44]
    assert {(entry["strength"], entry["image"], entry["steps"]) for entry in settings} == {(0.5, pixels_hash(start), 8)}
    assert len({answer["png"] for answer in made}) == 3
    (tmp_path / "made.png").write_bytes(base64.b64decode(made[1]["png"]))
    (again,) = model.inputs(str(tmp_path / "made.png"))
    assert again.request == request_of(settings[1], start)
    (picture,) = sample(model.pipeline, [again.request])
    assert samples.pixel_distance(picture, Image.open(tmp_path / "made.png")) < 1
    assert model.inputs("")[0].prompt == "", "a picture needs no words"


def test_a_start_that_cannot_be_used_is_told_in_a_sentence(noise_folder, tmp_path):
    (tmp_path / "torn.png").write_text("x")
    model = make(noise_folder).load(noise_folder, None)
    for name, said in (
        ("torn.png", r"torn\.png can't be used: it is no picture"),
        ("none.png", r"The picture .*none\.png can't be read: No such file or directory; give a picture's file\."),
    ):
        with pytest.raises(SuiteError, match=said):
            model.with_config(make(noise_folder, image=str(tmp_path / name)).config).inputs("a cat")
    for strength in (0, 1.5):
        with pytest.raises(SuiteError, match="strength"):
            make(noise_folder, image="x", strength=strength)


def test_golden_answers_that_differ_are_seen(noise_folder, own_cache):
    task = make(noise_folder)
    model, same = task.load(noise_folder, None), task.answers.same
    with torch.no_grad():
        (answer,) = model.infer(model.collate(model.inputs("cat")))
        with_loss = answer | {"loss": 1.0}
        assert same(with_loss, with_loss | {"loss": 1.01})
        assert not same(with_loss, with_loss | {"loss": 1.1})
        assert not same(answer, answer | {"seed": 1})
        for parameter in model.network.parameters():
            parameter.mul_(1.3)
        (other,) = model.infer(model.collate(model.inputs("cat")))
    assert same(answer, answer) and not same(answer, other)


def test_overfitting_takes_the_first_pictures_for_everything(noise_folder, picture_folder):
    data = make(noise_folder, overfit=3).data
    rows = data.read(picture_folder)
    splits = data.split(rows)
    assert all(list(part["image"]) == ["00.png", "01.png", "02.png"] for part in splits.values())
    assert {name: len(part) for name, part in make(noise_folder).data.split(rows).items()} == {
        "train": 10, "validation": 1, "test": 1,
    }  # fmt: skip


def test_a_run_leaves_a_pipeline_previews_and_adapters(folder, picture_folder, own_cache, tmp_path):
    from diffusers import DiffusionPipeline

    run = trained(make(folder, previews=2, learning_rate=0.01, lora_alpha=4), picture_folder, tmp_path)
    assert run.state() == "finished"
    names = sorted(path.name for path in run.previews.iterdir())
    assert names == ["crops-001.png", "grid.png", "step-000000.png", "step-000002.png", "step-000004.png"]
    absent = {} if folder.name == "tiny-noise" else dict.fromkeys(("image_encoder", "feature_extractor"))
    absent |= {} if folder.name == "tiny-noise" else dict.fromkeys(("text_encoder_3", "tokenizer_3"))
    plain = DiffusionPipeline.from_pretrained(run.model, local_files_only=True, **absent)
    kinds = {"tiny-noise": "StableDiffusionPipeline", "tiny-flow": "StableDiffusion3Pipeline"}
    assert type(plain).__name__ == kinds[folder.name]
    adapter = {path.name for path in (run.path / "adapter").iterdir()}
    assert "pytorch_lora_weights.safetensors" in adapter
    assert ("kohya.safetensors" in adapter) == (folder.name == "tiny-noise")
    evaluation = json.loads((run.path / "evaluation.json").read_text())
    tuned, before = (
        evaluation["test"]["systems"][name]["loss"]["value"] for name in ("fine-tuned", "before fine-tuning")
    )
    assert np.isfinite(tuned) and tuned != before


def test_a_loss_that_is_no_number_stops_before_the_step_and_says_what_to_do(
    noise_folder, picture_folder, own_cache, tmp_path, monkeypatch
):
    from suite_image_generation.model.objective import Objective

    plain = Objective.losses
    broken = lambda self, model, batch: plain(self, model, batch) * (float("nan") if model.training else 1)  # noqa: E731
    monkeypatch.setattr(Objective, "losses", broken)
    task, models = watched(make(noise_folder))
    with pytest.raises(SuiteError, match="not finite at step 0; the weights are as before it.*lower the learning rate"):
        trained(task, picture_folder, tmp_path)
    assert torch.isfinite(torch.cat([p.flatten() for p in models[0].pipeline.unet.parameters()])).all()


def test_gradient_checkpointing_is_switched_on(noise_folder, picture_folder, own_cache, tmp_path):
    task, models = watched(make(noise_folder, gradient_checkpointing=True, lora=False))
    trained(task, picture_folder, tmp_path)
    assert [model.network.is_gradient_checkpointing for model in models] == [True, False, False]


@pytest.mark.slow
def test_one_process_and_two_take_the_same_steps(noise_folder, picture_folder, own_cache, tmp_path):
    import os
    import subprocess
    import sys

    losses = []
    for processes in ("1", "2"):
        flags = [f"--set={name}={value}" for name, value in (QUICK | {"resolution": 32, "log_every": 1}).items()]
        flags += ["--model", str(noise_folder), "--data", str(picture_folder), "--precision", "fp32"]
        line = [sys.executable, "-m", "suite", "image-generation", "train", *flags, "--processes", processes]
        output = tmp_path / processes
        done = subprocess.run([*line, "--output", str(output)], env=os.environ, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
        (history,) = output.glob("*/*/metrics.jsonl")
        lines = [json.loads(text) for text in history.read_text().splitlines()]
        losses.append([record.get("loss", record.get("validation/loss")) for record in lines])
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    assert len(losses[0]) == 7  # evaluations at 0, 2 and 4, and four steps
