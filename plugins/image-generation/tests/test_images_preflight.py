"""Memory counted before anything is loaded, against what it really is."""

import json

import pytest
import torch

from suite import SuiteError
from suite_image_generation import preflight
from suite_image_generation.config import ImageConfig
from suite_image_generation.domain import ImageGenerationDomain
from suite_image_generation.pipelines import check_index, denoiser, load_pipeline, multiple, trained_shape

CPU = torch.device("cpu")


@pytest.fixture(params=["noise_folder", "flow_folder"])
def folder(request):
    return request.getfixturevalue(request.param)


def size(modules):
    return sum(p.numel() * 4 for module in modules for p in module.parameters())


def test_weights_and_optimizer_are_counted_from_headers(folder, monkeypatch):
    monkeypatch.setattr(preflight, "activations", lambda *_: 0)
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


def test_adapters_are_counted_as_peft_makes_them(noise_folder, monkeypatch):
    from peft import LoraConfig, get_peft_model

    monkeypatch.setattr(preflight, "activations", lambda *_: 0)
    config = ImageConfig(lora_rank=3)
    found = preflight.need(noise_folder, config, training=True, device=CPU)
    model = denoiser(load_pipeline(noise_folder))
    get_peft_model(model, LoraConfig(r=3, target_modules=list(ImageGenerationDomain.lora_targets)))
    adapters = sum(p.numel() * 4 for p in model.parameters() if p.requires_grad)
    assert found.trained == adapters * 4  # the adapters, their gradient and two moments


def test_activations_are_what_a_real_pass_keeps(folder):
    config = ImageConfig()
    model = denoiser(load_pipeline(folder)).train()
    kept = {}

    def keep(tensor):
        if not isinstance(tensor, torch.nn.Parameter):
            kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    inputs = preflight._fake_inputs(folder / folder_of(folder), model.config, 2, config)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        answer = model(**inputs, return_dict=False)[0].float().pow(2).mean()
    assert answer is not None
    counted = preflight.activations(folder / folder_of(folder), 2, config)
    assert counted == pytest.approx(sum(kept.values()), rel=0.01)
    assert preflight.activations(folder / folder_of(folder), 4, config) > 1.8 * counted


def folder_of(folder):
    return "unet" if (folder / "unet").is_dir() else "transformer"


def test_checkpointing_and_resolution_are_felt(noise_folder):
    plain = preflight.activations(noise_folder / "unet", 2, ImageConfig())
    assert preflight.activations(noise_folder / "unet", 2, ImageConfig(gradient_checkpointing=True)) < plain
    assert preflight.activations(noise_folder / "unet", 2, ImageConfig(resolution=32)) > 3 * plain


def test_what_does_not_fit_is_refused_with_numbers_before_loading(noise_folder, monkeypatch):
    monkeypatch.setattr(preflight, "free_memory", lambda device: 400_000_000)
    monkeypatch.setattr("suite_image_generation.pipelines.load_pipeline", lambda folder: pytest.fail("loaded"))
    domain = ImageGenerationDomain(ImageConfig(lora=False, model=str(noise_folder)))
    domain.training_rows = object()
    with pytest.raises(SuiteError) as caught:
        domain.load_model(noise_folder, object())
    told = str(caught.value)
    assert told.startswith("Training tiny-noise needs some 0.5 GB on cpu (denoiser 0.0, frozen parts 0.0, ")
    assert "0.4 are free: take --lora, --set gradient_checkpointing=true, --set micro_batch_size=1" in told
    for rows, source in ((None, None), (object(), None), (object(), object())):
        domain.training_rows = source  # another instance: the model before training, or one that predicts
        domain.config.model = str(noise_folder) if source is None else str(noise_folder.parent)
        with pytest.raises(SuiteError, match="Loading tiny-noise needs some"):
            domain.load_model(noise_folder, rows)


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
    for name, value, told in (
        ("_class_name", "WanPipeline", "is a WanPipeline; known are StableDiffusionPipeline"),
        ("_class_name", ["mine", "Pipe"], "known are"),
        ("unet", ["my_unet", "Net"], "its unet comes from 'my_unet', code that is not run"),
    ):
        (tmp_path / "model_index.json").write_text(json.dumps(index | {name: value}))
        with pytest.raises(SuiteError, match=told):
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
    from suite_image_generation.pipelines import default_size

    pipe = load_pipeline(folder)
    assert trained_shape(folder) == (default_size(pipe)[0], multiple(pipe)) == (16, 8)
