"""Aspect-ratio buckets, with exact shapes and crops."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from suite_image_generation.pictures.buckets import THUMBNAIL, Crop, crop, shapes, sheets, table


def test_shapes_have_at_most_the_area_and_multiples_for_sides():
    assert shapes(64, 16, 1) == [(64, 64)]
    assert shapes(64, 16, 2) == [(48, 80), (64, 64), (80, 48)]
    assert shapes(512, 64, 2) == [(384, 640), (448, 576), (512, 512), (576, 448), (640, 384)]
    assert shapes(10, 16, 2) == [(16, 16)]


@given(st.integers(1, 40), st.integers(1, 8), st.floats(1, 4))
def test_no_shape_is_larger_than_the_square_or_longer_than_allowed(side, multiple, ratio):
    for width, height in shapes(side * multiple, multiple, ratio):
        assert width % multiple == height % multiple == 0
        assert width * height <= (side * multiple) ** 2
        assert max(width / height, height / width) <= max(ratio, 1)


def test_a_crop_is_the_middle_in_the_nearest_shape():
    sizes = shapes(64, 16, 2)
    assert crop((100, 100), sizes) == Crop((100, 100), (0, 0, 100, 100), (64, 64))
    wide = crop((300, 100), sizes)
    assert wide.size == (80, 48)
    assert wide.box == pytest.approx((66.6667, 0, 233.3333, 100), abs=1e-3)
    assert wide.lost == pytest.approx(1 - 166.6667 / 300, abs=1e-4)
    assert wide.scale == pytest.approx(0.48)
    tall = crop((50, 100), sizes)
    assert (tall.size, tall.box) == ((48, 80), pytest.approx((0, 8.3333, 50, 91.6667), abs=1e-3))


def test_of_two_shapes_as_near_the_larger_is_taken():
    assert crop((10, 10), [(32, 32), (64, 64)]).size == (64, 64)


def test_the_crop_is_what_the_sheet_frames():
    picture = Image.new("RGB", (300, 100), "blue")
    picture.paste("red", (70, 0, 230, 100))
    colours = crop((300, 100), shapes(64, 16, 2)).apply(picture).getcolors()
    assert max(colours)[1] == (255, 0, 0)


def test_sheets_hold_every_picture(tmp_path):
    pictures = [Image.new("RGB", (300, 100), "white")] * 81
    crops = [crop((300, 100), shapes(64, 16, 2))] * 81
    paths = list(sheets(iter(pictures), crops, tmp_path))
    assert [path.name for path in paths] == ["crops-001.png", "crops-002.png"]
    with Image.open(paths[0]) as sheet:
        assert sheet.size == (10 * THUMBNAIL, 8 * THUMBNAIL)
        middle = THUMBNAIL // 2
        assert sheet.getpixel((middle, middle)) == (255, 255, 255)
        assert sheet.getpixel((8, middle)) == (102, 102, 102)  # cut off: darkened
    with Image.open(paths[1]) as sheet:
        assert sheet.size == (THUMBNAIL, THUMBNAIL)


def test_the_table_counts(tmp_path):
    sizes = shapes(64, 16, 2)
    crops = [crop((100, 100), sizes), crop((30, 30), sizes), crop((300, 100), sizes)]
    assert table(crops).splitlines()[1:] == [
        "    64 x 64         2         1              0%",
        "    80 x 48         1         0             44%",
    ]
