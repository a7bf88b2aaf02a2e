"""One config behind flags, files, settings and forms."""

from __future__ import annotations

from typing import Self

import pytest
from pydantic import Field, field_validator, model_validator

from suite.config import TrainConfig
from suite.errors import SuiteError


def test_later_layers_win_and_values_are_converted():
    config = TrainConfig.build({"epochs": 2, "seed": 1}, TrainConfig.parse_settings(["epochs=5", "freeze=[a.*,b]"]))
    assert (config.epochs, config.seed, config.freeze) == (5.0, 1, ["a.*", "b"])


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"num_epoch": 30}, "No option 'num_epoch'"),
        ({"epoch": 30}, "Did you mean 'epochs'?"),
        ({"epochs": 0}, "epochs=0 won't do: Input should be greater than 0"),
        ({"precision": "fp16"}, "precision='fp16' won't do: Input should be 'auto', 'fp32' or 'bf16'"),
    ],
)
def test_a_mistake_is_one_sentence(values, said):
    with pytest.raises(SuiteError, match=said.replace("?", r"\?").replace("(", r"\(")):
        TrainConfig.build(values)


class Weekly(TrainConfig):
    day: str = Field("monday", description="Day of the week.")

    @field_validator("day")
    @classmethod
    def _named(cls, value: str) -> str:
        if not value.endswith("day"):
            raise ValueError("give a day such as monday.")
        return value

    @model_validator(mode="after")
    def _rested(self) -> Self:
        if self.day == "sunday" and self.epochs > 1:
            raise ValueError("one epoch is enough on a sunday")
        return self


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"day": "may"}, "day='may' won't do: give a day such as monday."),
        ({"day": "sunday"}, "These options together won't do: one epoch is enough on a sunday."),
    ],
)
def test_a_validators_own_words_are_the_reason(values, said):
    with pytest.raises(SuiteError) as error:
        Weekly.build(values)
    assert str(error.value) == said


def test_all_mistakes_are_told_at_once():
    with pytest.raises(SuiteError) as error:
        Weekly.build({"epochs": 0, "day": "may"}, {"precision": "fp16"})
    assert str(error.value) == (
        "epochs=0 won't do: Input should be greater than 0. "
        "precision='fp16' won't do: Input should be 'auto', 'fp32' or 'bf16'. "
        "day='may' won't do: give a day such as monday."
    )


def test_unknown_options_and_bad_values_are_told_together():
    with pytest.raises(SuiteError) as error:
        Weekly.build({"epoch": 3, "epochs": 0, "dday": "monday"})
    message = str(error.value)
    assert message.startswith(
        "No option 'epoch'. Did you mean 'epochs'? No option 'dday'. Did you mean 'day'? Known: also_evaluate, "
    )
    assert message.endswith(". epochs=0 won't do: Input should be greater than 0.")
    assert message.count("Known: ") == 1


def test_the_yaml_of_a_config_rebuilds_it(tmp_path):
    config = TrainConfig.build({"learning_rate": 3e-5, "columns": {"text": "sentence"}, "lora": True, "limit": 7})
    (tmp_path / "config.yaml").write_text(config.to_yaml())
    assert TrainConfig.build(TrainConfig.from_file(tmp_path / "config.yaml")) == config


@pytest.mark.parametrize(("text", "said"), [("- a\n- b", "holds a list"), ("a: [", "The config .* cannot be read")])
def test_a_file_that_is_no_mapping_is_refused(tmp_path, text, said):
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(SuiteError, match=said):
        TrainConfig.from_file(tmp_path / "c.yaml")
    with pytest.raises(SuiteError, match="The config .* cannot be read"):
        TrainConfig.from_file(tmp_path / "absent.yaml")


def test_a_setting_without_equals_is_refused():
    with pytest.raises(SuiteError, match="has no '='"):
        TrainConfig.parse_settings(["epochs"])


def test_every_option_has_a_sentence():
    assert all(f.description and f.description.endswith(".") for f in TrainConfig.model_fields.values())


@pytest.mark.parametrize("key", ["null", "2024-01-01", "true", "7", ".5"])
def test_a_name_that_is_no_text_is_unknown(key, tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(f"{key}: 3\n")
    with pytest.raises(SuiteError, match="No option .*Known: "):
        TrainConfig.build(TrainConfig.from_file(path))
