"""From a DICOM file's stored values to grey and colour: unused bits, padding, modality, window, palette."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydicom import pixels
from pydicom.dataset import Dataset

from suite import SuiteError
from suite_medical_imaging.readers.picture import used_bits, used_range


def functional(dataset: Dataset, index: int, sequence: str) -> Dataset:
    """The item of a functional group that holds for frame `index`: its own, the shared one, else the data set."""
    frames = dataset.get("PerFrameFunctionalGroupsSequence") or []
    groups = [frames[index]] if index < len(frames) else []
    groups += list(dataset.get("SharedFunctionalGroupsSequence") or [])[:1]
    for group in groups:
        if items := group.get(sequence):
            return items[0]
    return dataset


def without_unused_bits(stored: np.ndarray, dataset: Dataset, name: str, notes: list[str]) -> np.ndarray:
    """Values without the bits outside BitsStored, whose content is undefined (PS3.5 section 8.1.1).

    Where those bits hold something, either they are rubbish (an old overlay), or BitsStored is wrong and they belong
    to the picture. The smoother reading is the right one; if it is the latter, raises `SuiteError`.
    """
    bits, allocated = int(dataset.BitsStored), int(dataset.BitsAllocated)
    if not 1 <= bits <= allocated:
        raise SuiteError(f"{name} declares {bits} bits stored of {allocated} allocated; export it anew.")
    if allocated not in (8, 16, 32, 64) or bits == allocated:
        return stored
    high = int(dataset.get("HighBit", bits - 1))
    if not bits - 1 <= high < allocated:
        high = bits - 1
    stored = stored.astype(stored.dtype.newbyteorder("="))
    kept = (stored << (allocated - 1 - high)) >> (allocated - bits)
    changed = float((kept != stored).mean()) if high == bits - 1 else 0.0
    if not changed:
        return kept
    # Left alone, rubbish makes neighbours differ by the whole range; cut off, a true picture wraps around and does.
    if _roughness(stored, allocated) < _roughness(kept, bits):
        raise SuiteError(
            f"{name} declares {bits} bits stored, but {changed:.0%} of its pixels use more: the picture would be "
            "wrong; correct BitsStored."
        )
    notes.append(f"{changed:.1%} of the pixels have something in the bits above the {bits} stored; cut off")
    return kept


def _roughness(values: np.ndarray, bits: int) -> float:
    """Mean step between neighbours, as a share of the range that is used."""
    span = float(values.max()) - float(values.min()) or 1.0
    steps = np.abs(np.diff(values.astype(np.float64), axis=1))
    return float(steps.mean()) / span if steps.size else 0.0


def padding(stored: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Which pixels (H, W) are declared to lie outside the picture."""
    value = dataset.get("PixelPaddingValue")
    if value is None or value == "" or stored.ndim != 2:
        return np.zeros(stored.shape[:2], bool)
    limit = dataset.get("PixelPaddingRangeLimit")
    ends = sorted((_signed(value, dataset), _signed(value if limit in (None, "") else limit, dataset)))
    return (stored >= ends[0]) & (stored <= ends[1])


def _signed(value: Any, dataset: Dataset) -> int:
    """A value that was read unsigned though the pixels are signed, as headers without VR have it."""
    number, bits = int(value), int(dataset.get("BitsAllocated", 16))
    return number - (1 << bits) if int(dataset.get("PixelRepresentation", 0)) and number >= 1 << (bits - 1) else number


def modality(
    stored: np.ndarray, dataset: Dataset, index: int, *, bits: int, padding: np.ndarray
) -> tuple[np.ndarray, tuple[float, float]]:
    """Values after the modality LUT or rescale (in Hounsfield units for CT), and the range to show without a window.

    That range is of the stored bits really used, see `picture.used_range`; floats have their own range.
    """
    if items := dataset.get("ModalityLUTSequence"):
        values = pixels.apply_modality_lut(stored, dataset)
        return values, used_range(values, most=int(items[0].LUTDescriptor[2]))[:2]
    kept = stored[~padding] if padding.any() else stored
    if stored.dtype.kind == "f":
        kept = kept[np.isfinite(kept)]
        low, high = (float(kept.min()), float(kept.max())) if kept.size else (0.0, 1.0)
    else:
        signed = int(dataset.PixelRepresentation)
        low, high, _ = used_range(kept, most=bits - signed if bits else 32)
    source = functional(dataset, index, "PixelValueTransformationSequence")
    slope, intercept = _number(source.get("RescaleSlope"), 1.0), _number(source.get("RescaleIntercept"), 0.0)
    if slope == 0:
        slope, intercept = 1.0, 0.0
    if (slope, intercept) == (1.0, 0.0):
        return stored, (low, high)
    ends = sorted((low * slope + intercept, high * slope + intercept))
    return stored * slope + intercept, (ends[0], ends[1])


def _number(value: Any, default: float) -> float:
    return default if value in (None, "") else float(value)


def voi(values: np.ndarray, dataset: Dataset, index: int, notes: list[str]) -> tuple[np.ndarray | None, str]:
    """Values in [0, 1] by the first VOI LUT, else the first window, and its name; None if there is neither."""
    source = functional(dataset, index, "FrameVOILUTSequence")
    if items := source.get("VOILUTSequence"):
        return _by_lut(values, items[0], dataset)
    center, width = _first(source.get("WindowCenter")), _first(source.get("WindowWidth"))
    if center is None or width is None:
        return None, ""
    function = str(source.get("VOILUTFunction") or "LINEAR").upper()
    window = f"center {center:g}, width {width:g}" + ("" if function == "LINEAR" else f" ({function.lower()})")
    if width < (1 if function == "LINEAR" else 1e-12):
        notes.append(f"the window ({window}) is no window: the full range is shown instead")
        return None, ""
    return _windowed(values, center, width, function), window


def _by_lut(values: np.ndarray, item: Dataset, dataset: Dataset) -> tuple[np.ndarray, str]:
    count, first, declared = (int(number) for number in item.LUTDescriptor)
    entries = _entries(item.LUTData, count or 2**16, dataset)
    if values.min() < 0 and first >= 1 << 15:  # read unsigned though the values are signed
        first -= 1 << 16
    shown = entries[np.clip(np.rint(values).astype(np.int64) - first, 0, len(entries) - 1)]
    # Some tables declare 16 bits and hold 12: over all 16 the picture would be nearly black.
    bits = used_bits(0, int(entries.max()), most=declared)
    return (shown / (2.0**bits - 1)).clip(0, 1), f"VOI LUT of {bits} bits"


def _windowed(values: np.ndarray, center: float, width: float, function: str) -> np.ndarray:
    """PS3.3 C.11.2.1.2 and C.11.2.1.3, with 0 and 1 as the ends of the output."""
    values = values.astype(np.float64)
    if function == "SIGMOID":
        return 1 / (1 + np.exp(np.clip(-4 * (values - center) / width, -700, 700)))  # exp overflows at 710
    if function == "LINEAR_EXACT":
        return np.clip((values - center) / width + 0.5, 0, 1)
    if width == 1:
        return (values > center - 0.5).astype(np.float64)
    return np.clip((values - (center - 0.5)) / (width - 1) + 0.5, 0, 1)


def _first(value: Any) -> float | None:
    """The first of several values."""
    if value is None or value == "" or (not isinstance(value, str | int | float) and not _length(value)):
        return None
    return float(value[0] if _length(value) else value)


def _length(value: Any) -> int:
    return len(value) if hasattr(value, "__len__") and not isinstance(value, str) else 0


def palette(stored: np.ndarray, dataset: Dataset, name: str) -> tuple[np.ndarray, int]:
    """Indices to RGB (H, W, 3), and the bits of its entries (PS3.3 C.7.6.3.1.5)."""
    if stored.ndim != 2:
        raise SuiteError(f"{name} has a palette and {stored.shape[2]} samples per pixel; export it anew.")
    if dataset.get("RedPaletteColorLookupTableData") is None:
        # pydicom counts in the entries' own type, so a long table of 8-bit entries would wrap around.
        if int(dataset.RedPaletteColorLookupTableDescriptor[2]) == 8 and int(stored.max()) > 255:
            raise SuiteError(f"{name} has a segmented palette longer than its entries can count; save it as RGB.")
        colours = pixels.apply_color_lut(stored, dataset)[..., :3]
        return colours, colours.dtype.itemsize * 8
    bands = [_table(dataset, band) for band in ("Red", "Green", "Blue")]
    first = _signed(dataset.RedPaletteColorLookupTableDescriptor[1], dataset)
    places = stored.astype(np.int64) - first
    colours = np.stack([table[np.clip(places, 0, len(table) - 1)] for table in bands], axis=-1)
    return colours, used_bits(0, max(int(table.max()) for table in bands), most=16)


def _table(dataset: Dataset, band: str) -> np.ndarray:
    count = int(dataset[f"{band}PaletteColorLookupTableDescriptor"].value[0]) or 2**16
    return _entries(dataset[f"{band}PaletteColorLookupTableData"].value, count, dataset)


def _entries(data: Any, count: int, dataset: Dataset) -> np.ndarray:
    """A table's entries; 8-bit ones may lie in a byte or in 16 bits each."""
    if not isinstance(data, bytes):
        return np.atleast_1d(np.asarray(data, np.int64)).astype(np.uint16)
    if len(data) >= 2 * count:
        order = "<" if dataset.original_encoding[1] is not False else ">"
        return np.frombuffer(data, f"{order}u2", count).astype(np.uint16)
    return np.frombuffer(data, np.uint8, min(count, len(data)))
