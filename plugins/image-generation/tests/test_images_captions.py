"""Sidecar captions, and one finding for each thing that is wrong with rows."""

import pytest
from datasets import Dataset
from PIL import Image

from suite import SuiteError
from suite_image_generation.pictures import captions


def folder_of(tmp_path, files):
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            Image.new("RGB", (32, 32)).save(path)
        else:
            path.write_text(text, encoding="utf-8")
    return tmp_path


def test_a_text_file_beside_each_picture(tmp_path):
    folder = folder_of(tmp_path, {"a.png": None, "a.txt": "\ufeffa red\ncat \n", "b.jpg": None, "b.caption": "a dog"})
    assert captions.read(folder).to_list() == [
        {"image": "a.png", "caption": "a red cat"},
        {"image": "b.jpg", "caption": "a dog"},
    ]


def test_a_picture_without_a_text_file_keeps_its_row(tmp_path):
    folder = folder_of(tmp_path, {"a.png": None, "a.txt": "cat", "b.png": None, "c.png": None, "c.txt": "  "})
    assert captions.read(folder)["caption"][:] == ["cat", None, None]


def test_folders_named_after_splits(tmp_path):
    files = {"train/a.png": None, "train/a.txt": "cat", "test/b.png": None, "test/b.txt": "dog", "more/c.png": None}
    rows = captions.read(folder_of(tmp_path, files)).to_list()
    assert [(row["image"], row["split"]) for row in rows] == [
        ("more/c.png", None),
        ("test/b.png", "test"),
        ("train/a.png", "train"),
    ]


def test_a_table_is_left_to_the_core(tmp_path):
    assert captions.read(folder_of(tmp_path, {"a.png": None, "a.txt": "x", "metadata.csv": "file_name,text\n"})) is None
    assert captions.read(folder_of(tmp_path / "empty", {"a.md": "x"})) is None


def test_pictures_without_any_caption_are_refused(tmp_path):
    with pytest.raises(SuiteError, match="holds 2 pictures and no caption: put a text file beside each"):
        captions.read(folder_of(tmp_path, {"a.png": None, "b.png": None}))


def test_a_caption_that_is_no_utf8_is_named(tmp_path):
    folder = folder_of(tmp_path, {"a.png": None, "a.txt": "x"})
    (folder / "a.txt").write_bytes(b"caf\xe9")
    with pytest.raises(SuiteError, match=r"a\.txt cannot be read .it is not UTF-8"):
        captions.read(folder)


def findings(tmp_path, pictures, texts, smallest=0):
    names = []
    for number, picture in enumerate(pictures):
        path = tmp_path / f"{number}.png"
        picture.save(path)
        names.append(str(path))
    rows = Dataset.from_dict({"image": names, "caption": texts})
    return [(finding.severity, finding.row, finding.message) for finding in captions.findings(rows, smallest)]


def test_each_problem_is_one_finding(tmp_path):
    good, dot, clear = (Image.new("RGB", (32, 32)), Image.new("RGB", (1, 1)), Image.new("RGBA", (32, 32)))
    assert findings(tmp_path, [good, dot, clear], ["a cat", "a dog", "?!"]) == [
        ("error", 1, "image '1.png' can't be used: it has 1 x 1 pixels; each side needs at least 16"),
        ("note", 2, "image '2.png': it is transparent in parts: a model without alpha sees white there"),
        ("error", 2, "caption '?!' has no letter"),
    ]


def test_a_small_picture_is_a_warning_where_the_size_is_known(tmp_path):
    good = Image.new("RGB", (32, 32))
    assert findings(tmp_path, [good, good], ["a", "b"], 33)[0] == (
        "warning", 0, "image '0.png' has 32 x 32 pixels and is enlarged",
    )  # fmt: skip
    assert findings(tmp_path, [good, good], ["a", "b"], 32) == []


def test_one_caption_for_all_and_a_caption_too_long(tmp_path):
    good = Image.new("RGB", (32, 32))
    assert [kind for kind, *_ in findings(tmp_path, [good, good], ["a cat", "a cat"])] == ["warning"]
    assert "2001 characters" in findings(tmp_path, [good, good], ["a" * 2001, "b"])[0][2]
