"""From a file to what the model sees: shape kept, sizes read, bytes cached; variations from the generator alone."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from PIL import Image

from suite import SuiteError
from suite_medical_imaging.data import preprocess
from suite_medical_imaging.data.preprocess import View, decode_all, opened, square, varied
from suite_medical_imaging.readers.picture import Picture

VIEW = View(32, (0.5,) * 3, (0.5,) * 3)


def test_padding_keeps_the_shape_and_squeezing_does_not():
    values = np.ones((20, 40, 1), np.float32)
    padded = square(values, 32, "pad")
    assert padded.shape == (32, 32, 1) and padded.dtype == np.uint8
    assert (padded[8:24] == 255).all() and not padded[:8].any() and not padded[24:].any()
    assert (square(values, 32, "squeeze") == 255).all()


def test_shrinking_does_not_alias():
    stripes = np.zeros((128, 128, 1), np.float32)
    stripes[::2] = 1
    assert np.abs(square(stripes, 32, "pad").astype(int) - 127).max() <= 16


@pytest.mark.parametrize(
    ("values", "size"),
    [
        ({"size": {"height": 256, "width": 256}}, 256),
        ({"size": {"shortest_edge": 256}, "crop_size": {"height": 224, "width": 224}, "do_center_crop": True}, 224),
        ({"size": {"shortest_edge": 518}, "do_center_crop": False}, 518),
        ({"size": 192}, 192),
        ({}, 224),
    ],
)
def test_a_processor_says_the_size(tmp_path, values, size):
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(values))
    assert View.of_model(tmp_path, size=None, fit="pad").size == size
    assert View.of_model(tmp_path, size=96, fit="pad").size == 96


def test_a_processor_says_the_scale(tmp_path):
    path = tmp_path / "preprocessor_config.json"
    path.write_text(json.dumps({"image_mean": [0.5307], "image_std": [0.2583], "size": 518}))  # RAD-DINO's are gray
    view = View.of_model(tmp_path, size=None, fit="pad")
    assert view.mean == (0.5307,) * 3 and view.std == (0.2583,) * 3
    assert View.from_json(json.loads(json.dumps(view.to_json()))) == view
    path.write_text(json.dumps({"do_normalize": False}))
    assert View.of_model(tmp_path, size=None, fit="pad").std == (1.0,) * 3
    path.write_text(json.dumps({"size": {"height": 224, "width": 192}}))
    with pytest.raises(SuiteError, match="wants pictures of 192 x 224; set image_size"):
        View.of_model(tmp_path, size=None, fit="pad")


def test_files_are_decoded_once_until_they_change(tmp_path):
    path = tmp_path / "one.png"
    Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16)).save(path)
    first = decode_all([str(path)], [-1], VIEW)
    assert opened(str(path), -1) is opened(str(path), -1)
    assert first[0].facts["height"] == 16 and first[0].facts["bytes"] == path.stat().st_size
    held = {"bytes": path.read_bytes(), "path": "one.png"}
    assert np.array_equal(decode_all([held], [-1], VIEW)[0].pixels, first[0].pixels)
    Image.fromarray(np.arange(256, dtype=np.uint8)[::-1].reshape(16, 16)).save(path)
    assert not np.array_equal(decode_all([str(path)], [-1], VIEW)[0].pixels, first[0].pixels)


def test_variations_come_from_the_generator_and_keep_the_picture():
    pixels = np.zeros((64, 64, 1), np.uint8)
    pixels[24:40, 24:40] = 200
    first, same = (varied(pixels, np.random.default_rng(3), mirror=False) for _ in range(2))
    other = varied(pixels, np.random.default_rng(4), mirror=False)
    assert np.array_equal(first, same) and not np.array_equal(first, other)
    assert first.shape == pixels.shape and first.dtype == np.uint8
    assert abs(np.argwhere(first[..., 0] > 100).mean(0) - 31.5).max() < 6  # it is still near the middle
    colour = varied(np.repeat(pixels, 3, axis=2), np.random.default_rng(3), mirror=False)
    assert np.array_equal(colour[..., 1:2], first)


def test_a_file_that_changed_has_another_identity(tmp_path):
    path = tmp_path / "one"
    path.write_bytes(b"1234")
    os.utime(path, ns=(0, 1_000_000_000))
    before = preprocess.identity(str(path))
    assert preprocess.identity(str(path)) == before
    path.write_bytes(b"4321")  # as long as before
    os.utime(path, ns=(0, 2_000_000_000))
    assert preprocess.identity(str(path)) != before


def test_whole_pictures_are_kept_up_to_a_size():
    picture = Picture(np.zeros((10, 10, 1), np.float32), np.zeros((10, 10, 1), np.uint8))  # 500 bytes
    held = preprocess._Newest(1200)
    for number in range(3):
        held.add((b"", number), picture)
    assert [held.get((b"", number)) is picture for number in range(3)] == [False, True, True] and held.size == 1000
