"""What stands between a demo's handlers and its page: a user's mistake is shown as it is, a bug in the console only."""

from __future__ import annotations

import functools
import html
import inspect
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gradio as gr

from suite.errors import SuiteError

BUG = "This is a fault of the application, not of what you gave it. The terminal it was started from says more."
_IMPORTING = threading.Lock()


def guard_handlers(blocks: gr.Blocks) -> None:
    """Makes every exception of the handlers in `blocks` a message on the page, and private ones unreachable by name.

    Of a bug the page does not show the text, which may hold paths of the server or another visitor's data.
    """
    for function in blocks.fns.values():
        if function.api_visibility == "private":  # Gradio only leaves it out of its list, and answers who knows it
            function.api_name = None
        if function.fn is not None:
            function.fn = error_boundary(function.fn)


def error_boundary(handler: Callable[..., Any]) -> Callable[..., Any]:
    """`handler`, plain, generator or async, with `SuiteError` and bugs raised as errors Gradio shows."""
    if inspect.isasyncgenfunction(handler):

        async def stream(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            with _shown():
                async for value in handler(*args, **kwargs):
                    yield value

        return functools.wraps(handler)(stream)
    if inspect.iscoroutinefunction(handler):

        async def wait(*args: Any, **kwargs: Any) -> Any:
            with _shown():
                return await handler(*args, **kwargs)

        return functools.wraps(handler)(wait)
    if inspect.isgeneratorfunction(handler):

        def walk(*args: Any, **kwargs: Any) -> Iterator[Any]:
            with _shown():
                yield from handler(*args, **kwargs)

        return functools.wraps(handler)(walk)

    def call(*args: Any, **kwargs: Any) -> Any:
        with _shown():
            return handler(*args, **kwargs)

    return functools.wraps(handler)(call)


@contextmanager
def _shown() -> Iterator[None]:
    _import_transformers()
    try:
        yield
    except gr.Error:
        raise
    except SuiteError as error:
        # Gradio shows a message as HTML, and a sentence may quote a file's content.
        raise gr.Error(html.escape(str(error), quote=False), print_exception=False) from error
    except Exception as error:
        raise gr.Error(BUG) from error


def _import_transformers() -> None:
    """In one thread, before any handler runs: what it replaces itself with is not what a second thread would get.

    A handler need not use it to stumble over that: datasets looks into it at each hash of rows.
    """
    with _IMPORTING:
        import transformers  # noqa: F401 - here, for a page is built without the seconds it takes
