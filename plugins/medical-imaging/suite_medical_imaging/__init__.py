"""Medical imaging: image classifiers that are fine-tuned, calibrated, audited and explained; not for clinical use."""

from __future__ import annotations

from collections.abc import Iterable

from suite import Entry, hookimpl


@hookimpl
def suite_domains() -> Iterable[Entry]:
    """The one domain of this plugin."""
    summary = "Classify medical images, calibrated and audited; DICOM, NIfTI and pictures. Not for clinical use."
    return [Entry("medical-imaging", summary, "suite_medical_imaging.domain:MEDICAL_IMAGING")]


@hookimpl
def suite_commands() -> Iterable[Entry]:
    """One verb that only medical files need."""
    target = "suite_medical_imaging.commands.deidentify:deidentify"
    return [Entry("medical-imaging deidentify", "Write DICOM files without who they are of.", target)]
