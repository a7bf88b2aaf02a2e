"""What is not given follows from what is."""

import pytest

from suite_image_generation.config import LORA_TARGETS, ImageConfig


@pytest.mark.parametrize(
    ("given", "rate"),
    [
        ({}, 3e-4),
        ({"model": "emoji-diffusion"}, 3e-4),
        ({"lora": False}, 1e-4),
        ({"model": "owner/name"}, 1e-4),
        ({"model": "owner/name", "lora": False}, 1e-5),
        ({"model": "owner/name", "learning_rate": 2e-3}, 2e-3),
    ],
)
def test_the_learning_rate_fits_the_model(given, rate):
    config = ImageConfig.build(given)
    assert config.learning_rate == rate
    assert ImageConfig.build(config.model_dump()) == config


def test_epochs_are_not_overruled_by_the_default_number_of_steps():
    assert ImageConfig.build({}).max_steps == 200
    assert ImageConfig.build({"epochs": 5.0}).max_steps is None
    assert ImageConfig.build({"epochs": 5.0, "max_steps": 7}).max_steps == 7
    config = ImageConfig.build({"epochs": 5.0})
    config.seed = 3
    assert (config.max_steps, config.learning_rate) == (None, 3e-4)


def test_only_the_starter_gets_adapters_on_its_convolutions():
    assert ImageConfig.build({}).lora_targets == [*LORA_TARGETS, "conv1", "conv2"]
    assert ImageConfig.build({"model": "emoji-diffusion"}).lora_targets == ImageConfig.build({}).lora_targets
    assert ImageConfig.build({"lora_targets": ["to_q"]}).lora_targets == ["to_q"]
    assert ImageConfig.build({"model": "owner/name"}).lora_targets == []
    assert ImageConfig.build({"lora": False}).lora_targets == []
