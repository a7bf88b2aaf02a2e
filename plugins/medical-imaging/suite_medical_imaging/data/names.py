"""What people call the columns of a table; compared without case and punctuation."""

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
