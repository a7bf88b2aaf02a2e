"""The form in which visitors put an answer right, made from a domain's columns, and what stores it."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from suite.data.corrections import Corrections
from suite.demo.boxes import code, finished
from suite.demo.components import panel
from suite.demo.formats import counted
from suite.demo.markup import Content, Markup
from suite.errors import SuiteError
from suite.tables.columns import FILE_KINDS, Column
from suite.tables.structures import structure

if TYPE_CHECKING:
    from suite.inference.predictor import Predictor


class CorrectionForm:
    """Fields for the columns that are an answer, and the button that stores them; drawn inside an open Blocks.

    A text column gets a text box, a number a number box, a category one choice or several, a structure its JSON to be
    edited, which is refused where it has not the column's shape. The fields are empty until
    an answer is there: what a handler returns for `inputs` are the updates of `ask`. For a category whose values are
    known when the page is built, `verdicts` (what a button says, and the value it means) draws a button for each
    instead, and one click corrects.
    """

    box: gr.Group | gr.Row
    """Holds all of it; hidden until a handler shows it."""
    inputs: list[Any]
    """The components of the fields, in order; a category has two, of which one is visible."""
    buttons: list[gr.Button]
    """The one that stores, or one for each verdict."""

    def __init__(
        self,
        columns: Iterable[Column],
        names: Sequence[str],
        *,
        labels: Mapping[str, str] | None = None,
        choices: Mapping[str, Sequence[str]] | None = None,
        verdicts: Mapping[str, Any] | None = None,
        button: str = "Store the correction",
        elem_id: str = "correction",
        visible: bool = False,
    ) -> None:
        """Draws the form for those of `columns` that `names` lists.

        `labels` are what fields are called, by column; without one it is the column's summary. `choices` are the values
        of category columns, where they are known by now. `elem_id` begins the identifiers of the fields, such as
        "correction-label". Raises `KeyError` for a name that is no column, `ValueError` for
        a column of files, which nobody can type, and for verdicts about several columns.
        """
        known = {column.name: column for column in columns}
        self._columns = [known[name] for name in names]
        if verdicts is not None and len(self._columns) != 1:
            raise ValueError("verdicts are about one column")
        self._verdicts = verdicts
        self.inputs = []
        with gr.Group(visible=visible) if verdicts is None else gr.Row(visible=visible) as self.box:
            if verdicts is None:
                for column in self._columns:
                    words = (labels or {}).get(column.name, column.summary)
                    self.inputs += _field(column, words, (choices or {}).get(column.name, []), elem_id)
                self.buttons = [gr.Button(button)]
            else:
                stop = ["stop", *["secondary"] * (len(verdicts) - 1)]  # the first is the one that has consequences
                pairs = zip(verdicts, stop, strict=True)
                self.buttons = [gr.Button(words, variant=look, min_width=100) for words, look in pairs]  # type: ignore[arg-type]

    def ask(
        self,
        *,
        choices: Mapping[str, Sequence[str]] | None = None,
        several: Collection[str] = (),
        values: Mapping[str, Any] | None = None,
    ) -> list[Any]:
        """Updates of `inputs` for a new answer, in order; what is not given is empty. None for verdicts.

        `choices` are the values of category columns, of which `several` may be right at once; `values` stand in the
        fields, to be changed.
        """
        updates: list[Any] = []
        for column in self._columns if self.inputs else []:
            value = (values or {}).get(column.name)
            if column.kind == "category":
                names, many = list((choices or {}).get(column.name, [])), column.name in several
                updates.append(gr.Radio(choices=names, value=None if many else value, visible=not many))
                updates.append(gr.CheckboxGroup(choices=names, value=list(value or []) if many else [], visible=many))
            elif column.kind == "structure":
                updates.append(
                    gr.Code(value=None if value is None else json.dumps(value, indent=1, ensure_ascii=False))
                )
            else:
                updates.append((gr.Number if column.kind == "number" else gr.Textbox)(value=value))
        return updates

    def answer(self, *given: Any) -> dict[str, Any]:
        """What `inputs` hold, by column: text as it was written, a number, a name, a list of names, a structure.

        None where nothing is said, or only white space; an empty list of several names is something said. Raises
        `SuiteError` for a structure of another shape than its column's.
        """
        values = list(given)
        said: dict[str, Any] = {}
        for column in self._columns:
            if column.kind == "category":
                single, several = values.pop(0), values.pop(0)
                said[column.name] = several or single or None
            else:
                value = values.pop(0)
                said[column.name] = None if isinstance(value, str) and not value.strip() else value
                if column.kind == "structure" and said[column.name] is not None:
                    said[column.name] = structure(column, value)
        return said

    def on_store(
        self, handler: Callable[..., Any], inputs: Sequence[Any], outputs: Sequence[Any], **options: Any
    ) -> None:
        """Calls `handler(*values of inputs, answer)` at a click, `answer` as the method of that name gives it.

        `options` are those of a Gradio event, such as `show_progress`.
        """
        if self._verdicts is None:
            fields = len(self.inputs)

            def stored(*given: Any) -> Any:
                return handler(*given[: len(given) - fields], self.answer(*given[len(given) - fields :]))

            stored.__name__ = handler.__name__  # what Gradio calls it in its configuration
            self.buttons[0].click(stored, [*inputs, *self.inputs], list(outputs), **options)
            return
        for button, value in zip(self.buttons, self._verdicts.values(), strict=True):
            button.click(_verdict(handler, {self._columns[0].name: value}), list(inputs), list(outputs), **options)

    def follow(self, predictor: Predictor, answer: gr.Label, fields: Mapping[str, Any]) -> None:
        """The usual case, a category that `answer` shows: appears below an answer, and stores what is chosen.

        `fields` are the components that hold the row, by column; those of files give paths. The row is remembered when
        it is answered, whatever is typed afterwards. Draws the box that says what was stored.
        """
        (column,), asked, box = self._columns, gr.State({}), panel()
        files = [known.name for known in predictor.task.domain.columns if known.kind in FILE_KINDS]

        def ask(shares: dict[str, float] | None, *values: Any) -> list[Any]:
            row = dict(zip(fields, values, strict=True))
            return [row, gr.Group(visible=bool(shares)), *self.ask(choices={column.name: list(shares or {})}), ""]

        def keep(row: dict[str, Any], shares: dict[str, float], said: dict[str, Any]) -> Markup:
            if said[column.name] is None:
                raise SuiteError(f"Choose {column.summary} first.")
            count = store_correction(
                predictor,
                {name: value for name, value in row.items() if name not in files},
                source="demo",
                before={column.name: max(shares, key=lambda name: shares[name])},
                after=said,
                files={name: Path(row[name]) for name in files if row.get(name)},
            )
            return stored(predictor, f"Stored as {said[column.name]}.", count)

        private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        answer.change(ask, [answer, *fields.values()], [asked, self.box, *self.inputs, box], **private)
        self.on_store(keep, [asked, answer], [box], **private)


def store_correction(
    predictor: Predictor,
    row: Mapping[str, Any],
    *,
    source: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    files: Mapping[str, Path] | None = None,
) -> int:
    """Stores what somebody says of an answer and returns how many corrections there are.

    `row` has the domain's column names, `source` says where it came from, `before` and `after` are the columns that the
    answer is, as it was and as it should be; `files` are copied, see `suite.Corrections`. Raises `SuiteError` where
    nothing can be written.
    """
    domain = predictor.task.domain
    store = Corrections(domain.name, predictor.task.config.output)
    model = predictor.source or domain.starter.answering
    store.add(row, source=source, model=model, before=before, after=after, files=files)
    return len(store.read())


def stored(predictor: Predictor, headline: Content, count: int, *more: Content) -> Markup:
    """The box after a correction: what was stored, how many there are, `more`, and the command to learn from them."""
    command = code(f"suite {predictor.task.domain.name} train --data corrections:")
    return finished(headline, f"{counted(count, 'correction')} so far. ", *more, "Train with ", command)


def _field(column: Column, label: str, choices: Sequence[str], elem_id: str) -> list[Any]:
    """The components of one column."""
    name = f"{elem_id}-{column.name}"
    if column.kind in FILE_KINDS:
        raise ValueError(f"the column {column.name!r} is a file, which nobody can type")
    if column.kind == "category":
        return [
            gr.Radio(list(choices), label=label, elem_id=name),
            gr.CheckboxGroup(list(choices), label=label, visible=False),
        ]
    if column.kind == "structure":
        return [gr.Code(language="json", label=label, elem_id=name, max_lines=16)]
    if column.kind == "number":
        return [gr.Number(label=label, elem_id=name)]
    return [gr.Textbox(label=label, lines=2 if column.kind == "text" else 1, max_lines=8, elem_id=name)]


def _verdict(handler: Callable[..., Any], answer: dict[str, Any]) -> Callable[..., Any]:
    def said(*given: Any) -> Any:
        return handler(*given, answer)

    said.__name__ = handler.__name__
    return said
