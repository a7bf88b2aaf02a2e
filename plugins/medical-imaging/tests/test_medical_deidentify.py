"""Nothing of a patient survives: a canary in every kind of value, and what must survive does."""

import csv
import io

import numpy as np
import pydicom
import pytest
from click.testing import CliRunner
from PIL import Image, ImageDraw, PngImagePlugin
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence

from suite import SuiteError, inert
from suite_medical_imaging.commands.deidentify import deidentify
from suite_medical_imaging.privacy.burned import text_like
from suite_medical_imaging.privacy.deidentify import Pseudonyms
from suite_medical_imaging.readers.pixels import open_picture

CANARY = "CANARY"
TEXTS = {
    "PatientName": "CANARY^JANE",
    "PatientID": "CANARY-1",
    "PatientSex": "CANARY",
    "PatientAge": "CANARY",
    "InstitutionAddress": "CANARY street",
    "StudyDescription": "CANARY",
    "PatientComments": "CANARY",
    "ImageComments": "CANARY",
    "StationName": "CANARY",
    "ProtocolName": "CANARY",
    "StudyDate": "CANARY",
    "StudyTime": "CANARY",
    "AcquisitionDateTime": "CANARY",
    "Modality": "CANARY",
    "BodyPartExamined": "CANARY",
    "ViewPosition": "CANARY",
    "RetrieveURL": "http://CANARY",
    "AccessionNumber": "CANARY",
}


def dicom_file(path, *, uid="1.2.3.4", refers="1.2.3.5", patient="CANARY-1"):
    dataset = FileDataset(str(path), {}, preamble=b"CANARY".ljust(128, b"C"), file_meta=FileMetaDataset())
    meta = dataset.file_meta
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", uid
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    meta.SourceApplicationEntityTitle = "CANARY"
    meta.PrivateInformationCreatorUID, meta.PrivateInformation = "1.2.3", b"CANARY"
    for keyword, value in TEXTS.items():
        dataset.__setattr__(keyword, value)
    dataset.PatientID = patient
    dataset.add_new("SliceThickness", "LO", "CANARY")  # text where a number belongs
    dataset.SOPClassUID, dataset.SOPInstanceUID = meta.MediaStorageSOPClassUID, uid
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.3", "1.2.3.1"
    dataset.PixelSpacing, dataset.RescaleSlope, dataset.RescaleIntercept = [0.5, 0.25], 2, -100
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = dataset.SOPClassUID, refers
    reference.StudyDescription = "CANARY"
    reference.add_new(0x00091010, "LO", "CANARY")
    nested = Dataset()
    nested.PersonName = nested.CodeMeaning = "CANARY"
    reference.PurposeOfReferenceCodeSequence = Sequence([nested])
    dataset.SourceImageSequence = Sequence([reference])
    dataset.RequestAttributesSequence = Sequence([nested])
    table = Dataset()
    table.LUTDescriptor, table.LUTExplanation = [4, 0, 8], "CANARY"
    table.add_new("LUTData", "OW", bytes([0, 0, 80, 0, 160, 0, 255, 0]) + b"CANARY")
    dataset.VOILUTSequence = Sequence([table])
    dataset.private_block(0x0011, "CANARY MAKER", create=True).add_new(1, "UN", b"CANARY")
    dataset.add_new(0x60000022, "LO", "CANARY")
    dataset.add_new(0x60003000, "OW", "CANARY".encode("utf-16-le"))
    dataset.add_new(0x50000022, "LO", "CANARY")
    dataset.add_new("DataSetTrailingPadding", "OB", b"CANARY")
    dataset.ICCProfile = b"CANARY"
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = 4, 6, 1
    dataset.PhotometricInterpretation, dataset.PixelRepresentation = "MONOCHROME2", 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    pixels = np.arange(24, dtype="<u2") * 100
    dataset.add_new("PixelData", "OW", pixels.tobytes() + b"CANARY")
    with pydicom.config.disable_value_validation():
        dataset.save_as(path)
    with path.open("ab") as file:
        file.write(b"CANARY")
    return path


def run(*arguments):
    return CliRunner().invoke(deidentify, [str(argument) for argument in arguments], catch_exceptions=False)


@pytest.fixture
def outcome(tmp_path):
    """Two files that refer to each other, a PNG and a JPEG, in a folder whose name is the patient's."""
    folder = tmp_path / "in" / "CANARY"
    folder.mkdir(parents=True)
    dicom_file(folder / "CANARY_1.dcm", uid="1.2.3.4", refers="1.2.3.5")
    dicom_file(folder / "CANARY_2", uid="1.2.3.5", refers="1.2.3.4")
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("Patient", "CANARY")
    chunks.add_itxt("Name", "CANARY", zip=True)
    Image.fromarray(np.arange(64, dtype=np.uint16).reshape(8, 8) * 60).save(folder / "CANARY.png", pnginfo=chunks)
    exif = Image.Exif()
    exif[0x010E] = "CANARY"
    Image.new("RGB", (8, 8), "red").save(folder / "CANARY.jpg", exif=exif, comment=b"CANARY")
    (folder / "CANARY.txt").write_text("CANARY")
    result = run(tmp_path / "in", tmp_path / "out")
    assert result.exit_code == 0, result.output
    return tmp_path


def test_the_canary_is_in_the_input(outcome):
    # Else its absence below would prove nothing.
    data = (outcome / "in" / "CANARY" / "CANARY_1.dcm").read_bytes()
    assert data.count(b"CANARY") > 35


def test_nothing_of_the_patient_is_in_the_output(outcome):
    files = sorted((outcome / "out").rglob("*"))
    assert len(files) == 5
    for path in files:
        content = path.read_bytes().upper() + path.name.upper().encode()
        for text in (CANARY, "JANE", "1.2.3."):
            for coded in (text.encode(), text.encode("utf-16-le"), text.encode("utf-16-be")):
                assert coded not in content, path


def read(outcome):
    return [pydicom.dcmread(path) for path in sorted((outcome / "out").glob("*.dcm"))]


def test_identifiers_stay_consistent(outcome):
    first, second = read(outcome)
    assert first.SourceImageSequence[0].ReferencedSOPInstanceUID == second.SOPInstanceUID
    assert second.SourceImageSequence[0].ReferencedSOPInstanceUID == first.SOPInstanceUID
    assert first.SOPInstanceUID != second.SOPInstanceUID
    assert first.StudyInstanceUID == second.StudyInstanceUID != "1.2.3"
    assert first.PatientID == second.PatientID
    assert len(first.PatientID) == 16
    assert first.file_meta.MediaStorageSOPInstanceUID == first.SOPInstanceUID
    assert (outcome / "out" / f"{first.SOPInstanceUID}.dcm").exists()
    assert all(pydicom.uid.UID(uid).is_valid for uid in (first.SOPInstanceUID, first.StudyInstanceUID))


def test_pixels_and_how_to_show_them_are_unchanged(outcome):
    for dataset in read(outcome):
        assert dataset.pixel_array.ravel().tolist() == [number * 100 for number in range(24)]
        assert len(dataset.PixelData) == 48
        assert dataset.PixelSpacing == [0.5, 0.25]
        assert (dataset.RescaleSlope, dataset.RescaleIntercept, dataset.BitsStored) == (2, -100, 12)
        assert list(np.frombuffer(dataset.VOILUTSequence[0].LUTData, "<u2")) == [0, 80, 160, 255]
    old = open_picture(outcome / "in" / "CANARY" / "CANARY_1.dcm")
    new = open_picture(next((outcome / "out").glob("*.dcm")))
    assert np.array_equal(old.values, new.values)


def test_the_file_says_what_was_done(outcome):
    dataset = read(outcome)[0]
    assert dataset.PatientIdentityRemoved == "YES"
    assert "allow-list" in dataset.DeidentificationMethod.lower()
    assert dataset.DeidentificationMethodCodeSequence[0].CodeValue == "113100"
    assert dataset.preamble == b"\0" * 128
    assert str(dataset.PatientName) == dataset.StudyDate == dataset.PatientSex == ""
    assert not [element for element in dataset if element.tag.is_private or element.tag.group in (0x5000, 0x6000)]


def test_pictures_keep_their_pixels_and_nothing_else(outcome):
    pictures = [Image.open(path) for path in (outcome / "out").glob("*.png")]
    assert sorted(picture.mode for picture in pictures) == ["I;16", "RGB"]
    assert all(not picture.info and not picture.getexif() for picture in pictures)
    deep = next(picture for picture in pictures if picture.mode == "I;16")
    assert np.asarray(deep).ravel().tolist() == [number * 60 for number in range(64)]


def test_the_report_says_what_to_look_at(outcome):
    with (outcome / "out" / "report.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["flagged"] for row in rows if row["kind"] == "picture"] == ["yes", "yes"]
    assert [row["flagged"] for row in rows if row["kind"] == "DICOM"] == ["", ""]
    assert all(int(row["attributes_removed"]) > 25 for row in rows if row["kind"] == "DICOM")
    assert [row["flagged"] for row in rows if not row["output"]] == ["not written"]


def test_a_secret_keeps_pseudonyms_over_calls_and_none_does_not(tmp_path):
    source = dicom_file(tmp_path / "a.dcm")
    for name in ("1", "2"):
        run(source, tmp_path / name, "--secret-file", tmp_path / "secret")
        run(source, tmp_path / f"{name}-random")
    names = {name: next((tmp_path / name).glob("*.dcm")).name for name in ("1", "2", "1-random", "2-random")}
    assert names["1"] == names["2"]
    assert len(set(names.values())) == 3
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
    assert Pseudonyms(b"a").uid("1.2") != Pseudonyms(b"b").uid("1.2")


def test_a_short_secret_is_refused(tmp_path):
    (tmp_path / "secret").write_text("1234")
    with pytest.raises(SuiteError, match="holds 4 bytes"):
        run(dicom_file(tmp_path / "a.dcm"), tmp_path / "out", "--secret-file", tmp_path / "secret")


def test_the_mapping_is_written_only_on_request_and_elsewhere(tmp_path):
    source = dicom_file(tmp_path / "a.dcm")
    run(source, tmp_path / "out", "--keep-mapping", tmp_path / "map.csv")
    assert str(source) in (tmp_path / "map.csv").read_text()
    with pytest.raises(SuiteError, match="names patients"):
        run(source, tmp_path / "out2", "--keep-mapping", tmp_path / "out2" / "map.csv")


def test_existing_files_are_never_touched(tmp_path):
    source = dicom_file(tmp_path / "a.dcm")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("x")
    with pytest.raises(SuiteError, match="not an empty folder"):
        run(source, tmp_path / "out")
    with pytest.raises(SuiteError, match="read again"):
        run(tmp_path, tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.dcm", "out"]


def test_two_files_of_one_identifier_are_both_kept(tmp_path):
    (tmp_path / "in").mkdir()
    dicom_file(tmp_path / "in" / "a")
    dicom_file(tmp_path / "in" / "b")
    run(tmp_path / "in", tmp_path / "out")
    assert len(list((tmp_path / "out").glob("*.dcm"))) == 2


def test_links_are_not_followed(tmp_path):
    (tmp_path / "in").mkdir()
    dicom_file(tmp_path / "in" / "a")
    (tmp_path / "in" / "b").symlink_to(dicom_file(tmp_path / "elsewhere"))
    run(tmp_path / "in", tmp_path / "out")
    assert len(list((tmp_path / "out").glob("*.dcm"))) == 1


def test_comments_in_compressed_pixels_are_gone(tmp_path):
    source = tmp_path / "a.dcm"
    dicom_file(source)
    dataset = pydicom.dcmread(source)
    packed = io.BytesIO()
    Image.fromarray(np.full((16, 16), 77, np.uint8)).save(packed, "JPEG", comment=b"CANARY", quality=100)
    dataset.Rows = dataset.Columns = 16
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7
    del dataset.VOILUTSequence
    dataset.PixelData = pydicom.encaps.encapsulate([packed.getvalue()])
    dataset["PixelData"].VR = "OB"
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.JPEGBaseline8Bit
    dataset.save_as(source)
    assert run(source, tmp_path / "out").exit_code == 0
    target = next((tmp_path / "out").glob("*.dcm"))
    assert b"CANARY" not in target.read_bytes()
    assert (pydicom.dcmread(target).pixel_array == 77).all()


def test_text_near_the_border_is_seen_and_anatomy_is_not(tmp_path):
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:256, :256]
    body = np.exp(-((rows - 128) ** 2 + (columns - 128) ** 2) / 6000) * 0.6 + rng.normal(0, 0.02, (256, 256))
    body = body.clip(0, 1).astype(np.float32)
    assert not text_like(body[..., None])
    marked = Image.fromarray((body * 255).astype(np.uint8))
    ImageDraw.Draw(marked).text((6, 6), "DOE JANE 1950-01-02", fill=255, font_size=14)
    assert text_like(np.asarray(marked, np.float32)[..., None] / 255)


def test_spreadsheets_see_no_formula():
    assert [inert(cell) for cell in ("=1", "+1", "-1", "@a", "\tx", "a=1")] == [
        "'=1",
        "'+1",
        "'-1",
        "'@a",
        "'\tx",
        "a=1",
    ]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "RGB"])
def test_what_was_masked_by_transparency_stays_masked(tmp_path, mode):
    image = Image.new("RGBA", (8, 8), (200, 200, 200, 255))
    image.paste((90, 90, 90, 0), (0, 0, 4, 8))  # the hidden part still has its colours in the file
    plain = image.convert("RGB")
    if mode == "P":
        image = plain.quantize(4)
        image.info["transparency"] = image.getpixel((0, 0))
    elif mode == "RGB":
        image = plain
        image.info["transparency"] = (90, 90, 90)
    image.convert(mode).save(tmp_path / "a.png") if mode == "LA" else image.save(
        tmp_path / "a.png", transparency=image.info.get("transparency")
    )
    assert run(tmp_path / "a.png", tmp_path / "out").exit_code == 0
    values = np.asarray(Image.open(next((tmp_path / "out").glob("*.png"))).convert("L"))
    assert values[0].tolist() == [0] * 4 + [200] * 4


@pytest.mark.parametrize(("value", "written"), [(-1, False), (65536, False), (65535, True)])
def test_values_that_a_png_cannot_hold_are_not_clipped(tmp_path, value, written):
    Image.fromarray(np.full((8, 8), value, np.int32)).save(tmp_path / "a.tiff")
    run(tmp_path / "a.tiff", tmp_path / "out")
    images = [np.asarray(Image.open(path)).tolist() for path in (tmp_path / "out").glob("*.png")]
    assert images == ([[[value] * 8] * 8] if written else [])


def test_a_flagged_file_does_not_say_that_identity_is_removed(tmp_path):
    source = dicom_file(tmp_path / "a.dcm")
    dataset = pydicom.dcmread(source)
    dataset.BurnedInAnnotation = "YES"
    with pydicom.config.disable_value_validation():
        dataset.save_as(source)
    run(source, tmp_path / "out")
    assert pydicom.dcmread(next((tmp_path / "out").glob("*.dcm"))).PatientIdentityRemoved == "NO"


@pytest.mark.parametrize(
    ("keyword", "value", "message"),
    [
        ("SOPClassUID", "1.2.840.10008.5.1.4.1.1.7.2", "usually have text burned in"),
        ("ImageType", ["DERIVED", "SECONDARY", "SCREEN SAVE"], "usually have text burned in"),
        ("Modality", "", "usually have text burned in"),
        ("BodyPartExamined", "HEAD", "a face may be rebuilt"),
    ],
)
def test_what_a_person_must_look_at_is_flagged(tmp_path, keyword, value, message):
    source = dicom_file(tmp_path / "a.dcm")
    dataset = pydicom.dcmread(source)
    dataset.Modality, dataset.BodyPartExamined = "MR", "KNEE"
    setattr(dataset, keyword, value)
    dataset.save_as(source)
    run(source, tmp_path / "out")
    assert message in (tmp_path / "out" / "report.csv").read_text()
