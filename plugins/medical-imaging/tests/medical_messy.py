"""Pictures as hospitals have them, with faults."""

from __future__ import annotations

import csv
import shutil

import numpy as np
from PIL import Image

from suite.testing import Messy


def messy(folder):
    """By what is wrong with each; see `DataPromises.messy`."""
    drawn = np.random.default_rng(0)

    def saved(name, rows, refusal="", **options):
        """A folder with a table and a picture for each row, those of a label brighter."""
        place = folder / name
        place.mkdir()
        with (place / "metadata.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, ["image", "label", "patient", "split"])
            writer.writeheader()
            for number, row in enumerate(rows):
                pixels = drawn.integers(0, 100, (40, 40), dtype=np.uint8) + np.uint8(100 * (row["label"] == "sick"))
                Image.fromarray(pixels).save(place / f"{number}.png")
                writer.writerow({"image": f"{number}.png", "split": "", **row})
        settings = {"data": str(place), "image_size": 32, "limit": None, "audit": False, "max_rejected": 0.3}
        return Messy(settings | options, refusal)

    good = [{"label": ("healthy", "sick")[n % 2], "patient": f"p{n}"} for n in range(16)]
    parted = [{**row, "split": "train" if n < 10 else "test"} for n, row in enumerate(good)]
    damaged = saved("damaged", good)
    (folder / "damaged" / "3.png").write_bytes(b"no picture")
    Image.new("L", (40, 40), 7).save(folder / "damaged" / "4.png")
    shutil.copyfile(folder / "damaged" / "5.png", folder / "damaged" / "7.png")
    for name in ("scan.nrrd", "more.nrrd", "rest.zip"):
        (folder / "damaged" / name).write_bytes(b"left unread")
    twice = saved("twice", parted, "contents of image are in both")
    shutil.copyfile(folder / "twice" / "1.png", folder / "twice" / "12.png")
    *others, last = parted
    return {
        "damaged, blank and copied pictures": damaged,
        "a patient in two splits": saved("patient", [*others, {**last, "patient": "p0"}], "values of patient"),
        "a class in the test split alone": saved("class", [*others, {**last, "label": "odd"}], "'odd' is in"),
        "one class": saved("one", [{**row, "label": "sick"} for row in good], "nothing to tell apart"),
        "labels that nobody gave": saved("labels", good, "no column 'edema'", labels=["edema"]),
        "a picture in two splits, under two names and labels": twice,
    }
