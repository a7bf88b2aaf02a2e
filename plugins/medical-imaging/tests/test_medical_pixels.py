"""Pictures of every depth and mode, NIfTI slices, and what must be refused."""

import gzip
import io
import struct
import zlib

import nibabel
import numpy as np
import pytest
from PIL import Image

from suite import Finding, SuiteError
from suite_medical_imaging.data.quality import unreadable
from suite_medical_imaging.readers import volumes
from suite_medical_imaging.readers.picture import used_range
from suite_medical_imaging.readers.pixels import open_picture

RAMP = np.arange(64).reshape(8, 8)


def saved(image, form, **options):
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def png(values):
    return saved(Image.fromarray(values), "PNG")


def test_8_bits_are_never_stretched():
    picture = open_picture(png((RAMP // 4).astype(np.uint8)))
    assert picture.values.shape == (8, 8, 1)
    assert picture.values.dtype == np.float32
    assert picture.values.max() == pytest.approx(15 / 255)
    assert picture.stored.max() == 255  # the preview is
    assert "notes" not in picture.facts


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
@pytest.mark.parametrize(("top", "bits"), [(4000, 12), (1023, 10), (65535, 16)])
def test_12_bits_in_16_are_not_black(form, top, bits):
    values = np.linspace(0, top, 64).reshape(8, 8).astype(np.uint16)
    picture = open_picture(saved(Image.fromarray(values), form))
    assert picture.values[..., 0] == pytest.approx(values / (2**bits - 1), abs=1e-6)
    assert picture.facts["bits"] == f"{bits} used of 16"


def test_8_bits_declared_16_are_told():
    picture = open_picture(png(RAMP.astype(np.uint16) * 4))
    assert picture.values.max() == pytest.approx(252 / 255)
    assert picture.facts["notes"].startswith("declared 16-bit, but every value fits 8 bits")


def test_floats_within_0_and_1_are_left():
    values = (RAMP / 128).astype(np.float32)
    assert open_picture(saved(Image.fromarray(values), "TIFF")).values[..., 0] == pytest.approx(values)
    stretched = open_picture(saved(Image.fromarray(values * 1000 - 100), "TIFF")).values
    assert (stretched.min(), stretched.max()) == (0, 1)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def raw_png(width, height, depth, colour, rows):
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_16_bit_colour_is_read_by_its_upper_bits_or_refused():
    full = raw_png(2, 1, 16, 2, b"\0" + struct.pack(">6H", 65535, 0, 0, 0, 32768, 65535))
    picture = open_picture(full)
    assert picture.values[0, 1] == pytest.approx([0, 128 / 255, 1])
    assert "upper 8 bits" in picture.facts["notes"]
    with pytest.raises(SuiteError, match="at most 12 bits, and would come out nearly black"):
        open_picture(raw_png(2, 1, 16, 2, b"\0" + struct.pack(">6H", 4095, 0, 0, 0, 2048, 4095)))


def test_modes_become_grey_or_rgb():
    red = Image.new("RGB", (4, 4), (255, 0, 0))
    assert open_picture(saved(red.convert("P"), "PNG")).values[0, 0] == pytest.approx([1, 0, 0])
    assert open_picture(saved(red.convert("CMYK"), "TIFF")).values[0, 0] == pytest.approx([1, 0, 0], abs=0.01)
    grey = Image.fromarray(RAMP.astype(np.uint8))
    assert open_picture(saved(grey.convert("P"), "PNG")).values.shape == (8, 8, 1)
    assert open_picture(saved(grey.convert("1"), "PNG")).values.max() in (0, 1)
    assert open_picture(saved(grey.convert("LA"), "PNG")).values.shape == (8, 8, 1)


def test_transparent_parts_are_black_and_told():
    picture = open_picture(saved(Image.new("RGBA", (4, 4), (255, 255, 255, 0)), "PNG"))
    assert picture.values.max() == 0
    assert picture.facts["notes"] == "transparent parts are shown black"
    assert "notes" not in open_picture(saved(Image.new("RGBA", (4, 4), (255, 0, 0, 255)), "PNG")).facts


def test_the_camera_s_turn_is_undone():
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.fromarray(np.repeat([[0, 255]], 8, axis=0).astype(np.uint8).repeat(8, axis=1))
    turned = open_picture(saved(image, "PNG", exif=exif))  # of TIFF, Pillow undoes it by itself
    assert turned.values.shape == (16, 8, 1)
    assert turned.values[0, 0, 0] == 0
    assert turned.values[-1, 0, 0] == 1


def test_the_middle_frame_is_shown():
    frames = [Image.fromarray(np.full((4, 4), value, np.uint8)) for value in (0, 100, 200)]
    data = saved(frames[0], "TIFF", save_all=True, append_images=frames[1:])
    assert open_picture(data).values[0, 0, 0] == pytest.approx(100 / 255)
    assert open_picture(data, frame=2).values[0, 0, 0] == pytest.approx(200 / 255)
    with pytest.raises(SuiteError, match="no frame 3"):
        open_picture(data, frame=3)


def test_every_kind_of_source(tmp_path):
    data = png(RAMP.astype(np.uint8))
    path = tmp_path / "wrong ending.dcm"  # told apart by content
    path.write_bytes(data)
    expected = open_picture(data).values
    for source in (path, str(path), {"bytes": data, "path": "x"}, {"bytes": None, "path": str(path)}, Image.open(path)):
        assert np.array_equal(open_picture(source).values, expected)
    for source, message in ((tmp_path / "no", "cannot be opened"), (tmp_path, "cannot be opened"), ({}, "missing")):
        with pytest.raises(SuiteError, match=message):
            open_picture(source)


def test_a_png_bomb_is_refused_before_it_is_unpacked():
    for side, message in ((11000, "11000 x 11000 pixels, more than 100 million"), (20000, "more than 100 million")):
        bomb = raw_png(side, side, 8, 0, bytes(1 << 20))
        assert len(bomb) < 3000
        with pytest.raises(SuiteError, match=message):
            open_picture(bomb)


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"II*\0" * 90]
)
def test_what_is_no_picture_is_refused(data):
    with pytest.raises(SuiteError):
        open_picture(data)


def test_cut_pictures_are_refused():
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    for form in ("PNG", "JPEG", "TIFF"):
        data = saved(Image.fromarray(noise), form)
        with pytest.raises(SuiteError, match="cannot be read|no picture"):
            open_picture(data[: len(data) // 2])


def test_the_range_is_of_whole_bits():
    assert used_range(np.array([0, 255])) == (0, 255, 8)
    assert used_range(np.array([0, 256])) == (0, 511, 9)
    assert used_range(np.array([-1024, 3071])) == (-4096, 4095, 12)
    assert used_range(np.array([-1024, 1023])) == (-1024, 1023, 10)
    assert used_range(np.array([0, 1]), most=1) == (0, 1, 1)


# ---- NIfTI -----------------------------------------------------------------------------------------------------------


def volume(values, affine=None, *, slope=None, packed=False, kind=nibabel.Nifti1Image):
    image = kind(values, np.eye(4) if affine is None else affine)
    if slope:
        image.header.set_slope_inter(*slope)
    data = image.to_bytes()
    return gzip.compress(data) if packed else data


def brain():
    values = np.zeros((6, 8, 4), np.int16)
    values[5, 7, 2] = 100  # right, anterior
    values[0, 0, 2] = 50  # left, posterior
    return values


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
def test_a_slice_stands_upright(packed, kind):
    picture = open_picture(volume(brain(), packed=packed, kind=kind))
    assert picture.stored.shape == (8, 6, 1)
    assert picture.stored[0, 5, 0] == 255  # anterior up, right on the right
    assert picture.stored[7, 0, 0] == 128
    assert picture.facts["frame"] == "3 of 4"


def test_the_axes_of_the_file_do_not_matter():
    expected = open_picture(volume(brain()))
    turned = np.transpose(brain(), (2, 0, 1))[:, ::-1]  # superior, left, anterior
    affine = np.array([[0, -1, 0, 5], [0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 1]], float)
    picture = open_picture(volume(turned, affine))
    assert np.array_equal(picture.stored, expected.stored)
    assert np.allclose(picture.values, expected.values)


def test_slices_are_counted_from_below():
    expected = open_picture(volume(brain()), frame=2)
    upside_down = open_picture(volume(brain()[:, :, ::-1], np.diag([1.0, 1, -1, 1])), frame=2)
    assert np.array_equal(upside_down.stored, expected.stored)
    assert expected.stored.max() == 255


def test_slope_window_and_first_volume():
    values = np.random.default_rng(0).normal(100, 20, (16, 16, 4)).astype(np.float32)
    image = nibabel.Nifti1Image(values, np.eye(4))
    image.header.set_data_dtype(np.int16)
    four = np.stack([values, values * 0], axis=-1)
    picture = open_picture(image.to_bytes(), frame=1)
    low, high = np.percentile(values, (1, 99))
    expected = np.rot90(np.clip((values[:, :, 1] - low) / (high - low), 0, 1))
    assert picture.values[..., 0] == pytest.approx(expected, abs=2e-3)
    first = open_picture(volume(four), frame=1)
    assert first.values[..., 0] == pytest.approx(expected, abs=1e-5)
    assert first.facts["notes"] == "the first of 2 volumes is shown"


def test_a_mask_is_not_flattened():
    values = np.zeros((20, 20, 10), np.uint8)
    values[10, 10, 5], values[5, 5, 5] = 1, 2
    picture = open_picture(volume(values))
    assert sorted(np.unique(picture.values)) == pytest.approx([0, 0.5, 1])


def test_packed_bombs_and_cut_volumes_are_refused(monkeypatch):
    huge = nibabel.Nifti1Image(np.zeros((2, 2, 2), np.uint8), np.eye(4)).to_bytes()
    header = huge[:40] + struct.pack("<8h", 3, 8000, 8000, 10000, 1, 1, 1, 1) + huge[56:]
    with pytest.raises(SuiteError, match="declares a volume of .*, beyond 512 MiB"):
        open_picture(gzip.compress(header))
    monkeypatch.setattr(volumes, "_HEADER_BYTES", 1 << 20)
    extended = huge[:348] + b"\1\0\0\0" + struct.pack("<2i", 1 << 22, 6) + bytes(1 << 22)
    with pytest.raises(SuiteError, match="more than 1 MiB unpacked"):
        open_picture(gzip.compress(extended[:108] + struct.pack("<f", (1 << 22) + 352) + extended[112:]))
    whole = volume(np.random.default_rng(0).normal(size=(8, 8, 8)), packed=True)
    with pytest.raises(SuiteError):
        open_picture(whole[: len(whole) // 2])
    with pytest.raises(SuiteError, match="no NIfTI volume"):
        open_picture(gzip.compress(b"hello" * 100))


# ---- findings --------------------------------------------------------------------------------------------------------


def test_findings_name_the_row_and_the_reason():
    from datasets import Dataset

    sources = [png(RAMP.astype(np.uint8)), b"no", png(np.zeros((4, 4), np.uint8)), png(RAMP.astype(np.uint16))]
    rows = Dataset.from_dict({"image": [{"bytes": data, "path": None} for data in sources], "frame": [-1, -1, -1, -1]})
    findings = list(unreadable(rows))
    assert [(finding.severity, finding.row) for finding in findings] == [("error", 1), ("error", 2), ("warning", 3)]
    assert "no picture" in findings[0].message
    assert "same value" in findings[1].message
    assert findings[2] == Finding("warning", "Declared 16-bit, but every value fits 8 bits: read as 8-bit.", 3)
