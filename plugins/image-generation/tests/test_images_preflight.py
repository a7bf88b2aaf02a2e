"""Memory counted before anything is loaded, against what it really is."""

import json

import numpy as np
import pytest
import torch

from suite import Predictor, SuiteError, TrainingData
from suite.training.train import train
from suite_image_generation.config import ImageConfig
from suite_image_generation.domain import IMAGE_GENERATION
from suite_image_generation.model import pipelines, preflight, working_memory
from suite_image_generation.model.pipelines import check_index, denoiser, load_pipeline, multiple, trained_shape

CPU = torch.device("cpu")


@pytest.fixture(params=["noise_folder", "flow_folder"])
def folder(request):
    return request.getfixturevalue(request.param)


def size(modules):
    return sum(p.numel() * 4 for module in modules for p in module.parameters())


def test_weights_and_optimizer_are_counted_from_headers(folder, monkeypatch):
    monkeypatch.setattr(preflight, "activations", lambda *_: 0)
    monkeypatch.setattr(preflight, "drawing", lambda *_: 0)
    pipe = load_pipeline(folder)
    model = denoiser(pipe)
    frozen = [p for p in pipe.components.values() if isinstance(p, torch.nn.Module) and p is not model]
    full = preflight.need(folder, ImageConfig(lora=False, ema=0.9), training=True, device=CPU)
    trained = size([model])
    buffers = sum(b.numel() * 4 for b in model.state_dict(keep_vars=True).values() if not b.requires_grad)
    assert full.denoiser == trained + buffers
    assert full.frozen == pytest.approx(size(frozen), abs=1000)  # position ids and the like
    assert full.trained == 4 * (trained + buffers)  # gradient, two moments, average
    assert preflight.need(folder, ImageConfig(), training=False, device=CPU).trained == 0


@pytest.mark.parametrize("targets", [["to_k", "to_q"], ["conv1", "conv_in", "to_k"]])
def test_adapters_are_counted_as_peft_makes_them(noise_folder, monkeypatch, targets):
    from peft import LoraConfig, get_peft_model

    monkeypatch.setattr(preflight, "activations", lambda *_: 0)
    monkeypatch.setattr(preflight, "drawing", lambda *_: 0)
    config = ImageConfig(lora_rank=3, lora_targets=targets)
    memory = preflight.need(noise_folder, config, training=True, device=CPU)
    model = denoiser(load_pipeline(noise_folder))
    get_peft_model(model, LoraConfig(r=3, target_modules=targets))
    adapters = sum(p.numel() * 4 for p in model.parameters() if p.requires_grad)
    assert memory.trained == adapters * 4  # the adapters, their gradient and two moments


def allocated(work):
    """Bytes that the CPU's allocator gave during `work` and did not get back, and at most at once."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        kept = work()
    events = [event for event in seen.profiler.kineto_results.events() if event.name() == "[memory]"]
    live = np.cumsum([event.nbytes() for event in sorted(events, key=lambda event: event.start_ns())])
    del kept
    return live[-1], live.max()


@pytest.mark.parametrize("kind", ["noise_folder", "flow_folder", "xl_folder"])
def test_what_a_step_and_a_picture_need_is_what_is_allocated(kind, request, picture_folder, own_cache, monkeypatch):
    """Of the domain's own loss on a batch from files, and of its own sampling."""
    from suite_image_generation.generation.sampling import sample
    from suite_image_generation.pictures.request import Request

    folder, count = request.getfixturevalue(kind), 6
    task = IMAGE_GENERATION.task(max_ratio=1, resolution=32)
    rows = task.data.read(picture_folder).map(lambda row: {"image": str(picture_folder / row["image"])})
    config, model = task.config, task.load(folder, TrainingData(rows))
    model.network.train()
    examples = model.prepare(rows, "train")[:count]
    batch = model.collate([model.augment(example, np.random.default_rng(0)) for example in examples])
    part = folder / domain_part(folder)
    kept, _ = allocated(lambda: model.loss(model.network, batch))
    assert working_memory.activations(part, count, config) == pytest.approx(kept, rel=0.1)

    model.network.eval()
    asked = [Request("a cat", seed, steps=2, guidance=4.0, width=32, height=32) for seed in range(count)]
    for pixels in (pipelines.PIXELS, 2 * 32 * 32):  # the autoencoder takes all of them, or two
        monkeypatch.setattr(pipelines, "PIXELS", pixels)
        _, most = allocated(lambda: sample(model.pipeline, asked))
        assert most * 0.7 < working_memory.drawing(part, count, config) < most * 1.3


def domain_part(folder):
    return "unet" if (folder / "unet").is_dir() else "transformer"


def test_steps_and_pictures_take_turns_on_a_gpu(noise_folder, monkeypatch):
    asked = []
    monkeypatch.setattr(preflight, "activations", lambda folder, batch, config: 1000 * batch)
    monkeypatch.setattr(preflight, "drawing", lambda folder, count, config: asked.append(count) or 5000)
    gpu = preflight.need(noise_folder, ImageConfig(), training=True, device=torch.device("cuda"))
    cpu = preflight.need(noise_folder, ImageConfig(), training=True, device=CPU)
    assert (gpu.frozen, gpu.activations, gpu.drawing) == (0, 1000, cpu.frozen + 5000)
    assert cpu.frozen > 5000
    assert (cpu.activations, cpu.drawing) == (8000, 5000)
    assert gpu.total == gpu.denoiser + gpu.trained + gpu.drawing + preflight.WORKING
    for settings in ({"previews": 3, "samples": 2}, {"preview_prompts": ["a"] * 99}, {"previews": 0, "samples": 0}):
        preflight.need(noise_folder, ImageConfig(**settings), training=True, device=CPU)
    assert asked == [8, 8, 3, 8, 1]


def test_checkpointing_and_resolution_are_felt(noise_folder):
    plain = working_memory.activations(noise_folder / "unet", 2, ImageConfig())
    assert working_memory.activations(noise_folder / "unet", 2, ImageConfig(gradient_checkpointing=True)) < plain
    assert working_memory.activations(noise_folder / "unet", 2, ImageConfig(resolution=32)) > 3 * plain


def test_what_does_not_fit_is_refused_with_numbers_before_loading(noise_folder, monkeypatch):
    monkeypatch.setattr(preflight, "free_memory", lambda device: 400_000_000)
    monkeypatch.setattr("suite_image_generation.model.pipelines.load_pipeline", lambda folder: pytest.fail("loaded"))
    task = IMAGE_GENERATION.task(lora=False, model=str(noise_folder))
    with pytest.raises(SuiteError) as caught:
        task.load(noise_folder, TrainingData(None))
    message = str(caught.value)
    assert message.startswith("Training tiny-noise needs some 0.5 GB on cpu (denoiser 0.0, frozen parts 0.0, ")
    assert "0.4 are free: take --lora, --set gradient_checkpointing=true, --set micro_batch_size=1" in message
    with pytest.raises(SuiteError, match="Loading tiny-noise needs some"):
        task.load(noise_folder, None)


def test_only_what_is_trained_needs_the_memory_of_training(noise_folder, picture_folder, own_cache, tmp_path):
    """Not the model that is loaded to be evaluated before training, nor one that predicts."""
    checked = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(preflight, "check", lambda folder, config, *, training: checked.append(training))
        options = {"samples": 0, "previews": 0, "draws": 1, "max_steps": 1, "output": tmp_path / "runs"}
        train(IMAGE_GENERATION.task(options, model=str(noise_folder), data=str(picture_folder)))
        assert checked == [True, False, False]  # trained, as it was saved, as it was before
        _ = Predictor(IMAGE_GENERATION.task(data=str(picture_folder)), str(noise_folder)).model
    assert checked == [True, False, False, False]


def test_a_container_with_a_limit_is_believed(tmp_path, monkeypatch):
    monkeypatch.setattr(preflight, "CGROUP", tmp_path)
    whole = preflight.free_memory(CPU)
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("400000\n")
    assert preflight.free_memory(CPU) == 600_000
    (tmp_path / "memory.max").write_text("max\n")
    assert preflight.free_memory(CPU) == pytest.approx(whole, rel=0.2)


def test_damaged_weights_and_strange_pipelines_are_refused(noise_folder, tmp_path):
    bad = tmp_path / "diffusion_pytorch_model.safetensors"
    bad.write_bytes(b"\xff" * 20)
    with pytest.raises(SuiteError, match="no whole safetensors file"):
        preflight.tensor_shapes(tmp_path)
    index = json.loads((noise_folder / "model_index.json").read_text())
    for name, value, message in (
        ("_class_name", "WanPipeline", "is a WanPipeline; known are StableDiffusionPipeline"),
        ("_class_name", ["mine", "Pipe"], "known are"),
        ("unet", ["my_unet", "Net"], "its unet comes from 'my_unet', code that is not run"),
    ):
        (tmp_path / "model_index.json").write_text(json.dumps(index | {name: value}))
        with pytest.raises(SuiteError, match=message):
            check_index(tmp_path)
    with pytest.raises(SuiteError, match=r"has no model_index\.json"):
        check_index(tmp_path / "nowhere")


def test_weights_that_are_no_safetensors_are_told(noise_folder, tmp_path):
    import shutil

    folder = shutil.copytree(noise_folder, tmp_path / "old")
    (folder / "unet" / "diffusion_pytorch_model.safetensors").rename(folder / "unet" / "diffusion_pytorch_model.bin")
    with pytest.raises(SuiteError, match="old has no safetensors in its folder unet"):
        preflight.check(folder, ImageConfig(), training=True)


def test_shapes_from_configs_are_those_of_the_pipeline(folder):
    from suite_image_generation.model.pipelines import default_size

    pipe = load_pipeline(folder)
    assert trained_shape(folder) == (default_size(pipe)[0], multiple(pipe)) == (16, 8)
