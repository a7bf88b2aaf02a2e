"""CTC models get their letters from the data, learn, and write the words that stand on their frames."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from datasets import Dataset
from transformers import (
    AutoModelForCTC,
    HubertConfig,
    HubertModel,
    Wav2Vec2Config,
    Wav2Vec2CTCTokenizer,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2Model,
    Wav2Vec2Processor,
)

from suite import TrainingData
from suite_speech.domain import SPEECH
from suite_speech.model.ctc import PAD, SPACE, UNKNOWN, CTCSpeechModel, alphabet

KINDS = {"wav2vec2": (Wav2Vec2Config, Wav2Vec2Model), "hubert": (HubertConfig, HubertModel)}
TEXTS = ["Oui, là!", "Non"]


@pytest.fixture(scope="session", params=KINDS)
def pretrained(request, tmp_path_factory, tiny_body):
    """A folder as self-supervised training leaves it: a body without letters."""
    config, model = KINDS[request.param]
    torch.manual_seed(0)
    dropouts = ("hidden", "activation", "attention", "feat_proj", "final")
    body = tiny_body(config, model, layerdrop=0.0, **{f"{name}_dropout": 0.0 for name in dropouts})
    folder = tmp_path_factory.mktemp(request.param)
    body.save_pretrained(folder)
    Wav2Vec2FeatureExtractor().save_pretrained(folder)
    return folder


@pytest.fixture
def rows(saved, voice):
    sounds = [voice(1.2, 100), voice(0.8, 220)]
    files = [saved(sound, f"{i}.wav") for i, sound in enumerate(sounds)]
    return Dataset.from_list([{"audio": f, "text": text} for f, text in zip(files, TEXTS, strict=True)])


def loaded(folder, rows, **settings) -> CTCSpeechModel:
    task = SPEECH.task(**{"preset": "full", "masking": 0.0, **settings})
    torch.manual_seed(1)
    return task.load(folder, TrainingData(rows) if rows else None)


def without_network(*texts: str) -> CTCSpeechModel:
    """A model with the alphabet of these texts, a letter per 20 ms."""
    processor = SimpleNamespace(tokenizer=alphabet(texts))
    config = SPEECH.task().config
    return CTCSpeechModel(network=None, config=config, processor=processor, language="auto", stride=320, upper=False)


# ---- letters ---------------------------------------------------------------------------------------------------------


def test_the_alphabet_is_that_of_the_training_texts(pretrained, rows):
    model = loaded(pretrained, rows)
    vocabulary = model.processor.tokenizer.get_vocab()
    letters = {token: i for token, i in vocabulary.items() if token not in ("<s>", "</s>")}
    assert letters == {token: i for i, token in enumerate([PAD, UNKNOWN, SPACE, *"ilnouà"])}
    assert model.network.lm_head.out_features == len(model.processor.tokenizer)
    assert model.network.config.pad_token_id == letters[PAD]


def test_labels_are_letters_and_a_bar_between_words():
    model = without_network(*TEXTS)
    spelt = model.labels([*TEXTS, "zut"], [""] * 3)["labels"]
    tokens = model.processor.tokenizer.convert_ids_to_tokens
    assert tokens(spelt[0].tolist()) == ["o", "u", "i", "|", "l", "à"]
    assert tokens(spelt[1, :3].tolist()) == ["n", "o", "n"]
    assert spelt[1, 3:].tolist() == [-100] * 3
    assert tokens(spelt[2, :3].tolist()) == [UNKNOWN, "u", UNKNOWN]


def test_a_model_with_letters_keeps_them_and_its_capitals(pretrained, rows, tmp_path):
    model = loaded(pretrained, rows)
    path = tmp_path / "spelling.json"
    path.write_text(json.dumps({token: i for i, token in enumerate([PAD, UNKNOWN, SPACE, *"EINOU"])}))
    tokenizer = Wav2Vec2CTCTokenizer(str(path), unk_token=UNKNOWN, pad_token=PAD, word_delimiter_token=SPACE)
    extractor = model.processor.feature_extractor
    Wav2Vec2Processor(feature_extractor=extractor, tokenizer=tokenizer).save_pretrained(tmp_path / "m")
    model.network.config.vocab_size = len(tokenizer)
    model.network.lm_head = torch.nn.Linear(32, len(tokenizer))
    model.network.save_pretrained(tmp_path / "m")
    capital = loaded(tmp_path / "m", rows)
    assert capital.processor.tokenizer.get_vocab() == tokenizer.get_vocab()
    assert torch.equal(capital.network.lm_head.weight, model.network.lm_head.weight)
    spelt = capital.labels(["Non, oui"], [""])["labels"][0].tolist()
    assert tokenizer.convert_ids_to_tokens(spelt) == [*"NON", SPACE, *"OUI"]
    assert written(capital, "NON") == ["non"]


# ---- learning and hearing --------------------------------------------------------------------------------------------


def test_two_clips_are_learnt_heard_and_heard_by_plain_transformers(pretrained, rows, tmp_path):
    model = loaded(pretrained, rows)
    batch = model.collate(list(model.prepare(rows, "train")))
    assert model.count(batch) == 9  # "oui là" and "non"
    optimizer = torch.optim.Adam([p for p in model.network.parameters() if p.requires_grad], lr=3e-3)
    losses = []
    for _ in range(120):
        loss = model.loss(model.network.train(), batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[8] < losses[0]
    assert losses[-1] < 0.2
    model.network.eval()
    with torch.no_grad():
        heard = model.infer(batch)
    assert [answer["text"] for answer in heard] == ["oui là", "non"]
    assert [word["word"] for word in heard[0]["segments"][0]["words"]] == ["oui", "là"]
    json.dumps(heard)
    _saved_folder_answers_alike(model, batch, tmp_path)


def _saved_folder_answers_alike(model, batch, folder):
    model.save(folder)
    again = AutoModelForCTC.from_pretrained(folder).eval()
    processor = Wav2Vec2Processor.from_pretrained(folder)
    with torch.no_grad():
        letters = again(batch["groups"][0]["features"]).logits.argmax(-1)
        assert processor.batch_decode(letters) == ["oui là"]
        assert [answer["text"] for answer in loaded(folder, None).infer(batch)] == ["oui là", "non"]


def test_a_clip_as_short_as_a_click_can_be_learnt_from(pretrained, saved, voice):
    """The model's own masks of ten frames do not fit into it."""
    rows = Dataset.from_list([{"audio": saved(voice(0.1)), "text": "on"}])
    model = loaded(pretrained, rows)
    loss = model.loss(model.network.train(), model.collate(list(model.prepare(rows, "train"))))
    assert torch.isfinite(loss)
    assert float(loss.detach()) > 0


def test_training_hides_nothing_but_what_the_domain_hides(pretrained, rows):
    """The model's own masks would come on top."""
    model = loaded(pretrained, rows)
    assert not model.network.config.apply_spec_augment


def test_a_tenth_of_a_second_is_hidden_at_once(pretrained, rows):
    model = loaded(pretrained, rows, masking=0.2)
    examples = model.prepare(rows, "train")
    seeded = model.augment(examples[0], np.random.default_rng(0))
    [plain], [masked] = (model.collate([e])["groups"][0]["features"].numpy() for e in (examples[0], seeded))
    changed = np.flatnonzero(plain != masked)
    assert len(changed) >= 0.9 * 1600
    assert (np.diff(changed) > 1).sum() <= 2  # a few long stretches, no holes in each wave
    assert np.abs(masked[changed]).max() == 0
    assert np.array_equal(masked, model.collate([seeded])["groups"][0]["features"][0].numpy())


def test_a_sound_shorter_than_a_frame_has_features(pretrained, rows):
    model = loaded(pretrained, rows)
    features = model.features(np.full(10, 0.1, np.float32))
    assert model.network(torch.from_numpy(features)[None]).logits.shape[:2] == (1, 1)


@pytest.mark.parametrize(("preset", "share"), [("full", 1.0), ("half-encoder", 0.5), ("frozen-encoder", 0.0)])
def test_the_convolutions_are_never_trained_and_the_rest_as_asked(pretrained, rows, preset, share):
    model = loaded(pretrained, rows, preset=preset)
    trained = {name for name, parameter in model.network.named_parameters() if parameter.requires_grad}
    layers = model.network.base_model.encoder.layers
    assert {"lm_head.weight", "lm_head.bias"} <= trained
    assert not [name for name in trained if "feature_extractor" in name]
    assert [layer.attention.q_proj.weight.requires_grad for layer in layers] == [
        i >= round((1 - share) * len(layers)) for i in range(len(layers))
    ]


def test_a_frozen_encoders_output_is_not_cached(pretrained, rows):
    """CTC models have no text decoder: what follows the frozen part costs nothing beside it."""
    model = loaded(pretrained, rows, preset="frozen-encoder")
    assert model.prepare(rows, "train")[0].encoded is None


# ---- collapse --------------------------------------------------------------------------------------------------------


class Said:
    """A model whose likeliest letters are given, one per 20 ms."""

    def __init__(self, ids: list[int], size: int, chance: float) -> None:
        rest = (1 - chance) / (size - 1)
        table = torch.full((1, len(ids), size), rest)
        table[0, torch.arange(len(ids)), ids] = chance
        self.logits = table.log()

    def __call__(self, features: torch.Tensor) -> Said:
        return self


def heard(model, frames: str, seconds: float = 60.0, chance: float = 0.8):
    """What is heard in frames written as letters, "_" a blank, "|" a space, "?" an unknown letter."""
    names = {"_": PAD, "?": UNKNOWN}
    tokenizer = model.processor.tokenizer
    ids = [tokenizer.convert_tokens_to_ids(names.get(letter, letter)) for letter in frames]
    group = {"features": torch.zeros(1, 1), "languages": ["auto"]}
    return replace(model, network=Said(ids, len(tokenizer), chance)).recognise(group, [seconds])[0]


def written(model, frames: str) -> list[str]:
    return [word.word for word in heard(model, frames).words]


@pytest.fixture(scope="module")
def speller():
    return without_network("abc")


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ("aaabbb", ["ab"]),
        ("aa_a", ["aa"]),  # a blank parts two of one letter
        ("_a__b_", ["ab"]),
        ("ab|ca", ["ab", "ca"]),
        ("a|||b", ["a", "b"]),
        ("a|_|b", ["a", "b"]),
        ("|a_|_b|", ["a", "b"]),
        ("a|a", ["a", "a"]),
        ("a?b", ["ab"]),
        ("____", []),
        ("||", []),
    ],
)
def test_repeats_and_blanks_collapse(speller, frames, words):
    assert written(speller, frames) == words
    assert heard(speller, frames).text == " ".join(words)


def test_collapse_is_that_of_transformers(speller):
    generator = np.random.default_rng(0)
    names = {"_": PAD}
    for _ in range(50):
        frames = "".join(generator.choice(list("abc_|"), size=30))
        ids = [speller.processor.tokenizer.convert_tokens_to_ids(names.get(letter, letter)) for letter in frames]
        assert heard(speller, frames).text == " ".join(speller.processor.tokenizer.decode(ids).split())


def test_words_stand_on_their_frames_and_end_with_the_sound(speller):
    first, second = heard(speller, "__aab|__c_", seconds=0.17).words
    assert (first.start, first.end) == pytest.approx((0.04, 0.10))
    assert (second.start, second.end) == pytest.approx((0.16, 0.17))
    assert first.confidence == pytest.approx(0.8, abs=1e-5)
