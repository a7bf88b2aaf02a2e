"""Whisper learns what it is shown, answers for what it was trained for, and hears windows of any length."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from transformers import WhisperForConditionalGeneration, WhisperProcessor

from suite import SuiteError
from suite_speech.config import SpeechConfig
from suite_speech.data.audio import RATE
from suite_speech.model.decode import Decoded, decode
from suite_speech.model.loading import listener_for
from suite_speech.model.whisper import WhisperListener, better, compression

TEXTS = ["oui", "non merci"]


def load(folder, *, spoken="fr", texts=TEXTS, **settings):
    """Listener and model as a run loads them; `texts=None` as a finished run is loaded."""
    listener = listener_for(folder, SpeechConfig.build({"preset": "full", **settings}))
    return listener, listener.load(folder, texts, spoken)


def group_of(listener, sounds, texts=TEXTS, language="fr"):
    features = torch.from_numpy(np.stack([listener.features(sound) for sound in sounds]))
    return {"features": features, "languages": [language] * len(sounds), **listener.labels(texts, ["fr"] * len(sounds))}


@pytest.fixture
def sounds(voice):
    return [voice(1.0, 100), voice(1.0, 220)]


# ---- labels ----------------------------------------------------------------------------------------------------------


def test_labels_mask_the_prompt_and_the_padding_but_never_the_first_end(tiny_whisper):
    listener, model = load(tiny_whisper)
    found = listener.labels(TEXTS, ["fr", "en"])
    end = model.generation_config.eos_token_id
    assert listener.processor.tokenizer.pad_token_id == end  # why masking all padding ids would be wrong
    short, long = found["labels"].tolist()
    spelt = [listener.processor.tokenizer(f" {text}", add_special_tokens=False).input_ids for text in TEXTS]
    assert short == [-100] * 3 + spelt[0] + [end] + [-100] * 6
    assert long == [-100] * 3 + spelt[1] + [end]


def test_decoder_inputs_are_the_targets_one_step_earlier(tiny_whisper):
    listener, _ = load(tiny_whisper)
    found = listener.labels(TEXTS, ["fr", "en"])
    tokens = listener.processor.tokenizer.convert_ids_to_tokens
    assert tokens(found["decoder_input_ids"][1, :4].tolist()) == [
        "<|startoftranscript|>",
        "<|en|>",
        "<|transcribe|>",
        "<|notimestamps|>",
    ]
    assert found["decoder_input_ids"][1, 4:].tolist() == found["labels"][1, 3:-1].tolist()
    assert found["decoder_input_ids"].shape == found["labels"].shape


def test_a_transcript_longer_than_the_decoder_is_cut_and_still_ends(tiny_whisper):
    listener, model = load(tiny_whisper)
    labels = listener.labels(["a" * 1000], ["fr"])["labels"]
    assert labels.shape[1] <= 448
    assert labels[0, -1] == model.generation_config.eos_token_id


def test_translating_is_asked_for_in_the_prompt(tiny_whisper):
    listener, _ = load(tiny_whisper, task="translate")
    assert "<|translate|>" in listener.processor.tokenizer.convert_ids_to_tokens(listener.prompt("fr"))


# ---- language and task -----------------------------------------------------------------------------------------------


def test_language_and_task_are_saved_and_hold_at_the_next_load(tiny_whisper, tmp_path):
    listener, model = load(tiny_whisper, spoken="fr")
    model.save_pretrained(tmp_path)
    listener.processor.save_pretrained(tmp_path)
    saved = json.loads((tmp_path / "generation_config.json").read_text())
    assert (saved["language"], saved["task"]) == ("fr", "transcribe")
    again, _ = load(tmp_path, texts=None, spoken="auto")
    assert again.language == "fr"


@pytest.mark.parametrize(("key", "value"), [("language", "de"), ("task", "translate")])
def test_a_language_or_task_changed_by_hand_is_refused(tiny_whisper, tmp_path, key, value):
    listener, model = load(tiny_whisper, language="fr")
    model.save_pretrained(tmp_path)
    listener.processor.save_pretrained(tmp_path)
    path = tmp_path / "generation_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    with pytest.raises(SuiteError, match=r"transcribe in fr: one of them was changed by hand\."):
        load(tmp_path, texts=None, language="fr")


def test_the_config_outranks_the_rows_language(tiny_whisper):
    listener, model = load(tiny_whisper, spoken="fr", language="de")
    assert (listener.language, model.generation_config.language) == ("de", "de")


def test_rows_of_many_languages_leave_it_to_whisper(tiny_whisper):
    listener, model = load(tiny_whisper, spoken="auto")
    assert (listener.language, model.generation_config.language) == ("auto", None)


@pytest.mark.parametrize("settings", [{"language": "xx"}, {"spoken": "xx"}])
def test_an_unknown_language_is_refused_with_those_there_are(tiny_whisper, settings):
    with pytest.raises(SuiteError, match=r"Whisper knows no language 'xx'; possible are auto, de, en, fr\."):
        load(tiny_whisper, **settings)


def test_a_folder_without_a_model_or_of_another_kind_is_refused(tmp_path):
    with pytest.raises(SuiteError, match="is no model folder"):
        listener_for(tmp_path, SpeechConfig())
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(SuiteError, match="is a bert model; speech takes whisper, wav2vec2"):
        listener_for(tmp_path, SpeechConfig())


# ---- the encoder -----------------------------------------------------------------------------------------------------


def test_the_encoder_equals_the_stock_one_at_thirty_seconds(tiny_whisper):
    _, model = load(tiny_whisper)
    stock = WhisperForConditionalGeneration.from_pretrained(tiny_whisper).eval()
    features = torch.randn(2, 80, 3000, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        ours = model.eval().model.encoder(features).last_hidden_state
        theirs = stock.model.encoder(features).last_hidden_state
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize(("seconds", "frames"), [(0.1, 600), (2.0, 600), (2.1, 800), (25.9, 3000), (30.0, 3000)])
def test_windows_are_the_sound_and_four_seconds_of_silence(tiny_whisper, voice, seconds, frames):
    listener, model = load(tiny_whisper)
    features = listener.features(voice(seconds))
    assert features.shape == (80, frames)
    with torch.no_grad():
        encoded = listener.encode(model, torch.from_numpy(features)[None])
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
        _, model = load(tiny_whisper, preset=preset)
        assert trained_parts(model) == parts, preset


def test_the_cache_is_named_by_the_frozen_layers_alone(tiny_whisper):
    _, model = load(tiny_whisper, preset="half-encoder")
    fixed = {id(parameter) for parameter in model.model.encoder.fixed()}
    names = {name for name, parameter in model.model.encoder.named_parameters() if id(parameter) in fixed}
    parts = {".".join(name.split(".")[: 2 if name.startswith("layers") else 1]) for name in names}
    assert parts == {"conv1", "conv2", "embed_positions", "layers.0"}


# ---- learning --------------------------------------------------------------------------------------------------------


def test_two_clips_are_learnt_and_heard(tiny_whisper, sounds, tmp_path):
    """The loss falls, greedy decoding says what was shown, and plain transformers hear it in the saved folder."""
    listener, model = load(tiny_whisper)
    group = group_of(listener, sounds)
    count = int((group["labels"] != -100).sum())
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(60):
        loss = listener.loss(model.train(), group) / count
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[5] < losses[0]
    assert losses[-1] < 0.1 < 3 < losses[0]
    with torch.no_grad():
        heard = listener.hear(model.eval(), group, [1.0, 1.0])
    assert [one.text for one in heard] == TEXTS
    assert [[word.word for word in one.words] for one in heard] == [["oui"], ["non", "merci"]]
    assert all(0 <= word.start <= word.end <= 1.0 for one in heard for word in one.words)
    assert min(one.confidence for one in heard) > 0.8
    _plain_transformers_hear(listener, model, sounds, tmp_path)


def _plain_transformers_hear(listener, model, sounds, folder):
    model.save_pretrained(folder)
    listener.processor.save_pretrained(folder)
    again = WhisperForConditionalGeneration.from_pretrained(folder).eval()
    processor = WhisperProcessor.from_pretrained(folder)
    features = processor.feature_extractor(sounds[1], sampling_rate=RATE, return_tensors="pt").input_features
    with torch.no_grad():
        theirs = again(features, decoder_input_ids=torch.tensor([listener.prompt("fr")])).logits
        ours = model(features, decoder_input_ids=torch.tensor([listener.prompt("fr")])).logits
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_smoothing_raises_the_loss_in_training_alone(tiny_whisper, sounds):
    listener, model = load(tiny_whisper)
    smooth, same = load(tiny_whisper, label_smoothing=0.5)
    group = group_of(listener, sounds)
    with torch.no_grad():
        assert float(smooth.loss(same.eval(), group)) == pytest.approx(float(listener.loss(model.eval(), group)))
        assert float(smooth.loss(same.train(), group)) != pytest.approx(float(listener.loss(model.train(), group)))


@pytest.mark.parametrize("preset", ["frozen-encoder", "half-encoder"])
def test_the_cached_encoding_gives_the_same_loss_and_text(tiny_whisper, sounds, preset):
    listener, model = load(tiny_whisper, preset=preset)
    group = group_of(listener, sounds)
    with torch.no_grad():
        fresh = float(listener.loss(model.eval(), group))
        heard = listener.hear(model, group, [0.2, 0.2])
        group["encoded"] = listener.encode(model, group.pop("features"))
        assert float(listener.loss(model, group)) == pytest.approx(fresh, rel=1e-3)
        assert listener.hear(model, group, [0.2, 0.2]) == heard


def test_the_upper_half_learns_from_cached_encodings(tiny_whisper, sounds):
    listener, model = load(tiny_whisper, preset="half-encoder")
    group = group_of(listener, sounds)
    with torch.no_grad():
        group["encoded"] = listener.encode(model, group.pop("features"))
    listener.loss(model.train(), group).backward()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    assert all(parameter.grad is not None for parameter in trained)
    assert model.model.encoder.layers[1].fc1.weight.grad.abs().sum() > 0


def test_auto_takes_one_of_the_languages_there_are(tiny_whisper, sounds):
    listener, model = load(tiny_whisper, spoken="auto")
    with torch.no_grad():
        heard = listener.hear(model.eval(), group_of(listener, sounds, language="auto"), [0.2, 0.2])
    assert {one.language for one in heard} <= {"en", "fr", "de"}


# ---- decoding and its guards -----------------------------------------------------------------------------------------


def test_decoding_a_window_is_the_same_alone_and_in_a_batch(tiny_whisper):
    listener, model = load(tiny_whisper)
    encoded = torch.randn(3, 300, 16, generator=torch.Generator().manual_seed(1))
    prompt = listener.prompt("fr")
    with torch.no_grad():
        together = decode(model.eval(), listener, encoded, [prompt] * 3, 12, 0.0)
        alone = [decode(model, listener, encoded[i : i + 1], [prompt], 12, 0.0)[0] for i in range(3)]
    assert [one.tokens for one in together] == [one.tokens for one in alone]
    assert [one.logprob for one in together] == pytest.approx([one.logprob for one in alone], abs=1e-4)


def test_decoding_is_greedy_and_says_no_control_token(tiny_whisper):
    """With the cache step by step, and without it in one go: the same likeliest tokens."""
    listener, model = load(tiny_whisper)
    encoded = torch.randn(1, 300, 16, generator=torch.Generator().manual_seed(2))
    prompt, end = listener.prompt("fr"), model.generation_config.eos_token_id
    with torch.no_grad():
        [answer] = decode(model.eval(), listener, encoded, [prompt], 12, 0.0)
        hidden = model.model.decoder(
            input_ids=torch.tensor([prompt + answer.tokens]), encoder_hidden_states=encoded
        ).last_hidden_state
        scores = model.proj_out(hidden)[0, len(prompt) - 1 : -1]
    assert answer.tokens
    silenced = [i for i in range(256, scores.shape[1]) if i != end]
    scores[:, [i for i in silenced if i >= model.generation_config.no_timestamps_token_id]] = -torch.inf
    scores[0, end] = -torch.inf  # the first token may not be the end
    assert scores.argmax(-1).tolist() == answer.tokens


def test_sampling_gives_the_same_text_each_time(tiny_whisper):
    listener, model = load(tiny_whisper)
    encoded = torch.randn(2, 300, 16, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        first, second = (
            decode(model.eval(), listener, encoded, [listener.prompt("fr")] * 2, 10, 0.8) for _ in range(2)
        )
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


def test_nothing_is_said_where_nobody_speaks(tiny_whisper):
    listener, _ = load(tiny_whisper)
    assert listener._guarded(answer("merci", -1.2, 0.7)).tokens == []
    assert listener._guarded(answer("merci", -0.5, 0.7)).tokens  # unsure whether anybody speaks, sure of the word
    assert listener._guarded(answer("merci", -1.2, 0.5)).tokens
    assert len(listener._guarded(answer("a" + "no" * 8, -0.1)).tokens) == 3


def test_whisper_has_its_own_listener(tiny_whisper):
    assert isinstance(listener_for(tiny_whisper, SpeechConfig()), WhisperListener)
