"""What plugins offer: who offers it, and what is imported when somebody uses it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pkgutil import resolve_name
from typing import Any

import click

from suite.domain.description import Domain
from suite.errors import SuiteError
from suite.plugins.hookspecs import Entry
from suite.plugins.imports import contained, describe, strict


@dataclass
class PluginInfo:
    """One plugin: where it comes from, which hooks it implements, and what is wrong with it, if anything."""

    name: str
    distribution: str
    version: str
    hooks: list[str] = field(default_factory=list)
    error: str | None = None
    notes: list[str] = field(default_factory=list)
    """What is not wrong and should be known."""
    enabled: bool = True
    """False where the user has switched it off: then nothing of it is imported."""
    place: str = ""
    """The file it was imported from."""
    seconds: float = 0.0
    """What importing it took."""

    def blame(self, reason: str) -> None:
        """Adds to what is wrong."""
        reasons = self.error.split("; and ") if self.error else []
        if reason not in reasons:
            self.error = "; and ".join([*reasons, reason])

    @property
    def about(self) -> str:
        """What a list says of it in one line: what is wrong, else that it is switched off, else what it offers."""
        if not self.enabled:
            return f"switched off; suite plugins enable {self.name}"
        offers = ", ".join(hook.removeprefix("suite_") for hook in self.hooks)
        return "; ".join([self.error or offers, *self.notes])


@dataclass(frozen=True)
class Offer:
    """An entry and the plugin it comes from."""

    entry: Entry
    plugin: PluginInfo

    def load(self) -> Any:
        """Imports the target. Raises `SuiteError` naming the plugin when that fails."""
        try:
            with contained():
                return resolve_name(self.entry.target)
        except SuiteError:
            raise
        except Exception as error:
            if strict():
                raise
            raise SuiteError(
                f"{self.entry.name!r} of the plugin {self.plugin.name} ({self.plugin.distribution} "
                f"{self.plugin.version}) cannot be loaded: {describe(error)}. 'suite doctor' says what may mend it."
            ) from error

    def of_kind(self, kind: type | None, target: Any, advice: str) -> Any:
        """`target`, if it is a `kind`, or can be called where that is None. Raises `SuiteError` for anything else."""
        if isinstance(target, kind) if kind else callable(target):
            return target
        wanted = kind.__name__.lower() if kind else "function"
        raise SuiteError(
            f"{self.entry.target} of the plugin {self.plugin.name} is no {wanted} but a {type(target).__name__}; "
            f"let its entry name {advice}."
        )


class DomainOffer(Offer):
    """An entry of `suite_domains`: what it names is a `Domain` of its name."""

    def load(self) -> Domain:
        """Imports the description. Raises `SuiteError` where it fails, or the plugin names something else."""
        domain: Domain = self.of_kind(Domain, super().load(), "a suite.Domain(name=…, …)")
        if domain.name != self.entry.name:
            raise SuiteError(
                f"The domain {self.entry.name!r} calls itself {domain.name!r}; its plugin must use one name."
            )
        return domain


class CommandOffer(Offer):
    """An entry of `suite_commands`: what it names is a `click.Command`."""

    def load(self) -> click.Command:
        """Imports the command. Raises `SuiteError` where it fails, or the plugin names something else."""
        command: click.Command = self.of_kind(click.Command, super().load(), "a function marked @click.command()")
        return command


class FunctionOffer(Offer):
    """An entry of `suite_sources` or `suite_pages`: what it names can be called."""

    def load(self) -> Any:
        """Imports the function. Raises `SuiteError` where it fails, or the plugin names something else."""
        return self.of_kind(None, super().load(), "a function")


KINDS: dict[str, type[Offer]] = {
    "suite_domains": DomainOffer,
    "suite_commands": CommandOffer,
    "suite_sources": FunctionOffer,
    "suite_pages": FunctionOffer,
}
"""What is made of the entries of a hook; of those of any other, an `Offer`."""
