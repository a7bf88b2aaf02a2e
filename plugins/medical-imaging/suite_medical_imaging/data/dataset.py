"""Rows of pictures: how they are read, what is wrong with them, how they are parted, and which may travel."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datasets import Dataset

from suite import Columns, Data, Finding, Splits, SuiteError
from suite_medical_imaging.config import MedicalConfig
from suite_medical_imaging.data.names import LABELLED, MULTI_LABEL
from suite_medical_imaging.data.preprocess import decode, portable
from suite_medical_imaging.data.quality import twins, unreadable
from suite_medical_imaging.data.rows import read_rows
from suite_medical_imaging.data.tasks import labelled, refuse_unknown, task_of

if TYPE_CHECKING:
    from suite_medical_imaging.model.model import MedicalModel


class MedicalData(Data):
    """Tables and folders of DICOM, NIfTI and plain pictures with their labels."""

    config: MedicalConfig

    @property
    def columns(self) -> Columns:
        """With a column `label`, unless the option `labels` names a column for each."""
        return MULTI_LABEL if self.config.labels else LABELLED

    def read(self, path: Path) -> Dataset | None:
        """A folder or table that may name DICOM and NIfTI files; what only holds pictures is left to the core."""
        return read_rows(path)

    def check(self, rows: Dataset) -> Iterable[Finding]:
        """What cannot be read, what the task is taken to be, one class only, labels that contradict the config."""
        pictures = list(unreadable(rows))
        yield from pictures
        gone = {finding.row for finding in pictures if finding.severity == "error"}
        left = rows.select([row for row in range(len(rows)) if row not in gone])
        if not len(left):
            return
        try:
            task = task_of(left, self.config)
            for row in labelled(left):
                task.reference(row)
        except SuiteError as error:
            yield Finding("error", str(error))
            return
        yield Finding("note", task.describe())

    def split(self, rows: Dataset) -> Splits:
        """As the core does; raises `SuiteError` if a class is in no training row, and warns of twins across splits."""
        splits = super().split(rows)
        known = task_of(splits["train"], self.config)
        refuse_unknown(splits["train"], known)
        for name in ("validation", "test"):
            for row in labelled(splits[name]):
                known.reference(row)
        return Splits(splits, splits.context, findings=twins(splits))

    def portable(self, row: dict[str, Any], model: MedicalModel) -> dict[str, Any]:  # type: ignore[override]  # its own
        """The picture as the model sees it and its labels: no header, no patient, no file name."""
        frame = row.get("frame")
        decoded = decode(row["image"], -1 if frame is None or frame != frame else int(frame), model.view)
        labels = ("label",) if "label" in row else model.task.classes
        return {"image": portable(decoded), "frame": -1, **{name: row[name] for name in labels if name in row}}
