"""What is not given follows from what is."""

import pytest

from suite_image_generation.config import ImageConfig


@pytest.mark.parametrize(
    ("given", "rate"),
    [
        ({}, 3e-4),
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


def test_min_snr_is_for_models_other_than_the_starter():
    assert ImageConfig.build({}).min_snr == 0
    assert ImageConfig.build({"model": "owner/name"}).min_snr == 5
    assert ImageConfig.build({"model": "owner/name", "min_snr": 1}).min_snr == 1
