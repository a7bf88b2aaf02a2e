"""`suite image-generation crops`: every picture is on a sheet, or named with its reason."""

import pyarrow as pa
import pytest
from click.testing import CliRunner
from PIL import Image
from pyarrow import parquet

from suite import SuiteError
from suite_image_generation.commands.sheets import crops
from suite_image_generation.pictures.captions import pictures_of


def run(*arguments):
    return CliRunner().invoke(crops, [str(argument) for argument in arguments], catch_exceptions=False)


def test_every_picture_is_shown_or_named(noise_folder, picture_folder, tmp_path):
    Image.new("RGB", (1, 1)).save(picture_folder / "dot.png")
    done = run(picture_folder, "--model", noise_folder, "--resolution", 32, "--output", tmp_path / "sheets")
    assert done.exit_code == 0
    assert "dot.png can't be used: it has 1 x 1 pixels; each side needs at least 16." in done.output
    assert "32 x 32         4         0              0%" in done.output
    assert "12 crops on 1 sheets" in done.output
    assert [path.name for path in (tmp_path / "sheets").iterdir()] == ["crops-001.png"]


def test_a_parquet_file_holds_pictures_as_bytes_and_paths_are_not_followed(picture_folder, tmp_path):
    data = (picture_folder / "00.png").read_bytes()
    values = [{"bytes": data, "path": None}, {"bytes": None, "path": "/etc/hostname"}]
    parquet.write_table(pa.table({"image": values}), tmp_path / "set.parquet")
    assert pictures_of(tmp_path / "set.parquet") == [{"bytes": data, "path": None}]


def test_what_holds_no_picture_is_refused(tmp_path):
    with pytest.raises(SuiteError, match="holds no picture"):
        pictures_of(tmp_path)
    with pytest.raises(SuiteError, match="There is no folder or Parquet file"):
        pictures_of(tmp_path / "none.zip")


def test_links_are_not_followed(picture_folder, tmp_path):
    (tmp_path / "secret.png").write_bytes((picture_folder / "00.png").read_bytes())
    (picture_folder / "link.png").symlink_to(tmp_path / "secret.png")
    assert not any(path.endswith("link.png") for path in pictures_of(picture_folder))
