"""What de-identification keeps of a DICOM file: nothing that is not named here.

An allow-list in the sense of PS3.15 annex E, Basic Application Level Confidentiality Profile
(https://dicom.nema.org/medical/dicom/current/output/chtml/part15/chapter_E.html): what is needed to show the pixels, to
tell where they lie, and to know how they were taken, all of it numbers or words of a fixed vocabulary. Free text,
names, dates and times, devices, institutions, private elements, overlays and curves have no way in.
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


NUMBERS = _words(
    """
    SamplesPerPixel Rows Columns BitsAllocated BitsStored HighBit PixelRepresentation PlanarConfiguration
    NumberOfFrames SmallestImagePixelValue LargestImagePixelValue PixelPaddingValue PixelPaddingRangeLimit
    WindowCenter WindowWidth RescaleIntercept RescaleSlope PixelSpacing ImagerPixelSpacing
    NominalScannedPixelSpacing PixelAspectRatio SliceThickness SpacingBetweenSlices SliceLocation
    ImagePositionPatient ImageOrientationPatient SeriesNumber InstanceNumber AcquisitionNumber
    ImagesInAcquisition FrameTime CineRate RecommendedDisplayFrameRate KVP XRayTubeCurrent ExposureTime Exposure
    DistanceSourceToDetector DistanceSourceToPatient GantryDetectorTilt RepetitionTime EchoTime InversionTime
    FlipAngle EchoTrainLength MagneticFieldStrength NumberOfAverages ImagingFrequency EchoNumbers
    BodyPartThickness CompressionForce DoseGridScaling LossyImageCompressionRatio ModalityLUTDescriptor
    LUTDescriptor RedPaletteColorLookupTableDescriptor GreenPaletteColorLookupTableDescriptor
    BluePaletteColorLookupTableDescriptor
"""
)
"""Attributes whose values are numbers; one that is not is removed."""

_YES_NO = frozenset({"YES", "NO"})
_SIDES = frozenset({"L", "R", "B", "U"})
WORDS: dict[str, frozenset[str]] = {
    "Modality": _words(
        """
    AR BI BMD CR CT DG DX EC ECG ES GM HC IO IVOCT IVUS LS MG MR NM OAM OCT OP OPM OPT OT PT PX RF RG RTDOSE
    RTIMAGE SC SEG SM TG US VA XA XC
"""
    ),
    "PhotometricInterpretation": frozenset({"MONOCHROME1", "MONOCHROME2", "RGB", "PALETTE COLOR"}),
    "PresentationLUTShape": frozenset({"IDENTITY", "INVERSE"}),
    "VOILUTFunction": frozenset({"LINEAR", "LINEAR_EXACT", "SIGMOID"}),
    "RescaleType": frozenset({"HU", "US", "OD", "MGML", "Z_EFF", "ED", "EDW", "HU_MOD", "PCT"}),
    "PixelIntensityRelationship": frozenset({"LIN", "LOG", "DISP"}),
    "Laterality": _SIDES,
    "ImageLaterality": _SIDES,
    "FrameLaterality": _SIDES,
    "ViewPosition": _words(
        """
    AP PA LL RL RLD LLD RLO LLO CC MLO ML LM LMO XCCL XCCM FB SIO ISO CV AT TAN
"""
    ),
    "PatientPosition": _words(
        """
    HFP HFS HFDR HFDL FFDR FFDL FFP FFS LFP LFS RFP RFS AFDR AFDL PFDR PFDL
"""
    ),
    "BodyPartExamined": _words(
        """
    CHEST BREAST HEAD SKULL BRAIN NECK ABDOMEN PELVIS SPINE CSPINE TSPINE LSPINE SSPINE HAND FINGER WRIST ELBOW
    ARM FOREARM SHOULDER CLAVICLE RIB STERNUM HIP KNEE LEG THIGH ANKLE FOOT TOE HEEL JAW EYE EAR NOSE TOOTH
    HEART LUNG LIVER KIDNEY PANCREAS SPLEEN STOMACH COLON BLADDER PROSTATE UTERUS OVARY AORTA SKIN WHOLEBODY
    EXTREMITY HUMERUS FEMUR
"""
    ),
    "BurnedInAnnotation": _YES_NO,
    "LossyImageCompression": frozenset({"00", "01"}),
    "MRAcquisitionType": frozenset({"1D", "2D", "3D"}),
}
"""Attributes whose values are words, and the words they may be; any other value is removed."""

UIDS = frozenset(
    [
        "StudyInstanceUID",
        "SeriesInstanceUID",
        "SOPInstanceUID",
        "FrameOfReferenceUID",
        "ReferencedSOPInstanceUID",
        "ReferencedFrameOfReferenceUID",
    ]
)
"""Identifiers that are replaced by others, the same for the same."""
CLASSES = frozenset({"SOPClassUID", "ReferencedSOPClassUID"})
"""Identifiers that name a kind of object; one that the standard does not list is removed."""
SEQUENCES = _words(
    """
    ModalityLUTSequence VOILUTSequence SharedFunctionalGroupsSequence PerFrameFunctionalGroupsSequence
    PixelValueTransformationSequence FrameVOILUTSequence PixelMeasuresSequence PlanePositionSequence
    PlaneOrientationSequence ReferencedSeriesSequence ReferencedImageSequence SourceImageSequence
    ReferencedInstanceSequence ReferencedStudySequence
"""
)
"""Sequences that are entered; the same list holds for their items."""
TABLES = {
    "LUTData": "LUTDescriptor",
    "RedPaletteColorLookupTableData": "RedPaletteColorLookupTableDescriptor",
    "GreenPaletteColorLookupTableData": "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableData": "BluePaletteColorLookupTableDescriptor",
}
"""Tables of numbers, and the attribute that says how long they are: nothing may hide behind their end."""
EMPTY = [
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
    "ReferringPhysicianName",
]
"""Attributes every image must have and that are left empty."""
