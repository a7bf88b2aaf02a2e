"""A translation model's folder and adapters work in plain transformers and peft, by the code of the documentation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import suite
from suite.testing.outside import documented, run_outside
from suite.training.weights import Adapters
from suite_translation.config import TranslationConfig
from suite_translation.domain import TranslationDomain
from suite_translation.model import generate, models
from suite_translation.starter.assets import STARTER

PAGE = Path(suite.__file__).parent.parent / "docs" / "interoperability.md"
SOURCES = ["Save the file", "Delete selected items", "Could not connect to the server."]


@pytest.fixture
def domain():
    return TranslationDomain(TranslationConfig.build({"lora_rank": 4, "lora_dropout": 0.0}))


@pytest.fixture
def model(domain):
    from suite import resolve_model

    return domain.load_model(resolve_model(STARTER.model, STARTER.assets), None).eval()


def translated(domain, model, language):
    asked = [generate.Asked(text, language) for text in SOURCES]
    return [found[0].text for found in generate.candidates(model, domain.codec, asked, beams=1)]


@pytest.mark.parametrize("language", ["de", "fr"])
def test_the_documented_lines_translate_as_the_domain_does(domain, model, tmp_path, language):
    domain.save_model(model, tmp_path / "model")
    script = documented(PAGE, "Translation").replace(
        '[">>de<< Save the file"], ', repr([f">>{language}<< {text}" for text in SOURCES]) + ", padding=True, "
    )
    script = script.replace("skip_special_tokens=True)[0]", "skip_special_tokens=True)")
    theirs = json.loads(run_outside(script + "import json\nprint(json.dumps(text))", tmp_path))
    assert theirs == translated(domain, model, language)
    assert len(set(theirs)) == 3 and theirs != SOURCES


def test_adapters_on_the_base_model_give_the_merged_one(domain, model, tmp_path):
    domain.save_model(model, tmp_path / "base")
    adapters = Adapters(domain, model)
    torch.manual_seed(0)
    for name, parameter in adapters.model.named_parameters():
        if "lora_B" in name:
            parameter.data.normal_(std=0.02)
    adapters.save(tmp_path / "adapter")
    merged = adapters.merge().eval()
    ids = torch.tensor([domain.codec.encode(SOURCES[0], "de")])
    with torch.no_grad():
        ours = merged(input_ids=ids, decoder_input_ids=ids[:, :3]).logits[0, -1]
        base, _ = models.load(tmp_path / "base", "", dropout=0.0)
        before = base.eval()(input_ids=ids, decoder_input_ids=ids[:, :3]).logits[0, -1]
    script = f"import json, torch\nids = torch.tensor({ids.tolist()})\n"
    script += "found = model(input_ids=ids, decoder_input_ids=ids[:, :3]).logits[0, -1]\n"
    script += "print(json.dumps(found.tolist()))"
    theirs = torch.tensor(json.loads(run_outside(documented(PAGE, "Low-rank adapters") + script, tmp_path)))
    assert (theirs - ours).abs().max() < 1e-4
    assert (before - ours).abs().max() > 1e-2
