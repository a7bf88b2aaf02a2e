"""The columns of a table of pictures, and what people call them; compared without case and punctuation."""

from suite import Column, Columns

IMAGE_ALIASES = (
    "path",
    "file",
    "filename",
    "file_name",
    "file_path",
    "filepath",
    "image_path",
    "image_file",
    "img",
    "img_path",
    "dicom",
    "dicom_path",
    "dicom_file",
    "dcm",
    "nifti",
    "scan",
    "slice",
    "picture",
)
PATIENT_ALIASES = (
    "patient_id",
    "patientid",
    "subject",
    "subject_id",
    "lesion_id",
    "participant_id",
    "case",
    "case_id",
    "group",
)
LABEL_ALIASES = ("class", "diagnosis", "target", "finding", "finding_labels", "category", "dx", "grade")

METRIC = "auroc"
"""Picks the best checkpoint; of several classes it is the mean over them."""


def _columns(*, labelled: bool) -> Columns:
    return Columns(
        (
            Column("image", "image", "DICOM, NIfTI, PNG, JPEG or TIFF", aliases=IMAGE_ALIASES),
            Column("label", "category", "what it shows", required=labelled, aliases=LABEL_ALIASES),
            Column("patient", "id", "whose it is; splits share none", required=False, aliases=PATIENT_ALIASES),
            Column(
                "frame", "number", "which frame or slice of the file, from 0", required=False, aliases=("slice_index",)
            ),
        ),
        group="patient",
    )


LABELLED = _columns(labelled=True)
MULTI_LABEL = _columns(labelled=False)
"""A multi-label table has a column per label, named by the option `labels`, and need not have `label`."""
