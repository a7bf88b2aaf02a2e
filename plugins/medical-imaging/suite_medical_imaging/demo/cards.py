"""HTML of the Demo tab. Whatever comes from a file, a header or a label is escaped here."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from suite import Prediction
from suite_medical_imaging.demo.views import COLD, HOT, OUTLINE, opacity

if TYPE_CHECKING:
    from suite_medical_imaging.domain import MedicalImagingDomain

NARROW = "\N{NARROW NO-BREAK SPACE}"
"""Before a percent sign, which must not begin a line."""
BARS = 8
"""Classes with a bar; what is less probable is counted only."""


def _rgb(colour: tuple[int, int, int], alpha: float = 1.0) -> str:
    return f"rgb({' '.join(map(str, colour))} / {alpha:.3g})"


def _heat(share: float) -> str:
    """The colour that `views.overlaid` gives to a heat from 0 to 1."""
    red, green, blue = (round(cold + (hot - cold) * share) for cold, hot in zip(COLD, HOT, strict=True))
    return _rgb((red, green, blue), float(opacity(share)))


STYLE = f"""<style>
/* Gradio's container hides what overflows, which makes it what a sticky box would stick to; clipping does not. */
.gradio-container:has(#medical-warning) {{ overflow: clip !important; }}
#medical-warning {{ position: sticky; top: 0; z-index: 30; overflow: visible; }}
.med-warning {{ border: 1px solid #d9a441; border-radius: 0.75rem; padding: 0.6rem 1rem; line-height: 1.45;
  background: #fdf6e3; color: #5c4308; }}
.med-warning b {{ color: inherit; font-weight: 700; }}
.dark .med-warning {{ background: #2c2412; color: #f2dca6; border-color: #8a6a22; }}
.med-card {{ border: 1px solid var(--border-color-primary); border-radius: 1rem; padding: 1.25rem 1.5rem;
  background: var(--block-background-fill); color: var(--body-text-color); container-type: inline-size; }}
.med-card p {{ margin: 0; line-height: 1.5; }}
.med-card :is(small, figcaption, dt, .med-quiet) {{ color: var(--body-text-color-subdued); }}
.med-card b {{ font-weight: 700; color: inherit; }}
.med-card small {{ display: block; font-size: 0.85rem; line-height: 1.5; }}
.med-call {{ font-size: 1.6rem; font-weight: 700; line-height: 1.25; overflow-wrap: anywhere; }}
.med-bars {{ display: grid; gap: 0.55rem; margin: 1.1rem 0 0.5rem; }}
.med-bar {{ display: grid; grid-template-columns: minmax(4rem, 9rem) 1fr 4.5rem; gap: 0.75rem; align-items: center; }}
.med-bar span:first-child {{ overflow-wrap: anywhere; line-height: 1.25; }}
.med-bar span:last-child {{ text-align: right; font-variant-numeric: tabular-nums; }}
.med-track {{ position: relative; height: 0.9rem; border-radius: 0.45rem; background: var(--border-color-primary); }}
.med-track i {{ display: block; height: 100%; border-radius: 0.45rem; background: var(--neutral-400); }}
.med-called .med-track i {{ background: var(--color-accent); }}
.med-called span {{ font-weight: 700; }}
.med-track u, .med-key u {{ position: absolute; top: -0.25rem; bottom: -0.25rem; width: 3px; margin-left: -1.5px;
  background: var(--body-text-color); border-radius: 1px; outline: 1px solid var(--block-background-fill); }}
.med-key {{ position: relative; display: inline-block; width: 0.8rem; height: 0.7rem; }}
.med-key u {{ left: 50%; }}
.med-said {{ margin-top: 1rem !important; padding: 0.75rem 1rem; border-radius: 0.6rem; line-height: 1.5;
  background: var(--background-fill-secondary); border-left: 4px solid var(--color-accent); }}
.med-human {{ border-left-color: #d97706; }}
.med-views {{ display: grid; gap: 1.25rem; grid-template-columns: repeat(3, minmax(0, 1fr)); }}
.med-views figure {{ margin: 0; }}
.med-views img {{ display: block; width: 100%; aspect-ratio: 1; object-fit: contain; background: black; margin: 0;
  border-radius: 0.6rem; }}
.med-views figcaption {{ margin-top: 0.6rem; line-height: 1.45; font-size: 0.9rem; }}
.med-views figcaption b {{ color: var(--body-text-color); }}
.med-views figcaption > b:first-child {{ display: block; font-size: 1rem; }}
.med-ramp {{ display: flex; align-items: center; gap: 0.5rem; margin-top: 0.4rem; }}
.med-ramp i {{ flex: 1; height: 0.6rem; border-radius: 0.3rem; max-width: 9rem;
  background: linear-gradient(to right, {", ".join(_heat(step / 6) for step in range(7))}), #3f3f46; }}
.med-line {{ display: inline-block; width: 1.1rem; height: 0; border-top: 3px solid {_rgb(OUTLINE)};
  vertical-align: middle; margin-right: 0.35rem; }}
.med-facts {{ display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 0 2rem;
  margin: 1.5rem 0 0 !important; font-size: 0.95rem; }}
.med-facts div {{ display: grid; grid-template-columns: 10rem 1fr; gap: 0.75rem; padding: 0.4rem 0;
  border-top: 1px solid var(--border-color-primary); }}
.med-facts :is(dt, dd) {{ margin: 0; line-height: 1.45; overflow-wrap: anywhere; }}
#medical-examples .grid-wrap {{ padding: 0.75rem; max-height: none; min-height: 0; height: auto !important; }}
#medical-examples .grid-container {{ grid-template-columns: repeat(4, minmax(0, 1fr)); padding: 0; }}
#medical-examples .thumbnail-item {{ width: 100%; height: auto; aspect-ratio: 1; }}
#medical-examples .caption-label {{ font-size: 0.75rem; padding: 0 0.35rem; inset: auto auto 0.3rem 0.3rem; }}
.med-shelf {{ margin: 0; font-weight: 700; color: var(--block-title-text-color); }}
.med-shelf small {{ display: block; font-weight: 400; font-size: 0.85rem; color: var(--body-text-color-subdued); }}
.med-note {{ margin-top: 1rem !important; }}
.med-stored code {{ overflow-wrap: anywhere; }}
@container (max-width: 46rem) {{ .med-facts {{ grid-template-columns: 1fr; }} }}
@container (max-width: 34rem) {{
  .med-views {{ grid-template-columns: 1fr; }}
  .med-bar {{ grid-template-columns: 1fr 4.5rem; gap: 0.15rem 0.75rem; }}
  .med-bar .med-track {{ grid-column: 1 / -1; grid-row: 2; }}
  .med-facts div {{ grid-template-columns: 8rem 1fr; }}
}}
@media (max-width: 640px) {{
  .med-card {{ padding: 1rem 1.1rem; }}
  .med-warning {{ padding: 0.45rem 0.75rem; font-size: 0.85rem; }}
}}
</style>"""
WARNING = (
    "<div class='med-warning' role='note'><b>Not for clinical use.</b> A tool for research and teaching. "
    "The examples are slices of one average brain; their lesions are simulated.</div>"
)
EXAMPLES = (
    "<p class='med-shelf'>Click a slice<small>From the starter's test split; the last one is a DICOM "
    "file of 12 bits.</small></p>"
)
NO_EXAMPLES = (
    "<p class='med-quiet'>There are no example slices yet: <code>suite fetch medical-imaging</code> makes them. "
    "A file of your own can be examined without.</p>"
)


WELCOME = (
    "<div class='suite-waiting'><b>The answer appears here</b><p>Click one of the slices, or give a file of your "
    "own: DICOM, NIfTI, PNG, JPEG or TIFF. What a slice shows is told after you asked.</p></div>"
)
"""HTML before the first answer."""


def percent(share: float) -> str:
    """A probability as the page writes it, such as "43.1 %"; never a certainty."""
    told = "> 99.9" if share > 0.999 else "< 0.1" if share < 0.001 else f"{100 * share:.1f}"
    return f"{told}{NARROW}%"


def listed(names: Sequence[str], last: str = "and") -> str:
    """Names in a row: "a, b and c"."""
    return f" {last} ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def answer_card(domain: MedicalImagingDomain, prediction: Prediction, truth: str = "") -> str:
    """HTML: what is called and why, a bar per class, what cannot be ruled out; `truth` is the HTML of `truth_line`."""
    names = _called(prediction)
    call = html.escape(listed(names)) or "None of the labels"
    return (
        f"<div class='med-card'><p class='med-call'>{call}</p><p class='med-quiet'>{_why(domain, prediction)}</p>"
        f"<div class='med-bars'>{_bars(domain, prediction)}</div><small>{_calibration(domain)}</small>"
        f"{_left(domain, prediction)}{truth}</div>"
    )


def _called(prediction: Prediction) -> list[str]:
    label = prediction["label"]
    return [label] if isinstance(label, str) else list(label)


def thresholds(domain: MedicalImagingDomain) -> dict[str, float]:
    """The probability from which a class is called, for those that are called so: not where the most probable is."""
    task, values = domain.task, domain.calibration.threshold
    asked = [1] if task.kind == "binary" else range(len(task.classes)) if task.many else []
    return {task.classes[place]: values(place) for place in asked}


def _why(domain: MedicalImagingDomain, prediction: Prediction) -> str:
    limits, values = thresholds(domain), prediction["probabilities"]
    if domain.task.many:
        return "A label is called when its probability reaches its own threshold."
    if not limits:
        return f"The most probable of {len(values)} classes, {percent(prediction['confidence'])}."
    (name, limit), *_ = limits.items()
    verb = "reaches" if prediction["label"] == name else "stays under"
    value = percent(values[name])
    return f"The probability of {html.escape(name)}, {value}, {verb} the threshold of {percent(limit)}."


def _bars(domain: MedicalImagingDomain, prediction: Prediction) -> str:
    limits, called = thresholds(domain), _called(prediction)
    ranked = sorted(prediction["probabilities"].items(), key=lambda pair: -pair[1])
    bars = "".join(_bar(name, value, limits.get(name), called=name in called) for name, value in ranked[:BARS])
    more = len(ranked) - BARS
    return bars + (f"<small>and {more} less probable</small>" if more > 0 else "")


def _bar(name: str, value: float, limit: float | None, *, called: bool) -> str:
    tick = "" if limit is None else f"<u style='left:{100 * limit:.1f}%' title='threshold {percent(limit)}'></u>"
    return (
        f"<div class='med-bar{' med-called' if called else ''}'><span>{html.escape(name)}</span>"
        f"<span class='med-track'><i style='width:{100 * value:.1f}%'></i>{tick}</span>"
        f"<span>{percent(value)}</span></div>"
    )


def _calibration(domain: MedicalImagingDomain) -> str:
    if not domain.calibration.thresholds:
        return (
            "<b>Not calibrated</b>: this model was not fine-tuned. <code>suite medical-imaging train</code> does both."
        )
    marked = "<span class='med-key'><u></u></span> is the threshold. " if thresholds(domain) else ""
    temperature = f"temperature {domain.calibration.temperature:.2f}"
    return f"{marked}Calibrated on the validation pictures ({temperature}); it holds for pictures like those only."


def _left(domain: MedicalImagingDomain, prediction: Prediction) -> str:
    """The conformal set in words: one class that is the one called, or a human's turn."""
    if "set" not in prediction or not domain.calibration.cutoffs:
        return ""
    kept, at = (
        [html.escape(name) for name in prediction["set"]],
        f"at {100 * domain.config.coverage:g}{NARROW}% coverage",
    )
    if prediction["set"] == [prediction["label"]]:
        return f"<p class='med-said'>Nothing but <b>{kept[0]}</b> is left {at}.</p>"
    if not kept:
        told = f"it is like none of the classes {at}."
    elif len(kept) == 1:
        told = f"{html.escape(prediction['label'])} is called, yet nothing but {kept[0]} is left {at}."
    else:
        told = f"{listed(kept)} cannot be ruled out {at}."
    return f"<p class='med-said med-human'><b>Left to a human:</b> {told}</p>"


def truth_line(label: str, *, agrees: bool | None, inside: bool | None) -> str:
    """HTML of what is known of an example: its class, whether the call agrees, whether the heat peaks in the lesion."""
    verdict = {True: ": the call is right", False: ": the call is wrong", None: ""}[agrees]
    where = {
        True: " The heat's peak lies inside it.",
        False: " The heat's peak lies <b>outside</b> of it.",
        None: "",
    }[inside]
    simulated = " (simulated)" if label == "lesion" else ""
    wrong = " med-human" if agrees is False else ""
    return f"<p class='med-said{wrong}'><b>Truth: {html.escape(label)}</b>{simulated}{verdict}.{where}</p>"


def views_card(images: Mapping[str, str], heat: str, facts: Mapping[str, Any], *, outlined: bool) -> str:
    """HTML of the three pictures (data addresses under stored, seen and looked) and of the file's facts.

    `heat` is the class that the map speaks for, empty where nothing does.
    """
    told = f"What speaks for <b>{html.escape(heat)}</b>; the ring is its peak."
    told = told if heat else "Nothing in it speaks for the class that was asked for."
    ramp = "<span class='med-ramp'>little<i></i>most</span>"
    outline = "<span class='med-line'></span>outline of the simulated lesion" if outlined else ""
    figures = (
        ("stored", "As stored", "The file's numbers, from the least to the greatest."),
        ("seen", "As the model sees it", html.escape(_shown(facts))),
        ("looked", "Where the model looked", f"{told}{ramp}{outline}"),
    )
    body = "".join(
        f"<figure><img src='{images[key]}' alt='{title}'><figcaption><b>{title}</b>{caption}</figcaption></figure>"
        for key, title, caption in figures
    )
    return f"<div class='med-card'><div class='med-views'>{body}</div>{_facts(facts)}</div>"


def _shown(facts: Mapping[str, Any]) -> str:
    """What lies between the first two pictures, in a line."""
    window = str(facts.get("window", "as it is"))
    return f"Window: {window}{', inverted' if 'inverted' in facts else ''}. Square, {facts['model sees']}."


def _facts(facts: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<div><dt>{html.escape(str(name))}</dt><dd>{html.escape(str(value))}</dd></div>"
        for name, value in facts.items()
        if name != "notes"
    )
    notes = f"<p class='med-note'><b>Doubtful:</b> {html.escape(str(facts['notes']))}</p>" if "notes" in facts else ""
    return f"<dl class='med-facts'>{rows}</dl>{notes}"


def keeping(folder: str) -> str:
    """HTML to be read before a correction is stored: where the picture goes."""
    return (
        f"<p><b>The picture is copied</b> into <code>{html.escape(folder)}</code> on the machine that runs this app, "
        "its header included, and stays there. Store no picture of a patient without the right to; "
        "<code>suite medical-imaging deidentify</code> cleans files first.</p>"
    )


def stored_card(count: int, label: str) -> str:
    """HTML after a correction was stored."""
    said, word = html.escape(label) or "none of the labels", "correction" if count == 1 else "corrections"
    return (
        f"<div class='med-card med-stored' role='status'><p><b>Stored as {said}.</b> {count} {word} so far. Train with "
        "<code>suite medical-imaging train --data corrections:</code></p></div>"
    )
