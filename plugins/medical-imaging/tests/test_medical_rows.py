"""Rows of folders and tables that name DICOM and NIfTI files; the rest is the core's."""

import json

import numpy as np
import pydicom
import pytest
from PIL import Image

from suite import SuiteError
from suite_medical_imaging.data.rows import read_rows


def dicom(path, patient=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset = pydicom.dcmread(pydicom.data.get_testdata_file("MR_small.dcm", download=False))
    if patient is None:
        del dataset.PatientID
    else:
        dataset.PatientID = patient
    dataset.save_as(path)
    return path


def picture(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(path)
    return path


def test_folders_of_classes_below_folders_of_splits(tmp_path):
    dicom(tmp_path / "train" / "sick" / "a.dcm", "P1")
    dicom(tmp_path / "train" / "sick" / "study" / "series" / "IM1", "P2")  # no ending: told by its content
    picture(tmp_path / "val" / "well" / "b.png")
    dicom(tmp_path / "test" / "well" / "c", "P3")
    (tmp_path / "test" / "well" / "notes.txt").write_text("not a picture")
    (tmp_path / "test" / "well" / "link.dcm").symlink_to(tmp_path / "train" / "sick" / "a.dcm")
    rows = read_rows(tmp_path).to_dict()
    names = [name.removeprefix(f"{tmp_path}/") for name in rows["image"]]
    assert names == ["test/well/c", "train/sick/a.dcm", "train/sick/study/series/IM1", "val/well/b.png"]
    assert rows["split"] == ["test", "train", "train", "validation"]
    assert rows["label"] == ["well", "sick", "sick", "well"]
    assert rows["patient"] == ["P3", "P1", "P2", "val/well/b.png"]
    assert rows["frame"] == [-1, -1, -1, -1]


def test_folders_of_classes_without_splits(tmp_path):
    dicom(tmp_path / "sick" / "a.dcm")
    dicom(tmp_path / "test" / "b.dcm")  # one folder that is named like a split does not make it one
    rows = read_rows(tmp_path)
    assert rows["label"] == ["sick", "test"]
    assert "split" not in rows.column_names
    assert len(set(rows["patient"])) == 1  # none is known, but both are of one study
    assert str(rows.features["frame"].dtype) == "int32"


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet", "jsonl"])
def test_a_table_beside_its_files(tmp_path, ending):
    import pyarrow as pa
    from pyarrow import csv, parquet

    dicom(tmp_path / "scans" / "a.dcm", "007")
    picture(tmp_path / "scans" / "b.png")
    values = {"Image_Path": ["scans/a.dcm", "scans/b.png", None], "label": ["1", "0", "1"], "age": [51, None, 7]}
    path, table = tmp_path / f"table.{ending}", pa.table(values)
    if ending == "parquet":
        parquet.write_table(table, path)
    elif ending == "jsonl":
        path.write_text("".join(f"{json.dumps(row)}\n" for row in table.to_pylist()))
    else:
        csv.write_csv(table, path, csv.WriteOptions(delimiter="," if ending == "csv" else "\t"))
    for where in (tmp_path, path):
        rows = read_rows(where)
        assert rows["Image_Path"] == [str(tmp_path / "scans" / "a.dcm"), str(tmp_path / "scans" / "b.png"), None]
        assert rows["label"] == ["1", "0", "1"]
        assert rows["patient"] == ["007", "scans/b.png", None]
        assert rows["age"] == [51, None, 7]


def test_columns_of_the_table_are_not_replaced(tmp_path):
    dicom(tmp_path / "a.dcm", "header")
    (tmp_path / "t.csv").write_text("file,frame,patient_id\na.dcm,2,007\na.dcm,3,\n")
    rows = read_rows(tmp_path)
    assert rows["frame"] == [2, 3]
    assert rows["patient_id"] == ["007", "007"]  # the gap is filled by another frame of the same file
    assert "patient" not in rows.column_names


def test_a_table_for_each_split(tmp_path):
    dicom(tmp_path / "a.dcm", "1")
    dicom(tmp_path / "b.dcm", "2")
    (tmp_path / "train.csv").write_text("file,label\na.dcm,x\n")
    (tmp_path / "val.csv").write_text("file,label\nb.dcm,y\n")
    rows = read_rows(tmp_path)
    assert rows["split"] == ["train", "validation"]
    assert rows["patient"] == ["1", "2"]


@pytest.mark.parametrize("name", ["../secret.dcm", "/etc/passwd", "https://x.org/a.dcm", "link/secret.dcm"])
def test_names_outside_the_folder_are_refused(tmp_path, name):
    dicom(tmp_path / "secret.dcm", "secret")
    folder = tmp_path / "data"
    dicom(folder / "a.dcm", "1")
    (folder / "link").symlink_to(tmp_path)
    (folder / "t.csv").write_text(f"file,label\na.dcm,x\n{name},y\n")
    with pytest.raises(SuiteError, match="leads outside|is an address"):
        read_rows(folder)


def test_what_the_core_reads_is_left_to_it(tmp_path):
    picture(tmp_path / "pictures" / "sick" / "a.png")
    (tmp_path / "table.csv").write_text("file,label\npictures/sick/a.png,x\n")
    (tmp_path / "other.csv").write_text("name,label\na,x\n")
    assert read_rows(tmp_path / "pictures") is None
    assert read_rows(tmp_path / "table.csv") is None
    assert read_rows(tmp_path / "other.csv") is None
    assert read_rows(tmp_path / "nothing") is None


def volume(path):
    path.write_bytes(b"\0" * 344 + b"n+1\0" + b"\0" * 8)
    return path


@pytest.mark.parametrize(
    ("patients", "expected"),
    [
        (None, ["a.nii", "a.nii", "b.nii"]),
        (["", "", ""], ["a.nii", "a.nii", "b.nii"]),
        (["P1", "", ""], ["P1", "P1", "b.nii"]),  # the same file is the same patient
    ],
)
def test_slices_of_one_volume_are_one_group_where_no_patient_is_named(tmp_path, patients, expected):
    for name in ("a.nii", "b.nii"):
        volume(tmp_path / name)
    names = [("a.nii", 1), ("a.nii", 2), ("b.nii", 1)]
    rows = [{"image": name, "frame": frame, "label": "x"} for name, frame in names]
    if patients:
        rows = [row | {"patient": patient} for row, patient in zip(rows, patients, strict=True)]
    (tmp_path / "t.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    assert read_rows(tmp_path / "t.jsonl")["patient"] == expected


def test_volumes_of_one_row_each_need_no_group(tmp_path):
    for name in ("a.nii", "b.nii"):
        volume(tmp_path / name)
    assert "patient" not in read_rows(tmp_path).column_names
