"""The same picture is found again after re-encoding, another one is not, and many are compared fast."""

import io
import time

import numpy as np
from PIL import Image
from scipy import ndimage

from suite_medical_imaging.data.duplicates import LIKENESS, Pair, findings, near_duplicates, signature
from suite_medical_imaging.data.quality import twins
from suite_medical_imaging.readers.picture import Picture


def pictured(values):
    return Picture(np.asarray(values, np.float32)[..., None], np.zeros((1, 1, 1), np.uint8))


def body(seed):
    """Smooth structure in an ellipse, alike in outline from seed to seed, as organs are."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[-1:1:128j, -1:1:128j]
    inside = (rows**2 + (columns / 0.8) ** 2) < 0.8
    structure = ndimage.gaussian_filter(rng.normal(size=(128, 128)), 6)
    return (inside * (0.5 + structure / abs(structure).max() / 2)).clip(0, 1)


def jpeg(values):
    image = Image.fromarray((values * 255).astype(np.uint8)).resize((90, 90))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=60)
    return np.asarray(Image.open(buffer)) / 255


def test_the_same_picture_is_found_again():
    rng = np.random.default_rng(0)
    for seed in range(5):
        own = signature(pictured(body(seed)))
        assert own.shape == (143,)
        assert np.linalg.norm(own) - 1 < 1e-6
        noisy = (body(seed) + rng.normal(0, 0.03, (128, 128))).clip(0, 1)
        for same in (jpeg(body(seed)), body(seed) * 0.6 + 0.2, noisy):
            assert own @ signature(pictured(same)) >= LIKENESS


def test_another_picture_of_the_same_kind_is_not():
    signatures = np.stack([signature(pictured(body(seed))) for seed in range(30)])
    cosines = signatures @ signatures.T - np.eye(30)
    assert cosines.max() < LIKENESS


def test_pairs_are_told_across_splits_only():
    pictures = [body(0), body(1), body(0), body(0), np.full((9, 9), 0.1), np.full((9, 9), 0.1)]
    signatures = np.stack([signature(pictured(values)) for values in pictures])
    splits = ["train", "train", "train", "test", "train", "test"]
    pairs = near_duplicates(signatures, splits)
    assert [(pair.first, pair.second) for pair in pairs] == [(0, 3), (2, 3)]  # pictures of one value are like nothing
    complaints = list(findings(pairs, [f"{name} row {row}" for row, name in enumerate(splits)], shown=1))
    assert complaints[0].message.startswith("train row 0 and test row 3 are near duplicates (likeness 1.0000)")
    assert complaints[1].message.startswith("1 more pair")


def test_order_and_blocks_do_not_matter():
    rng = np.random.default_rng(0)
    signatures = rng.normal(size=(6000, 143)).astype(np.float32)
    signatures /= np.linalg.norm(signatures, axis=1, keepdims=True)
    signatures[5999], signatures[4500] = signatures[10], signatures[2100]
    splits = ["train"] * 4000 + ["test"] * 2000
    start = time.perf_counter()
    pairs = near_duplicates(signatures, splits)
    assert {(pair.first, pair.second) for pair in pairs} == {(10, 5999), (2100, 4500)}
    assert isinstance(pairs[0], Pair)
    # 50,000 pictures are 60 times these pairs and must take less than a minute on one core.
    assert time.perf_counter() - start < 1


def test_twins_are_told_by_split_and_row():
    from datasets import Dataset

    def encoded(values):
        buffer = io.BytesIO()
        Image.fromarray((values * 255).astype(np.uint8)).save(buffer, "PNG")
        return {"bytes": buffer.getvalue(), "path": None}

    train = Dataset.from_dict({"image": [{"bytes": b"broken", "path": None}, encoded(body(0)), encoded(body(1))]})
    test = Dataset.from_dict({"image": [encoded(body(2)), encoded(jpeg(body(1)))]})
    complaints = list(twins({"train": train, "test": test}))
    assert len(complaints) == 1
    assert complaints[0].message.startswith("train row 2 and test row 1 are near duplicates")
