"""Whisper and CTC folders work in plain transformers, by the code of the documentation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from datasets import Dataset
from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model

import suite
from suite import TrainingData
from suite.testing.outside import documented, run_outside
from suite_speech.data.audio import write_wav
from suite_speech.domain import SPEECH

PAGE = Path(suite.__file__).parent.parent / "docs" / "interoperability.md"


def made(folder, rows):
    return SPEECH.task(preset="full", language="fr").load(folder, TrainingData(rows))


def test_a_whisper_gives_the_same_scores_for_the_same_words(tiny_whisper, voice, tmp_path):
    samples = voice(27.0)  # with the silence that Suite adds it fills the window of 30 s that plain Whisper always has
    write_wav(tmp_path / "call.wav", samples)
    model = made(tiny_whisper, Dataset.from_dict({"text": ["oui"], "language": ["fr"]}))
    torch.manual_seed(0)
    model.network.model.decoder.layers[0].fc1.weight.data.normal_()
    model.save(tmp_path / "model")
    group = {"features": torch.from_numpy(model.features(samples)[None]), "languages": ["fr"]}
    group |= model.labels(["oui, merci"], ["fr"])
    ids, labels = group["decoder_input_ids"].tolist(), group["labels"].tolist()
    with torch.no_grad():
        ours = float(model.group_loss(model.network, group))
    # Weights drawn at random never say that they have done: two tokens show that it generates.
    said = documented(PAGE, "Speech recognition: Whisper").replace("(features)", "(features, max_new_tokens=2)")
    theirs = run_outside(
        said
        + f"import torch\nids, labels = torch.tensor({ids}), torch.tensor({labels})\n"
        + "logits = model(input_features=features, decoder_input_ids=ids).logits\n"
        + "print(float(torch.nn.functional.cross_entropy(logits[0], labels[0], reduction='sum')))",
        tmp_path,
    )
    assert float(theirs.splitlines()[-1]) == pytest.approx(ours, rel=1e-4)


def test_a_ctc_model_hears_the_same_text(voice, tiny_body, tmp_path):
    torch.manual_seed(0)
    body = tiny_body(Wav2Vec2Config, Wav2Vec2Model)
    body.save_pretrained(tmp_path / "body")
    Wav2Vec2FeatureExtractor().save_pretrained(tmp_path / "body")
    rows = Dataset.from_dict({"text": ["oui la", "non"]})
    model = made(tmp_path / "body", rows)
    model.network.lm_head.weight.data.normal_()  # so that a babble of letters comes out
    model.network.lm_head.bias.data[
        model.processor.tokenizer.unk_token_id
    ] = -1e3  # no trained model says it; Suite drops it
    model.save(tmp_path / "model")
    write_wav(tmp_path / "call.wav", voice(2.0))
    (ours,) = model.infer(model.collate(model.inputs(str(tmp_path / "call.wav"))))
    script = documented(PAGE, "Speech recognition: CTC") + "import json\nprint(json.dumps(text))"
    theirs = json.loads(run_outside(script, tmp_path).splitlines()[-1])
    assert " ".join(theirs.split()) == ours["text"] and len(theirs) > 5
