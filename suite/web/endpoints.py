"""What a program may send: a public endpoint's arguments are checked by the types its handler declares.

Gradio takes what it gets: a text where a list of titles is wanted would be read letter by letter, and a list where a
text is wanted as Python writes it, both answered with status 200.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import Any, Literal, get_args, get_origin, get_type_hints

import gradio as gr
from gradio.block_function import BlockFunction
from pydantic import TypeAdapter, ValidationError

from suite.errors import SuiteError

WORDS = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    dict: "an object",
    list: "a list",
    type(None): "null",
}


class App(gr.Blocks):
    """Blocks that look at what a public endpoint is sent before any component makes something else of it."""

    async def preprocess_data(
        self, block_fn: BlockFunction, inputs: list[Any], state: Any, explicit_call: bool = False
    ) -> list[Any]:
        """Raises `gradio.Error` for arguments that are not what the handler takes."""
        if block_fn.api_visibility == "public" and block_fn.fn is not None:
            try:
                check_arguments(block_fn, inputs)
            except SuiteError as error:
                raise gr.Error(str(error), print_exception=False) from None
        processed: list[Any] = await super().preprocess_data(block_fn, inputs, state, explicit_call)
        return processed


def check_arguments(endpoint: BlockFunction, given: Sequence[Any]) -> None:
    """Raises `SuiteError` for too few or too many arguments, and for the first of a wrong type.

    What a component reads in its own form, such as an uploaded file, and what it keeps itself are left to it.
    """
    names = list(parameters(endpoint))
    if len(given) != len(names):
        wanted = ", ".join(name for name, _, _ in names)
        raise SuiteError(f"{endpoint.api_name} takes {len(names)} arguments ({wanted}); {len(given)} were given.")
    for (name, hint, component), value in zip(names, given, strict=True):
        if component.stateful or getattr(component, "data_model", None) or hint is None:
            continue
        try:
            TypeAdapter(hint).validate_python(value, strict=True)
        except ValidationError:
            raise SuiteError(
                f"{endpoint.api_name}: {name} must be {described(hint)}; {str(value)[:60]!r} is {_kind(value)}."
            ) from None


def described(hint: Any) -> str:
    """A type in words.

    >>> described(list[str] | None)
    'a list, each a text, or null'
    """
    origin, parts = get_origin(hint), get_args(hint)
    if origin is list:
        return f"a list, each {described(parts[0])}"
    if origin is dict:
        return WORDS[dict]
    if origin is Literal:
        return f"one of {', '.join(map(repr, parts))}"
    if parts:
        return " or ".join(described(part) for part in parts).replace(" or null", ", or null")
    return WORDS.get(hint, str(hint))


def _kind(value: Any) -> str:
    return WORDS.get(type(value), type(value).__name__)


def parameters(endpoint: BlockFunction) -> Iterator[tuple[str, Any, Any]]:
    """Name, type (None where the handler declares none) and component of each argument."""
    assert endpoint.fn is not None
    handler = inspect.unwrap(endpoint.fn)  # `error_boundary` stands in front
    hints = get_type_hints(handler)
    declared = inspect.signature(handler).parameters.values()
    single = [parameter.name for parameter in declared if parameter.kind is not parameter.VAR_POSITIONAL]
    rest = [parameter.name for parameter in declared if parameter.kind is parameter.VAR_POSITIONAL]
    names = single + rest * (len(endpoint.inputs) - len(single))
    for name, component in zip(names, endpoint.inputs, strict=False):
        yield name, hints.get(name), component
