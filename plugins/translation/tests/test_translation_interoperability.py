"""A translation model's folder and adapters work in plain transformers and peft, by the code of the documentation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import suite
from suite import resolve_model
from suite.testing.outside import documented, run_outside
from suite.training.weights import Adapters
from suite_translation.domain import TRANSLATION
from suite_translation.model import generate
from suite_translation.model.loading import load_network
from suite_translation.starter.assets import STARTER

PAGE = Path(suite.__file__).parent.parent / "docs" / "interoperability.md"
SOURCES = ["Save the file", "Delete selected items", "Could not connect to the server."]


@pytest.fixture
def task():
    return TRANSLATION.task()


@pytest.fixture
def model(task):
    model = task.load(resolve_model(STARTER.model, STARTER.assets), None)
    model.network.eval()
    return model


def translated(model, language):
    asked = [generate.Asked(text, language) for text in SOURCES]
    return [best.text for best, *_ in generate.candidates(model.network, model.codec, asked, beams=1)]


@pytest.mark.parametrize("language", ["de", "fr"])
def test_the_documented_lines_translate_as_the_model_does(model, tmp_path, language):
    model.save(tmp_path / "model")
    script = documented(PAGE, "Translation").replace(
        '[">>de<< Save the file"], ', repr([f">>{language}<< {text}" for text in SOURCES]) + ", padding=True, "
    )
    script = script.replace("skip_special_tokens=True)[0]", "skip_special_tokens=True)")
    theirs = json.loads(run_outside(script + "import json\nprint(json.dumps(text))", tmp_path))
    assert theirs == translated(model, language)
    assert len(set(theirs)) == 3 and theirs != SOURCES


def test_adapters_on_the_base_model_give_the_merged_one(task, model, tmp_path):
    model.save(tmp_path / "base")
    adapters = Adapters(task, model.network)
    torch.manual_seed(0)
    for name, parameter in adapters.adapted.named_parameters():
        if "lora_B" in name:
            parameter.data.normal_(std=0.02)
    adapters.save(tmp_path / "adapter")
    adapters.merge()
    ids = torch.tensor([model.codec.encode(SOURCES[0], "de")])
    with torch.no_grad():
        ours = model.network(input_ids=ids, decoder_input_ids=ids[:, :3]).logits[0, -1]
        base, _ = load_network(tmp_path / "base", "", dropout=0.0)
        before = base.eval()(input_ids=ids, decoder_input_ids=ids[:, :3]).logits[0, -1]
    script = f"import json, torch\nids = torch.tensor({ids.tolist()})\n"
    script += "found = model(input_ids=ids, decoder_input_ids=ids[:, :3]).logits[0, -1]\n"
    script += "print(json.dumps(found.tolist()))"
    theirs = torch.tensor(json.loads(run_outside(documented(PAGE, "Low-rank adapters") + script, tmp_path)))
    assert (theirs - ours).abs().max() < 1e-4
    assert (before - ours).abs().max() > 1e-2
