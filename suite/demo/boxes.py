"""Boxes: a card, what stands where an answer will be, an error, an end, a warning, a heading above a list."""

from __future__ import annotations

from suite.demo.markup import Content, Markup, Tone, css, join, tag, toned


def card(*content: Content, title: Content = "", foot: Content = "", tone: Tone = "") -> Markup:
    """A framed box. `title` stands above, `foot` below a line; a tone colours the frame."""
    head = tag("h3", title) if title else ""
    below = tag("div", foot, class_="kit-foot") if foot else ""
    return tag("div", head, *content, below, class_=css("kit-card", toned(tone)))


def paragraph(*content: Content, large: bool = False, tone: Tone = "") -> Markup:
    """Text of its own; large for the first thing to read in a card, quiet for what explains it."""
    return tag("p", *content, class_=css("kit-large" if large else "", toned(tone)))


def waiting(headline: Content, hint: Content = "", note: Content = "") -> Markup:
    """Where an answer will be: what appears here, what to do for it, and a small note below."""
    small = tag("p", tag("small", note)) if note else ""
    return tag("div", tag("b", headline), tag("p", hint) if hint else "", small, class_="kit-waiting")


def failed(headline: Content, *content: Content) -> Markup:
    """What went wrong, read aloud by screen readers at once; text is set as paragraphs, HTML stays as it is."""
    paragraphs = join(part if isinstance(part, Markup) else tag("p", part) for part in content)
    return tag("div", tag("strong", headline), paragraphs, class_="kit-banner", role="alert")


def finished(headline: Content, *content: Content) -> Markup:
    """What was done, read aloud by screen readers when they are free."""
    return tag("div", tag("b", headline), join([" ", *content]) if content else "", class_="kit-card", role="status")


def banner(*content: Content) -> Markup:
    """What must be read before anything else."""
    return tag("div", *content, class_="kit-banner", role="note")


def notice(*content: Content, tone: Tone = "accent") -> Markup:
    """A sentence that stands out inside a card."""
    return tag("p", *content, class_=css("kit-notice", toned(tone)))


def heading(title: Content, *notes: Content, live: bool = False) -> Markup:
    """A line above a list: what it is, and notes at the other end. `live` reads its changes aloud."""
    quiet = join(tag("span", note, class_="kit-quiet") for note in notes if note)
    return tag("div", tag("span", title), quiet, class_="kit-heading", role="status" if live else None)


def tinted(text: Content, tone: Tone) -> Markup:
    """Words in the colour of a tone."""
    return tag("span", text, class_=css("kit-tint", toned(tone)))


def code(text: Content, *, block: bool = False) -> Markup:
    """Something to type; as a block a click selects all of it."""
    return tag("code", text, class_="kit-command" if block else None)


def more(summary: Content, *content: Content) -> Markup:
    """What is read by those who open it."""
    return tag("details", tag("summary", summary), *content, class_="kit-quiet")
