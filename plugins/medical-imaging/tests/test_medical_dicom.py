"""Every file the pydicom wheel ships is read right or refused in a sentence; and the cases none of them shows."""

import io
import json
import zlib
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset

from suite import SuiteError
from suite_medical_imaging.readers import dicom
from suite_medical_imaging.readers.lookup import _windowed
from suite_medical_imaging.readers.pixels import open_picture

SHIPPED = Path(pydicom.__file__).parent / "data"
FROZEN = json.loads((Path(__file__).parent / "medical_dicom_files.json").read_text())
"""What became of each file: shape, mean and five values, or the sentence's key words. The values were checked by eye
and against uncompressed, big-endian and OpenJPEG-decoded twins."""
FILES = "test_files"


def shipped():
    files = [path for path in SHIPPED.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc", ".json")]
    return {str(path.relative_to(SHIPPED)): path for path in files}


def probes(values):
    height, width = values.shape[:2]
    places = [(0, 0), (height // 2, width // 2), (height // 3, width // 3), (height // 4, 2 * width // 3), (-1, -1)]
    return [round(float(values[place][0]), 3) for place in places]


@pytest.mark.parametrize("name", sorted(FROZEN))
def test_a_shipped_file_is_read_right_or_refused(name):
    path, expected = SHIPPED / name, FROZEN[name]
    if not path.exists():
        pytest.skip("another version of pydicom does not ship it")
    if "refused" in expected:
        with pytest.raises(SuiteError, match=expected["refused"]) as caught:
            open_picture(path)
        assert "\n" not in str(caught.value)
        return
    picture = open_picture(path)
    assert list(picture.values.shape) == expected["shape"]
    assert picture.values.dtype == np.float32
    assert picture.stored.shape[:2] == picture.values.shape[:2]
    assert 0 <= picture.values.min() <= picture.values.max() <= 1
    assert float(picture.values.mean()) == pytest.approx(expected["mean"], abs=1e-3)
    assert probes(picture.values) == pytest.approx(expected["values"], abs=2e-3)


def test_no_shipped_file_is_forgotten():
    # A newer pydicom may ship more files: they too are read or refused, never anything else.
    for name, path in shipped().items():
        if name not in FROZEN:
            try:
                open_picture(path)
            except SuiteError as error:
                assert path.name in str(error)


@pytest.mark.parametrize(
    ("first", "other", "most"),
    [
        ("MR_small", "MR_small_RLE", 0),
        ("MR_small", "MR_small_bigendian", 0),
        ("MR_small", "MR_small_implicit", 0),
        ("MR_small", "MR_small_jp2klossless", 0),
        ("MR_small", "MR_small_padded", 0),
        ("SC_rgb_rle", "SC_rgb_rle_16bit", 0),
        ("SC_rgb_rle", "SC_rgb_rle_32bit", 0),
        ("SC_rgb_rle", "SC_rgb_gdcm_KY", 0),
        ("SC_rgb_rle", "SC_rgb_dcmtk_+eb+cr", 0.01),
        ("SC_rgb_rle", "SC_ybr_full_422_uncompressed", 0.03),
        ("SC_rgb_rle", "SC_rgb_jpeg_dcmtk", 0.03),
        ("SC_rgb_jpeg_dcmd", "SC_jpeg_no_color_transform", 0),
        ("SC_rgb_small_odd", "SC_rgb_small_odd_big_endian", 0),
        ("liver_1frame", "liver_expb_1frame", 0),
        ("rtdose", "rtdose_rle", 0),
        ("rtdose", "rtdose_expb", 0),
    ],
)
def test_twins_agree(first, other, most):
    pictures = [open_picture(SHIPPED / FILES / f"{name}.dcm").values for name in (first, other)]
    assert abs(pictures[0] - pictures[1]).max() <= most


def test_the_frame_that_is_asked_for_is_given():
    path = SHIPPED / FILES / "SC_rgb_rle_2frame.dcm"
    first, second = (open_picture(path, frame=frame).values for frame in (0, 1))
    assert np.allclose(first, 1 - second)  # the second frame is the first inverted
    assert open_picture(path).facts["frame"] == "2 of 2"
    with pytest.raises(SuiteError, match="2 frames and no frame 2"):
        open_picture(path, frame=2)


def made(values, *, bits=16, stored=None, signed=0, photometric="MONOCHROME2", **attributes):
    """A DICOM file's content with these stored values (H, W)."""
    dataset = FileDataset("", {}, preamble=b"\0" * 128, file_meta=FileMetaDataset())
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = "1.2.3"
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = *values.shape[-2:], 1
    dataset.BitsAllocated, dataset.BitsStored = bits, stored or bits
    dataset.HighBit, dataset.PixelRepresentation = (stored or bits) - 1, signed
    dataset.PhotometricInterpretation = photometric
    if values.ndim == 3:
        dataset.NumberOfFrames = len(values)
    kind = f"<{'i' if signed else 'u'}{bits // 8}"
    dataset.add_new("PixelData", "OW" if bits > 8 else "OB", values.astype(kind).tobytes())
    for keyword, value in attributes.items():
        dataset.__setattr__(keyword, value)
    return content(dataset)


def content(dataset):
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


RAMP = np.arange(64).reshape(8, 8)


def test_monochrome1_is_the_negative():
    negative, two = (open_picture(made(RAMP, bits=8, photometric=f"MONOCHROME{n}")) for n in (1, 2))
    assert np.allclose(negative.values, 1 - two.values)
    assert np.array_equal(negative.stored, two.stored)  # as stored: neither inverted nor windowed
    assert "MONOCHROME1" in negative.facts["inverted"]


def test_rescale_comes_before_the_window():
    picture = open_picture(
        made(RAMP, signed=1, RescaleSlope=10, RescaleIntercept=-300, WindowCenter=[0, 40], WindowWidth=[201, 9])
    )
    expected = np.clip(((RAMP * 10.0 - 300) + 0.5) / 200 + 0.5, 0, 1)
    assert picture.values[..., 0] == pytest.approx(expected, abs=1e-6)
    assert picture.facts["window"] == "center 0, width 201"


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_windows_agree_with_pydicoms(function):
    dataset = Dataset()
    dataset.WindowCenter, dataset.WindowWidth, dataset.VOILUTFunction = 900, 700, function
    dataset.BitsStored, dataset.PixelRepresentation, dataset.PhotometricInterpretation = 12, 0, "MONOCHROME2"
    values = np.arange(0, 4096, 7)
    theirs = pydicom.pixels.apply_windowing(values, dataset) / 4095
    assert _windowed(values, 900, 700, function) == pytest.approx(theirs, abs=1e-6)


def test_without_a_window_the_bits_in_use_are_shown():
    picture = open_picture(made(RAMP * 50))
    assert picture.values[..., 0] == pytest.approx(RAMP * 50 / 4095, abs=1e-6)
    dark = open_picture(made(RAMP // 2, bits=8))
    assert dark.values.max() == pytest.approx(31 / 255, abs=1e-6)


def test_a_window_beside_all_values_is_not_believed():
    picture = open_picture(made(RAMP * 50, WindowCenter=-5000, WindowWidth=10))
    assert picture.values.max() > picture.values.min()
    assert "lies beside every value" in picture.facts["notes"]


def test_a_window_and_slope_of_the_frame_win():
    def group(center, slope):
        window, change, item = Dataset(), Dataset(), Dataset()
        window.WindowCenter, window.WindowWidth = center, 64
        change.RescaleSlope, change.RescaleIntercept = slope, 0
        item.FrameVOILUTSequence, item.PixelValueTransformationSequence = [window], [change]
        return item

    data = made(np.stack([RAMP, RAMP]), PerFrameFunctionalGroupsSequence=[group(32, 1), group(64, 2)])
    assert open_picture(data, frame=0).facts["window"] == "center 32, width 64"
    second = open_picture(data, frame=1)
    assert second.values[..., 0] == pytest.approx(np.clip((RAMP * 2 - 63.5) / 63 + 0.5, 0, 1), abs=1e-6)


@pytest.mark.parametrize("kind", ["US", "OW"])
def test_a_voi_lut_goes_before_the_window(kind):
    table, entries = Dataset(), [255 - 4 * number for number in range(64)]
    table.LUTDescriptor = [64, 0, 8]
    table.add_new("LUTData", kind, entries if kind == "US" else np.array(entries, "<u2").tobytes())
    picture = open_picture(made(RAMP, VOILUTSequence=[table], WindowCenter=1, WindowWidth=2))
    assert picture.values[..., 0] == pytest.approx((255 - 4 * RAMP) / 255, abs=1e-6)


def test_a_modality_lut_is_applied():
    table = Dataset()
    table.LUTDescriptor, table.ModalityLUTType = [64, 0, 16], "US"
    table.add_new("LUTData", "US", [1000 - 10 * number for number in range(64)])
    picture = open_picture(made(RAMP, ModalityLUTSequence=[table], WindowCenter=500.5, WindowWidth=1001))
    assert picture.values[..., 0] == pytest.approx((1000 - 10 * RAMP) / 1000, abs=1e-6)


def test_padding_is_black_and_does_not_stretch_the_range():
    values = RAMP * 50
    values[0] = -2000
    picture = open_picture(made(values, signed=1, photometric="MONOCHROME1", PixelPaddingValue=-2000))
    assert (picture.values[0] == 0).all()
    assert picture.values[1:, :, 0] == pytest.approx(1 - values[1:] / 4095, abs=1e-6)


def test_signed_values_of_fewer_bits_than_a_word():
    values = RAMP * 20 - 600
    picture = open_picture(made(values & 0x0FFF, signed=1, stored=12))  # the sign bit is bit 11, not bit 15
    assert picture.values[..., 0] == pytest.approx((values + 1024) / 2047, abs=1e-6)


def test_rubbish_above_the_stored_bits_is_cut_off():
    rubbish = np.random.default_rng(0).integers(0, 16, RAMP.shape) << 12
    picture = open_picture(made(RAMP * 60 | rubbish, stored=12))
    assert picture.values[..., 0] == pytest.approx(RAMP * 60 / 4095, abs=1e-6)
    assert "above the 12 stored" in picture.facts["notes"]


def test_values_shifted_to_the_high_bits_are_shifted_back():
    picture = open_picture(made(RAMP * 60 << 4, stored=12, HighBit=15))
    assert picture.values[..., 0] == pytest.approx(RAMP * 60 / 4095, abs=1e-6)


def test_16_bits_declared_as_8_are_refused():
    with pytest.raises(SuiteError, match="declares 8 bits stored, but .* of its pixels use more"):
        open_picture(made(RAMP * 60, stored=8))
    with pytest.raises(SuiteError, match="holds 2 times the bytes"):
        open_picture(made(RAMP * 60, BitsAllocated=8, BitsStored=8, HighBit=7))


def test_8_bits_declared_as_16_are_refused():
    with pytest.raises(SuiteError, match="less than expected"):
        open_picture(made(RAMP, bits=8, BitsAllocated=16, BitsStored=16, HighBit=15))


def test_frames_that_are_not_declared_are_refused():
    with pytest.raises(SuiteError, match="holds 3 times the bytes"):
        open_picture(made(np.stack([RAMP] * 3), NumberOfFrames=1))


def test_palette_indices_beyond_8_bits():
    # pydicom's own lookup counts in the entries' 8 bits and would wrap around at 256.
    bands = {}
    for number, band in enumerate(("Red", "Green", "Blue")):
        bands[f"{band}PaletteColorLookupTableDescriptor"] = [512, 0, 8]
        bands[f"{band}PaletteColorLookupTableData"] = bytes((place // 2 + number) % 256 for place in range(512))
    picture = open_picture(made(RAMP * 8, photometric="PALETTE COLOR", **bands))
    assert picture.values[..., 0] == pytest.approx(RAMP * 4 / 255, abs=1e-6)
    assert picture.values[0, 1] == pytest.approx([4 / 255, 5 / 255, 6 / 255])


def test_no_photometric_interpretation_is_refused():
    with pytest.raises(SuiteError, match="does not say its PhotometricInterpretation"):
        open_picture(made(RAMP, photometric=""))


def test_a_truncated_file_is_refused():
    data = made(RAMP)
    for length in (len(data) - 20, 200, 140):
        with pytest.raises(SuiteError):
            open_picture(data[:length])


def test_a_file_without_pixels_is_refused():
    dataset = pydicom.dcmread(io.BytesIO(made(RAMP, Modality="SR")))
    del dataset.PixelData
    with pytest.raises(SuiteError, match=r"without pixels \(SR\)"):
        open_picture(content(dataset))


def test_too_many_pixels_are_refused_before_decoding():
    with pytest.raises(SuiteError, match="65535 x 65535 pixels, more than 100 million"):
        open_picture(made(RAMP, Rows=65535, Columns=65535))


def test_a_deflated_bomb_is_refused(monkeypatch):
    monkeypatch.setattr(dicom, "MAX_INFLATED", 1 << 20)
    dataset = pydicom.dcmread(SHIPPED / FILES / "image_dfl.dcm")
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = b"\x08\x00\x60\x00CS\x02\x00OT" + b"\xe0\x7f\x10\x00OB\0\0" + (8 << 20).to_bytes(4, "little")
    packed = packer.compress(bomb + bytes(8 << 20)) + packer.flush()
    head = (SHIPPED / FILES / "image_dfl.dcm").read_bytes()
    start = 144 + dataset.file_meta.FileMetaInformationGroupLength
    assert len(packed) < 20_000
    with pytest.raises(SuiteError, match="unpacks to more than 1 MiB"):
        open_picture(head[:start] + packed)


def test_burned_in_annotation_is_told():
    assert open_picture(made(RAMP, BurnedInAnnotation="YES")).facts["burned-in annotation"] == "YES"
