"""The Demo tab: a picture, what the model makes of it, where it looked, and the file as it was stored.

Building the tab needs no model: that loads at the first question. A `SuiteError` of a handler becomes a message on the
page, because the app wraps every handler.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from suite import Prediction, Predictor, SuiteError

if TYPE_CHECKING:
    from suite_medical_imaging.domain import MedicalImagingDomain

WARNING = (
    "### Not for clinical use\nA tool for research and teaching. The example data are slices of one average brain, and "
    "their lesions are simulated."
)
SHOWN = 384  # pixels a side of the heat map: three screen pixels for each the starter sees


def build_demo(domain: MedicalImagingDomain, predictor: Predictor) -> None:
    """Upload a file, see probabilities, heat map and the panel of both views."""
    import gradio as gr

    def answer(path: str | None, place: float) -> tuple[dict[str, float], str, Any, Any, str]:
        if not path:
            raise SuiteError("Choose a picture first: DICOM, NIfTI, PNG, JPEG or TIFF.")
        return examined(domain, predictor, Path(path), -1 if place < 0 else int(place))

    gr.Markdown(WARNING)
    with gr.Row():
        with gr.Column():
            file = gr.File(label="DICOM, NIfTI, PNG, JPEG or TIFF", type="filepath")
            frame = gr.Number(-1, label="Frame or slice, -1 for the middle one", precision=0)
            ask = gr.Button("Examine", variant="primary")
        with gr.Column():
            label = gr.Label(label="Calibrated probability of each class", num_top_classes=8)
            told = gr.Markdown()
    with gr.Row():
        heat = gr.Image(label="Where the model looked", type="pil", interactive=False)
        both = gr.Image(label="As stored, and as the model sees it", type="pil", interactive=False)
    model = gr.Markdown()
    ask.click(answer, [file, frame], [label, told, heat, both, model])
    examples = pictures()
    if examples:
        gr.Examples([[str(path), -1] for path in examples], [file, frame], label="Examples")


def examined(
    domain: MedicalImagingDomain, predictor: Predictor, path: Path, frame: int
) -> tuple[dict[str, float], str, Image.Image, Image.Image, str]:
    """Probabilities, the answer in words, heat map over the picture, both views of the file, and which model it was."""
    from suite_medical_imaging.pixels import open_picture
    from suite_medical_imaging.preprocess import Decoded, square
    from suite_medical_imaging.views import panel

    model = predictor.model  # it must be there before its view is asked for
    picture = open_picture(path, frame=frame)
    decoded = Decoded(square(picture.values, domain.view.size, domain.view.fit), {})
    example = {"pixels": decoded.pixels, "facts": {}, "reference": None}
    prediction = predictor([example])[0]
    target = place_of(domain, prediction)
    return (
        prediction["probabilities"],
        words(prediction),
        overlaid(decoded.pixels, _heat(domain, model, example, target)),
        panel(picture),
        predictor.describe(),
    )


def words(prediction: Prediction) -> str:
    """The answer and what cannot be ruled out, as Markdown."""
    label = prediction["label"]
    said = label if isinstance(label, str) else ", ".join(label) or "none of the labels"
    sets = prediction.get("set")
    if sets is None or len(sets) == 1:
        doubt = ""
    elif sets:
        doubt = f"\n\n**For a human:** {' and '.join(sets)} cannot be ruled out."
    else:
        doubt = "\n\n**For a human:** it is like no class."
    return f"**{said}**, stated probability {prediction['confidence']:.1%}.{doubt}"


def place_of(domain: MedicalImagingDomain, prediction: Prediction) -> int:
    """The class a map is drawn for: of a binary task the positive one, else the most probable."""
    if domain.task.kind == "binary":
        return 1
    values = list(prediction["probabilities"].values())
    return values.index(max(values))


def overlaid(pixels: np.ndarray, heat: np.ndarray) -> Image.Image:
    """The picture (S, S, C) uint8 with heat (S, S) in [0, 1] laid over it in red, more opaque where it is hotter."""
    base = np.broadcast_to(pixels, (*pixels.shape[:2], 3)).astype(np.float32)
    share = 0.6 * heat[..., None]
    mixed = base * (1 - share) + np.array([255.0, 60.0, 0.0]) * share
    return Image.fromarray(mixed.round().astype(np.uint8)).resize((SHOWN, SHOWN), Image.Resampling.BICUBIC)


def pictures(count: int = 6) -> list[Path]:
    """Test pictures of the starter, if it has been fetched; a demo must not wait for a download."""
    from suite import cache_dir
    from suite_medical_imaging.starter import LESIONS

    folder = cache_dir() / "assets" / f"{LESIONS.name}@{LESIONS.revision}" / "images"
    return sorted(folder.glob("test-*.png"))[:count]


def _heat(domain: MedicalImagingDomain, model: Any, example: dict[str, Any], target: int) -> np.ndarray:
    from suite_medical_imaging.explain import heat_map

    pixels = domain.collate([example])["pixel_values"].to(next(model.parameters()).device)
    return heat_map(model, pixels, target, many=domain.task.many).numpy()
