"""KID and retrieval against values worked out by hand, and the encoder that feeds them."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from suite import SuiteError
from suite_image_generation.evaluation.quality import kernels, kid, kid_of, mmd, ranks, retrieval
from suite_image_generation.model import encoder
from suite_image_generation.model.encoder import Encoder

X, Y = np.array([1.0, 0.0]), np.array([0.0, 1.0])


def test_mmd_by_hand():
    """Kernel values: 8 for equal vectors, 1 for orthogonal ones, 0 for opposite ones."""
    assert mmd(np.stack([X, X]), np.stack([X, X])) == 0
    assert mmd(np.stack([X, X]), np.stack([Y, Y])) == 8 + 8 - 2 * 1
    assert mmd(np.stack([X, X]), np.stack([-X, -X])) == 16
    assert mmd(np.stack([X, Y]), np.stack([X, Y])) == 1 + 1 - 2 * 4.5, "unbiased: without the diagonal, below 0"
    assert mmd(np.stack([X, Y, Y]), np.stack([X, -X])) == pytest.approx((8 + 1 + 1) / 3 + 0 - 2 * (8 + 0 + 4) / 6)


def unit(generator, count, towards=0.0):
    vectors = generator.normal(size=(count, 8)) + towards * np.eye(8)[0]
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_kid_is_near_nought_for_alike_and_grows_with_the_difference():
    generator = np.random.default_rng(0)
    real = unit(generator, 300)
    alike = kid(real, unit(generator, 300), "toy", seed=1)
    assert abs(alike.value) < 0.02 and alike.low <= 0 <= alike.high
    values = [kid(real, unit(generator, 300, towards), "toy").value for towards in (0.5, 1.0, 2.0)]
    assert values[0] > 5 * abs(alike.value)
    assert values == sorted(values)


def test_kid_tells_its_counts_encoder_and_interval():
    generator = np.random.default_rng(0)
    real, made = unit(generator, 21), unit(generator, 21, 1.0)
    distance = kid(real, made, "openai/clip-vit-base-patch32", seed=3)
    assert distance.value == pytest.approx(mmd(real, made)) and distance.low < distance.value < distance.high
    assert str(distance).endswith("; 21 samples, encoder openai/clip-vit-base-patch32)")
    assert distance == kid(real, made, distance.encoder, seed=3)
    assert "9 samples are too few for a claim" in str(kid(real[:9], made[:9], "toy"))
    with pytest.raises(SuiteError, match="at least 4 samples; there are 3"):
        kid(real[:3], made[:3], "toy")


def test_a_picture_that_comes_twice_is_not_compared_with_itself():
    """Resampled distances lie around that of all: with a picture as its own likeness they would lie 8 / n above."""
    generator = np.random.default_rng(1)
    stacked = kernels(unit(generator, 40), unit(generator, 40))
    places = [generator.integers(0, 40, 40) for _ in range(400)]
    drawn = [kid_of({name: values[chosen] for name, values in stacked.items()}) for chosen in places]
    assert np.mean(drawn) == pytest.approx(kid_of(stacked), abs=4 * np.std(drawn) / 20)


def test_ranks_by_hand():
    texts = np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])
    assert ranks(np.stack([X, Y, X]), texts, [0, 1, 2]).tolist() == [0, 1, 2]
    assert ranks(X[None], np.stack([X, X]), [0]).tolist() == [1], "a tie is no hit"


class Words(Encoder):
    """Captions are vectors on a circle, in alphabetical order."""

    def __init__(self):
        self.name = "words"

    def text_features(self, captions):
        angles = [ord(caption[0]) - ord("a") for caption in captions]
        return np.array([[np.cos(a / 4), np.sin(a / 4)] for a in angles])


def test_retrieval_counts_different_captions_once():
    captions = ["a", "b", "c", "a"]
    recall = retrieval(Words().text_features(["a", "b", "g", "b"]), captions, Words())
    assert (recall.first, recall.fifth, recall.samples, recall.captions) == (0.75, 1.0, 4, 3)
    said = "0.75 at 1 (0.30 to 0.95), 1.00 at 5 (4 samples, 3 captions, chance 0.333 and 1.000, encoder words)"
    assert str(recall) == said


def test_features_are_unit_vectors_of_pictures_on_white(tiny_clip):
    generator = np.random.default_rng(0)
    red = Image.fromarray(generator.integers(0, 255, (16, 16, 4), np.uint8), "RGBA")
    clear = red.copy()
    clear.putalpha(0)
    features = tiny_clip.features([red, clear, Image.new("RGB", (16, 16), "white")])
    assert features.shape == (3, 16)
    assert np.linalg.norm(features, axis=1) == pytest.approx([1, 1, 1])
    assert features[1] == pytest.approx(features[2], abs=1e-6)
    assert np.abs(features[0] - features[1]).max() > 0.01
    assert tiny_clip.features([]).shape == (0, 16)


def test_features_do_not_depend_on_the_company(tiny_clip, monkeypatch):
    captions = ["a", "a much longer caption than the others here", "b"]
    together = tiny_clip.text_features(captions)
    monkeypatch.setattr(encoder, "AT_ONCE", 1)
    assert np.concatenate([tiny_clip.text_features([caption]) for caption in captions]) == pytest.approx(
        together, abs=1e-5
    )


def test_a_saved_clip_model_is_loaded_by_folder_and_anything_else_is_told(tiny_clip, tmp_path):
    for part in (tiny_clip.model, tiny_clip._tokenizer, tiny_clip._processor):
        part.save_pretrained(tmp_path / "clip")
    loaded = Encoder.load(str(tmp_path / "clip"))
    assert loaded.name == str(tmp_path / "clip")
    picture = Image.effect_noise((16, 16), 90)
    assert loaded.features([picture]) == pytest.approx(tiny_clip.features([picture]), abs=1e-6)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.json").write_text("{}")
    with pytest.raises(SuiteError, match="As a CLIP model, .* cannot be read"):
        Encoder.load(str(tmp_path / "other"))
