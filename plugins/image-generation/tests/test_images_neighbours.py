"""Which training picture is nearest, and what counts as a copy of it."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from suite import SuiteError
from suite_image_generation.model import neighbours
from suite_image_generation.model.neighbours import Index, altered_copies, compared, distances, share


def shape(number):
    """One of 60 drawings: a figure in a colour at a place, on nothing."""
    generator = np.random.default_rng(number)
    picture = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    pen = ImageDraw.Draw(picture)
    colour = (*generator.integers(0, 200, 3).tolist(), 255)
    left, top = generator.integers(4, 24, 2).tolist()
    box = (left, top, left + int(generator.integers(16, 36)), top + int(generator.integers(16, 36)))
    (pen.ellipse if number % 2 else pen.rectangle)(box, fill=colour)
    pen.line((left, 60, 60, top), fill=(*generator.integers(0, 200, 3).tolist(), 255), width=3)
    return picture


PICTURES = [shape(number) for number in range(60)]
CAPTIONS = [f"shape {number}" for number in range(60)]


@pytest.fixture(scope="module")
def index(tiny_clip):
    return Index.build(PICTURES, CAPTIONS, tiny_clip)


def moved(picture, by):
    canvas = Image.new("RGBA", picture.size, (0, 0, 0, 0))
    canvas.paste(picture, by)
    return canvas


def test_a_copy_counts_even_moved_by_a_pixel_and_another_subject_does_not(index, tiny_clip):
    samples = [PICTURES[7], moved(PICTURES[8], (1, 1)), moved(PICTURES[9], (-1, 0)), shape(1000), shape(1001)]
    matches = index.nearest(samples, tiny_clip)
    assert [match.memorised for match in matches] == [True, True, True, False, False]
    assert [match.index for match in matches[:3]] == [7, 8, 9]
    assert (matches[0].distance, round(matches[0].similarity, 3)) == (0.0, 1.0)
    assert share(matches) == 0.6
    assert share([]) == 0.0


def test_the_threshold_lies_between_copies_and_other_pictures_and_says_how_well(index):
    threshold = index.threshold
    assert (threshold.mistaken, threshold.pictures) == (0.0, 60)
    assert threshold.found > 0.98  # the random encoder of the tests may not propose a copy's original
    copies = [distances(compared(image), compared(PICTURES[3])[None])[0] for image in altered_copies(PICTURES[3])]
    others = distances(
        compared(PICTURES[3]), np.stack([compared(image) for image in PICTURES if image is not PICTURES[3]])
    )
    assert max(copies) < threshold.distance < others.min()
    assert "60 training pictures that finds 99% of altered copies and mistakes 0% of" in str(threshold)


def test_where_training_pictures_look_alike_other_pictures_decide(tiny_clip):
    """One face with a spot in different places: a copy cannot be told from its neighbours, and that is said."""
    alike = []
    for place in range(12):
        picture = PICTURES[3].copy()
        left, top = 12 * (place % 4) + 10, 14 * (place // 4) + 10
        ImageDraw.Draw(picture).rectangle((left, top, left + 5, top + 5), fill=(0, 200, 0, 255))
        alike.append(picture)
    threshold = Index.build(alike, ["one"] * 12, tiny_clip).threshold
    assert threshold.mistaken == 0
    assert 0.2 < threshold.found < 0.9


def test_duplicates_in_the_training_data_do_not_move_the_threshold(tiny_clip, index):
    twice = Index.build(
        [*PICTURES, *(moved(image, (2, 2)) for image in PICTURES[:20])], CAPTIONS + CAPTIONS[:20], tiny_clip
    )
    assert twice.threshold.distance == pytest.approx(index.threshold.distance, rel=0.3)
    assert twice.threshold.mistaken == 0


def test_distances_by_hand():
    black = np.zeros((32, 32, 3), np.uint8)
    other = np.stack([black, np.full_like(black, 255), np.full_like(black, 51)])
    assert distances(black, other) == pytest.approx([0, 1, 0.2])
    dot, shifted, far = black.copy(), black.copy(), black.copy()
    dot[16, 16], shifted[18, 15], far[16, 19] = 255, 255, 255
    gaps = distances(dot, np.stack([dot, shifted, far]))
    assert gaps[:2] == pytest.approx([0, 0])
    assert gaps[2] > 0, "three pixels are more than a shift"


def test_an_index_is_saved_and_read_and_answers_alike(index, tiny_clip, tmp_path):
    index.save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["neighbours.parquet"]
    read = Index.load(tmp_path)
    before, after = (store.nearest([shape(1000), PICTURES[4]], tiny_clip) for store in (index, read))
    assert [(match.index, match.memorised, match.distance) for match in before] == [
        (match.index, match.memorised, match.distance) for match in after
    ]
    assert (read.captions, read.threshold, read.total) == (CAPTIONS, index.threshold, 60)
    assert np.asarray(read.picture(4)).tolist() == np.asarray(PICTURES[4]).tolist()
    assert Index.load(tmp_path / "nothing") is None


def test_a_damaged_file_another_encoder_and_no_pictures_are_told(index, tiny_clip, tmp_path):
    path = index.save(tmp_path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(SuiteError, match=r"neighbours\.parquet is damaged"):
        Index.load(tmp_path)
    with pytest.raises(SuiteError, match="read by tiny, not by another"):
        index.nearest([], type("Other", (), {"name": "another"})())
    with pytest.raises(SuiteError, match="no training pictures"):
        Index.build([], [], tiny_clip)


def test_of_too_many_pictures_some_are_kept_and_their_number_is_known(tiny_clip, monkeypatch):
    monkeypatch.setattr(neighbours, "MOST", 10)
    index = Index.build(PICTURES, CAPTIONS, tiny_clip)
    assert (len(index.captions), index.total) == (10, 60)
    numbers = [int(caption.split()[1]) for caption in index.captions]
    assert np.array_equal(index.pixels, np.stack([compared(PICTURES[n]) for n in numbers]))
    single = Index.build(PICTURES[:1], CAPTIONS[:1], tiny_clip)
    assert single.nearest([PICTURES[0]], tiny_clip)[0].memorised
