"""What the Demo tab says of an answer. What comes from a file, a header or a label is text, which the kit escapes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from suite import Prediction
from suite.demo import (
    Bar,
    Content,
    Markup,
    banner,
    bars,
    card,
    code,
    facts,
    figure,
    figures,
    join,
    listed,
    notice,
    paragraph,
    percent,
    picture,
    tag,
    threshold_key,
    waiting,
)
from suite_medical_imaging.demo.views import COLD, HOT, OUTLINE, opacity

if TYPE_CHECKING:
    from PIL import Image

    from suite_medical_imaging.model.model import MedicalModel

WARNING = banner(
    tag("b", "Not for clinical use."),
    " A tool for research and teaching. The examples are slices of one average brain; their lesions are simulated.",
)
EXAMPLES = paragraph(tag("b", "Click a slice")) + paragraph(
    "From the starter's test split; the last one is a DICOM file of 12 bits.", tone="quiet"
)
NO_EXAMPLES = paragraph(
    "There are no example slices yet: ",
    code("suite fetch medical-imaging"),
    " makes them. A file of your own can be examined without.",
    tone="quiet",
)
WELCOME = waiting(
    "The answer appears here",
    "Click one of the slices, or give a file of your own: DICOM, NIfTI, PNG, JPEG or TIFF. "
    "What a slice shows is told after you asked.",
)


def answer_card(model: MedicalModel, prediction: Prediction, truth: Content = "") -> Markup:
    """What is called and why, a bar per class, what cannot be ruled out; `truth` is what `truth_line` says."""
    return card(
        paragraph(listed(_called(prediction)) or "None of the labels", large=True),
        paragraph(_why(model, prediction), tone="quiet"),
        _bars(model, prediction),
        tag("small", _calibration(model)),
        _left(model, prediction),
        truth,
    )


def _called(prediction: Prediction) -> list[str]:
    label = prediction["label"]
    return [label] if isinstance(label, str) else list(label)


def thresholds(model: MedicalModel) -> dict[str, float]:
    """The probability from which a class is called, for those that are called so: not where the most probable is."""
    task, values = model.task, model.calibration.threshold
    asked = [1] if task.kind == "binary" else range(len(task.classes)) if task.many else []
    return {task.classes[place]: values(place) for place in asked}


def _why(model: MedicalModel, prediction: Prediction) -> str:
    limits, values = thresholds(model), prediction["probabilities"]
    if model.task.many:
        return "A label is called when its probability reaches its own threshold."
    if not limits:
        return f"The most probable of {len(values)} classes, {percent(prediction['confidence'], 1)}."
    (name, limit), *_ = limits.items()
    verb = "reaches" if prediction["label"] == name else "stays under"
    return f"The probability of {name}, {percent(values[name], 1)}, {verb} the threshold of {percent(limit, 1)}."


def _bars(model: MedicalModel, prediction: Prediction) -> Markup:
    limits, called = thresholds(model), _called(prediction)
    ranked = sorted(prediction["probabilities"].items(), key=lambda pair: -pair[1])
    return bars([Bar(name, value, limits.get(name), name in called) for name, value in ranked])


def _calibration(model: MedicalModel) -> Markup:
    if not model.calibration.thresholds:
        return join(
            [
                tag("b", "Not calibrated"),
                ": this model was not fine-tuned. ",
                code("suite medical-imaging train"),
                " does both.",
            ]
        )
    key = threshold_key() + " is the threshold. " if thresholds(model) else ""
    temperature = f"temperature {model.calibration.temperature:.2f}"
    said = f"Calibrated on the validation pictures ({temperature}); it holds for pictures like those only."
    return join([key, said])


def _left(model: MedicalModel, prediction: Prediction) -> Content:
    """The conformal set in words: one class that is the one called, or a human's turn."""
    if "set" not in prediction or not model.calibration.cutoffs:
        return ""
    kept, at = prediction["set"], f"at {100 * model.config.coverage:g}\N{NARROW NO-BREAK SPACE}% coverage"
    if kept == [prediction["label"]]:
        return notice("Nothing but ", tag("b", kept[0]), f" is left {at}.")
    if not kept:
        sentence = f"it is like none of the classes {at}."
    elif len(kept) == 1:
        sentence = f"{prediction['label']} is called, yet nothing but {kept[0]} is left {at}."
    else:
        sentence = f"{listed(kept)} cannot be ruled out {at}."
    return notice(tag("b", "Left to a human:"), f" {sentence}", tone="warn")


def truth_line(label: str, *, agrees: bool | None, inside: bool | None) -> Markup:
    """What is known of an example: its class, whether the call agrees, whether the heat peaks in the lesion."""
    verdict = {True: ": the call is right", False: ": the call is wrong", None: ""}[agrees]
    where: dict[bool | None, Content] = {
        True: " The heat's peak lies inside it.",
        False: join([" The heat's peak lies ", tag("b", "outside"), " of it."]),
        None: "",
    }
    simulated = " (simulated)" if label == "lesion" else ""
    tone: Any = "warn" if agrees is False else "accent"
    return notice(tag("b", f"Truth: {label}"), f"{simulated}{verdict}.", where[inside], tone=tone)


def views_card(images: Mapping[str, Image.Image], heat: str, known: Mapping[str, Any], *, outlined: bool) -> Markup:
    """The three pictures (under stored, seen and looked) and the facts of the file.

    `heat` is the class that the map speaks for, empty where nothing does.
    """
    looked: list[Content] = ["Nothing in it speaks for the class that was asked for."]
    if heat:
        looked = ["What speaks for ", tag("b", heat), "; the ring is its peak."]
    looked.append(tag("span", "little", tag("i", style=f"background:{_ramp()}"), "most", class_="med-ramp"))
    if outlined:
        line = tag("span", class_="med-line", style=f"border-color:{_rgb(OUTLINE)}")
        looked.append(line + "outline of the simulated lesion")
    shown = (
        ("stored", "As stored", "The file's numbers, from the least to the greatest."),
        ("seen", "As the model sees it", _seen(known)),
        ("looked", "Where the model looked", join(looked)),
    )
    views = [
        figure(picture(images[key], title, ground="black"), caption=join([tag("b", title), tag("br"), caption]))
        for key, title, caption in shown
    ]
    doubts = notice(tag("b", "Doubtful:"), f" {known['notes']}", tone="warn") if "notes" in known else ""
    others = {name: value for name, value in known.items() if name != "notes"}
    return card(figures(views, columns=3), facts(others), doubts)


def _seen(known: Mapping[str, Any]) -> str:
    """What lies between the first two pictures, in a line."""
    window = str(known.get("window", "as it is"))
    return f"Window: {window}{', inverted' if 'inverted' in known else ''}. Square, {known['model sees']}."


def keeping(folder: str) -> Markup:
    """What is to be read before a correction is stored: where the picture goes."""
    return paragraph(
        tag("b", "The picture is copied"),
        " into ",
        code(folder),
        " on the machine that runs this app, its header included, and stays there. Store no picture of a patient "
        "without the right to; ",
        code("suite medical-imaging deidentify"),
        " cleans files first.",
    )


def _ramp() -> str:
    """The colours of the heat from none to most, on the grey that most pictures have where it matters."""
    return f"linear-gradient(to right, {', '.join(_heat(step / 6) for step in range(7))}), #3f3f46"


def _rgb(colour: tuple[int, int, int], alpha: float = 1.0) -> str:
    return f"rgb({' '.join(map(str, colour))} / {alpha:.3g})"


def _heat(share: float) -> str:
    """The colour that `views.overlaid` gives to a heat from 0 to 1."""
    red, green, blue = (round(cold + (hot - cold) * share) for cold, hot in zip(COLD, HOT, strict=True))
    return _rgb((red, green, blue), float(opacity(share)))
