"""Whisper learns what it is shown, answers for what it was trained for, and hears windows of any length."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from datasets import Dataset
from transformers import WhisperForConditionalGeneration, WhisperProcessor

from suite import SuiteError, TrainingData
from suite_speech.data.audio import RATE
from suite_speech.domain import SPEECH
from suite_speech.model.decode import Decoded, decode
from suite_speech.model.loading import language_of
from suite_speech.model.whisper import WhisperSpeechModel, better, compression, guarded

TEXTS = ["oui", "non merci"]


def load(folder, languages=("fr", "fr"), **settings):
    """The model as a run loads it for training rows of these languages; as a finished run is loaded without any."""
    rows = Dataset.from_dict({"text": TEXTS, "language": languages}) if languages else None
    return SPEECH.task(**{"preset": "full", **settings}).load(folder, TrainingData(rows) if rows else None)


def group_of(model, sounds, texts=TEXTS, language="fr"):
    features = torch.from_numpy(np.stack([model.features(sound) for sound in sounds]))
    return {"features": features, "languages": [language] * len(sounds), **model.labels(texts, ["fr"] * len(sounds))}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The folder of the cache, empty."""
    monkeypatch.setenv("SUITE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def sounds(voice):
    return [voice(1.0, 100), voice(1.0, 220)]


# ---- labels ----------------------------------------------------------------------------------------------------------


def test_labels_mask_the_prompt_and_the_padding_but_never_the_first_end(tiny_whisper):
    model = load(tiny_whisper)
    batch = model.labels(TEXTS, ["fr", "en"])
    end = model.network.generation_config.eos_token_id
    assert model.processor.tokenizer.pad_token_id == end  # why masking all padding ids would be wrong
    short, long = batch["labels"].tolist()
    spelt = [model.processor.tokenizer(f" {text}", add_special_tokens=False).input_ids for text in TEXTS]
    assert short == [-100] * 3 + spelt[0] + [end] + [-100] * 6
    assert long == [-100] * 3 + spelt[1] + [end]


def test_decoder_inputs_are_the_targets_one_step_earlier(tiny_whisper):
    model = load(tiny_whisper)
    batch = model.labels(TEXTS, ["fr", "en"])
    tokens = model.processor.tokenizer.convert_ids_to_tokens
    assert tokens(batch["decoder_input_ids"][1, :4].tolist()) == [
        "<|startoftranscript|>",
        "<|en|>",
        "<|transcribe|>",
        "<|notimestamps|>",
    ]
    assert batch["decoder_input_ids"][1, 4:].tolist() == batch["labels"][1, 3:-1].tolist()
    assert batch["decoder_input_ids"].shape == batch["labels"].shape


def test_a_transcript_longer_than_the_decoder_is_cut_and_still_ends(tiny_whisper):
    model = load(tiny_whisper)
    labels = model.labels(["a" * 1000], ["fr"])["labels"]
    assert labels.shape[1] <= 448
    assert labels[0, -1] == model.network.generation_config.eos_token_id


def test_translating_is_asked_for_in_the_prompt(tiny_whisper):
    model = load(tiny_whisper, task="translate")
    assert "<|translate|>" in model.processor.tokenizer.convert_ids_to_tokens(model.prompt("fr"))


# ---- language and task -----------------------------------------------------------------------------------------------


def test_language_and_task_are_saved_and_hold_at_the_next_load(tiny_whisper, tmp_path):
    model = load(tiny_whisper)
    model.save(tmp_path)
    saved = json.loads((tmp_path / "generation_config.json").read_text())
    assert (saved["language"], saved["task"]) == ("fr", "transcribe")
    assert load(tmp_path, languages=None).language == "fr"


@pytest.mark.parametrize(("key", "value"), [("language", "de"), ("task", "translate")])
def test_a_language_or_task_changed_by_hand_is_refused(tiny_whisper, tmp_path, key, value):
    model = load(tiny_whisper, language="fr")
    model.save(tmp_path)
    path = tmp_path / "generation_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    with pytest.raises(SuiteError, match=r"transcribe in fr: one of them was changed by hand\."):
        load(tmp_path, languages=None, language="fr")


def test_the_config_outranks_the_rows_language(tiny_whisper):
    model = load(tiny_whisper, language="de")
    assert (model.language, model.network.generation_config.language) == ("de", "de")


@pytest.mark.parametrize(
    ("columns", "language"),
    [
        ({"language": ["fr", "fr"]}, "fr"),
        ({"language": ["fr", "en"]}, "auto"),
        ({"language": ["fr", None]}, "auto"),
        ({"language": [None, None]}, "auto"),
        ({}, "auto"),
    ],
)
def test_the_language_of_rows_is_the_one_they_all_name(columns, language):
    assert language_of(Dataset.from_dict({"text": TEXTS, **columns})) == language


def test_rows_of_many_languages_leave_it_to_whisper(tiny_whisper):
    model = load(tiny_whisper, languages=("fr", "en"))
    assert (model.language, model.network.generation_config.language) == ("auto", None)


@pytest.mark.parametrize("settings", [{"language": "xx"}, {"languages": ("xx", "xx")}])
def test_an_unknown_language_is_refused_with_those_there_are(tiny_whisper, settings):
    with pytest.raises(SuiteError, match=r"Whisper knows no language 'xx'; possible are auto, de, en, fr\."):
        load(tiny_whisper, **settings)


def test_a_folder_without_a_model_or_of_another_kind_is_refused(tmp_path):
    with pytest.raises(SuiteError, match="The model in .* cannot be read"):
        load(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(SuiteError, match="is a bert model; speech takes whisper, wav2vec2"):
        load(tmp_path)


# ---- the encoder -----------------------------------------------------------------------------------------------------


def test_the_encoder_equals_the_stock_one_at_thirty_seconds(tiny_whisper):
    model = load(tiny_whisper)
    stock = WhisperForConditionalGeneration.from_pretrained(tiny_whisper).eval()
    features = torch.randn(2, 80, 3000, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        ours = model.network.eval().model.encoder(features).last_hidden_state
        theirs = stock.model.encoder(features).last_hidden_state
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize(("seconds", "frames"), [(0.1, 600), (2.0, 600), (2.1, 800), (25.9, 3000), (30.0, 3000)])
def test_windows_are_the_sound_and_four_seconds_of_silence(tiny_whisper, voice, seconds, frames):
    model = load(tiny_whisper)
    features = model.features(voice(seconds))
    assert features.shape == (80, frames)
    with torch.no_grad():
        encoded = model.encode(torch.from_numpy(features)[None])
    assert encoded.shape == (1, frames // 2, 16)
    assert encoded.dtype == torch.float16


def trained_parts(model):
    """What is trained of encoder and decoder: "encoder.layers.1", "decoder.embed_tokens" and the like."""
    names = [name.split(".")[1:] for name, parameter in model.named_parameters() if parameter.requires_grad]
    return {".".join(name[: 3 if name[1] == "layers" else 2]) for name in names}


def test_each_preset_trains_what_it_says(tiny_whisper):
    decoder = {"decoder.layers.0", "decoder.layers.1", "decoder.layer_norm", "decoder.embed_positions"}
    upper = {"encoder.layers.1", "encoder.layer_norm"}
    below = {"encoder.conv1", "encoder.conv2", "encoder.embed_positions", "encoder.layers.0"}
    for preset, parts in (
        ("frozen-encoder", decoder),
        ("half-encoder", decoder | upper),
        ("full", decoder | upper | below | {"decoder.embed_tokens"}),
    ):
        model = load(tiny_whisper, preset=preset)
        assert trained_parts(model.network) == parts, preset


def test_the_cache_is_named_by_the_frozen_layers_alone(tiny_whisper):
    model = load(tiny_whisper, preset="half-encoder")
    fixed = {id(parameter) for parameter in model.encoder.fixed()}
    names = {name for name, parameter in model.encoder.named_parameters() if id(parameter) in fixed}
    parts = {".".join(name.split(".")[: 2 if name.startswith("layers") else 1]) for name in names}
    assert parts == {"conv1", "conv2", "embed_positions", "layers.0"}


# ---- learning --------------------------------------------------------------------------------------------------------


def test_two_clips_are_learnt_and_heard(tiny_whisper, sounds, tmp_path):
    """The loss falls, greedy decoding says what was shown, and plain transformers hear it in the saved folder."""
    model = load(tiny_whisper)
    group = group_of(model, sounds)
    count = int((group["labels"] != -100).sum())
    optimizer = torch.optim.Adam(model.network.parameters(), lr=1e-2)
    losses = []
    for _ in range(60):
        loss = model.group_loss(model.network.train(), group) / count
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[5] < losses[0]
    assert losses[-1] < 0.1 < 3 < losses[0]
    model.network.eval()
    with torch.no_grad():
        heard = model.recognise(group, [1.0, 1.0])
    assert [transcript.text for transcript in heard] == TEXTS
    assert [[word.word for word in transcript.words] for transcript in heard] == [["oui"], ["non", "merci"]]
    assert all(0 <= word.start <= word.end <= 1.0 for transcript in heard for word in transcript.words)
    assert min(transcript.confidence for transcript in heard) > 0.8
    _plain_transformers_hear(model, sounds, tmp_path)


def _plain_transformers_hear(model, sounds, folder):
    model.save(folder)
    again = WhisperForConditionalGeneration.from_pretrained(folder).eval()
    processor = WhisperProcessor.from_pretrained(folder)
    features = processor.feature_extractor(sounds[1], sampling_rate=RATE, return_tensors="pt").input_features
    with torch.no_grad():
        theirs = again(features, decoder_input_ids=torch.tensor([model.prompt("fr")])).logits
        ours = model.network(features, decoder_input_ids=torch.tensor([model.prompt("fr")])).logits
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_smoothing_raises_the_loss_in_training_alone(tiny_whisper, sounds):
    model = load(tiny_whisper)
    smooth = load(tiny_whisper, label_smoothing=0.5)
    group = group_of(model, sounds)
    with torch.no_grad():
        assert float(smooth.group_loss(smooth.network.eval(), group)) == pytest.approx(
            float(model.group_loss(model.network.eval(), group))
        )
        assert float(smooth.group_loss(smooth.network.train(), group)) != pytest.approx(
            float(model.group_loss(model.network.train(), group))
        )


@pytest.mark.parametrize("preset", ["frozen-encoder", "half-encoder"])
def test_the_cached_encoding_gives_the_same_loss_and_text(tiny_whisper, sounds, preset):
    model = load(tiny_whisper, preset=preset)
    group = group_of(model, sounds)
    with torch.no_grad():
        fresh = float(model.group_loss(model.network.eval(), group))
        heard = model.recognise(group, [0.2, 0.2])
        group["encoded"] = model.encode(group.pop("features"))
        assert float(model.group_loss(model.network, group)) == pytest.approx(fresh, rel=1e-3)
        assert model.recognise(group, [0.2, 0.2]) == heard


def test_encodings_are_kept_and_read_again_by_whoever_has_the_same_frozen_layers(tiny_whisper, voice, saved, cache):
    sounds = [voice(3.5, 100), voice(1.0, 220)]
    rows = Dataset.from_list(
        [{"audio": saved(s, f"{i}.wav"), "text": t} for i, (s, t) in enumerate(zip(sounds, TEXTS, strict=True))]
    )
    model = load(tiny_whisper, preset="half-encoder")
    examples = model.prepare(rows, "train")
    with torch.no_grad():
        fresh = [model.encode(torch.from_numpy(model.features(sound))[None])[0].numpy() for sound in sounds]
    assert all(np.allclose(example.encoded, array, atol=1e-2) for example, array in zip(examples, fresh, strict=True))
    [folder] = (cache / "speech").iterdir()
    np.save(folder / "positions.npy", np.zeros_like(np.load(folder / "positions.npy")))
    assert not load(tiny_whisper, preset="half-encoder").prepare(rows, "test")[0].encoded.any()
    assert load(tiny_whisper, preset="frozen-encoder").prepare(rows, "test")[0].encoded.any()
    assert load(tiny_whisper, preset="full").prepare(rows, "test")[0].encoded is None


def test_the_upper_half_learns_from_cached_encodings(tiny_whisper, sounds):
    model = load(tiny_whisper, preset="half-encoder")
    group = group_of(model, sounds)
    with torch.no_grad():
        group["encoded"] = model.encode(group.pop("features"))
    model.group_loss(model.network.train(), group).backward()
    trained = [parameter for parameter in model.network.parameters() if parameter.requires_grad]
    assert all(parameter.grad is not None for parameter in trained)
    assert model.encoder.layers[1].fc1.weight.grad.abs().sum() > 0


def test_auto_takes_one_of_the_languages_there_are(tiny_whisper, sounds):
    model = load(tiny_whisper, languages=("fr", "en"))
    with torch.no_grad():
        heard = model.recognise(group_of(model, sounds, language="auto"), [0.2, 0.2])
    assert {transcript.language for transcript in heard} <= {"en", "fr", "de"}


# ---- decoding and its guards -----------------------------------------------------------------------------------------


def test_decoding_a_window_is_the_same_alone_and_in_a_batch(tiny_whisper):
    model = load(tiny_whisper)
    encoded = torch.randn(3, 300, 16, generator=torch.Generator().manual_seed(1))
    prompt, tokenizer = model.prompt("fr"), model.processor.tokenizer
    with torch.no_grad():
        together = decode(model.network, tokenizer, encoded, [prompt] * 3, 12, 0.0)
        alone = [decode(model.network, tokenizer, encoded[i : i + 1], [prompt], 12, 0.0)[0] for i in range(3)]
    assert [transcript.tokens for transcript in together] == [transcript.tokens for transcript in alone]
    assert [transcript.logprob for transcript in together] == pytest.approx(
        [transcript.logprob for transcript in alone], abs=1e-4
    )


def test_decoding_is_greedy_and_says_no_control_token(tiny_whisper):
    """With the cache step by step, and without it in one go: the same likeliest tokens."""
    model = load(tiny_whisper)
    encoded = torch.randn(1, 300, 16, generator=torch.Generator().manual_seed(2))
    prompt, end = model.prompt("fr"), model.network.generation_config.eos_token_id
    tokenizer = model.processor.tokenizer
    with torch.no_grad():
        [answer] = decode(model.network, tokenizer, encoded, [prompt], 12, 0.0)
        hidden = model.network.model.decoder(
            input_ids=torch.tensor([prompt + answer.tokens]), encoder_hidden_states=encoded
        ).last_hidden_state
        scores = model.network.proj_out(hidden)[0, len(prompt) - 1 : -1]
    assert answer.tokens
    silenced = [i for i in range(256, scores.shape[1]) if i != end]
    scores[:, [i for i in silenced if i >= model.network.generation_config.no_timestamps_token_id]] = -torch.inf
    scores[0, end] = -torch.inf  # the first token may not be the end
    assert scores.argmax(-1).tolist() == answer.tokens


def test_sampling_gives_the_same_text_each_time(tiny_whisper):
    model = load(tiny_whisper)
    encoded = torch.randn(2, 300, 16, generator=torch.Generator().manual_seed(3))
    prompt, tokenizer = model.prompt("fr"), model.processor.tokenizer
    with torch.no_grad():
        first, second = (decode(model.network, tokenizer, encoded, [prompt] * 2, 10, 0.8) for _ in range(2))
    assert first == second
    assert first[0].tokens != first[1].tokens


class Bytes:
    """A tokenizer of letters' numbers."""

    def decode(self, tokens):
        return bytes(tokens).decode()


def answer(text: str, logprob: float, no_speech: float = 0.0) -> Decoded:
    return Decoded(list(text.encode()), [0.5] * len(text), logprob, no_speech)


def test_a_trusted_answer_is_kept_before_a_likelier_one_that_loops():
    loop, sure, guess = answer("la " * 40, -0.1), answer("appuyez sur un", -0.9), answer("xyz", -1.5)
    assert compression("la " * 40) > 2.4 > compression("appuyez sur un")
    assert better(loop, sure, Bytes()) is sure
    assert better(loop, guess, Bytes()) is loop
    assert better(guess, loop, Bytes()) is loop
    assert better(None, guess, Bytes()) is guess


def test_nothing_is_said_where_nobody_speaks():
    assert guarded(answer("merci", -1.2, 0.7)).tokens == []
    assert guarded(answer("merci", -0.5, 0.7)).tokens  # unsure whether anybody speaks, sure of the word
    assert guarded(answer("merci", -1.2, 0.5)).tokens
    assert len(guarded(answer("a" + "no" * 8, -0.1)).tokens) == 3


def test_whisper_has_its_own_model(tiny_whisper):
    assert isinstance(load(tiny_whisper), WhisperSpeechModel)
