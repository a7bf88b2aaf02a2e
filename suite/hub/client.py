"""Asks the hub for a user who is logged in: what it refuses is one sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version

import huggingface_hub
from huggingface_hub import HfApi, errors

from suite.assets import resolve as assets
from suite.console import warn
from suite.domain.description import Domain
from suite.errors import SuiteError
from suite.plugins.builtin import DISTRIBUTION


def api() -> HfApi:
    """The hub for a user who is logged in. Raises `SuiteError` when offline, without a token, or out of reach."""
    if assets.hub_refused():
        raise SuiteError("The hub is not asked when offline: leave out --offline, SUITE_OFFLINE and HF_HUB_OFFLINE.")
    if not huggingface_hub.get_token():
        raise SuiteError("You are not logged in to the hub: run 'hf auth login', or set HF_TOKEN to a write token.")
    if not assets.hub_reachable():
        raise SuiteError("The hub cannot be reached; look at the network, at HF_ENDPOINT, or try again later.")
    return HfApi(library_name="suite", library_version=version(DISTRIBUTION))


def user(hub: HfApi) -> str:
    """The name of whoever is logged in. Raises `SuiteError` for a token the hub does not know."""
    with hub_errors("say who you are"):
        return str(hub.whoami()["name"])


def full_name(hub: HfApi, given: str, default: str) -> str:
    """`owner/name` from what the user gave: that, a name alone (the user's own), or "" for `default`.

    Raises `SuiteError` for what is no name of a repository.
    """
    name = given or re.sub(r"[^\w.-]+", "-", default).strip("-.")[:96]  # the hub's longest name
    name = name if "/" in name else f"{user(hub)}/{name}"
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]{0,95}", name) or re.search(r"--|\.\.", name):
        raise SuiteError(f"{given!r} is no name on the hub; give --to owner/name of letters, digits, '-', '_' and '.'.")
    return name


@contextmanager
def hub_errors(doing: str) -> Iterator[None]:
    """Turns what the hub, or the line to it, raises inside into one sentence: "The hub would not `doing`: …"."""
    try:
        yield
    except errors.GatedRepoError:
        raise SuiteError(
            f"The hub would not {doing}: it is gated; accept its terms on its page, then try again."
        ) from None
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        raise SuiteError(f"The hub would not {doing}: {_reason(status, error.server_message)}.") from None
    except assets.http_errors(RuntimeError) as error:
        raise SuiteError(
            f"The line to the hub broke ({type(error).__name__}) before it could {doing}; run the same command again, "
            "what has arrived is not sent twice."
        ) from None
    except ValueError as error:
        # the library has a class of its own for a name that can be none, and none for a card the hub objects to
        if not (isinstance(error, errors.HFValidationError) or str(error).startswith("Invalid metadata")):
            raise
        raise SuiteError(f"The hub would not {doing}: {' '.join(str(error).split()).rstrip('.')}.") from None


def _reason(status: int, message: str | None) -> str:
    reasons = {
        401: "it does not know your token; run 'hf auth login'",
        402: "it must be paid for; see the plans at huggingface.co/pricing",
        403: "your token has no right to; use a write token of that account or a member of that organisation",
        404: "there is none of that name that you may see",
        409: "there is one of that name already",
        412: "somebody changed it meanwhile; run the same command again",
        429: "it was asked too often; try again in some minutes",
    }
    said = f" ({message.strip().splitlines()[0].rstrip('.')})" if message and message.strip() else ""
    return reasons.get(status, f"it answered with status {status}") + said


def refuse_visible(name: str, *, private: bool, public: bool) -> None:
    """Nothing is put where everybody sees it unless that was said; `private` is what a repository is."""
    if not private and not public:
        raise SuiteError(f"{name} is there already and everybody can see it; say --public, or give another --to.")
    if private and public:
        warn(f"{name} was there before and stays private; its settings page makes it public.")


def token() -> str:
    """The token of whoever is logged in; only ever sent to the hub, or as a secret."""
    return huggingface_hub.get_token() or ""


def pinned_on_hub(reference: str, domain: Domain) -> str:
    """`owner/name@commit` of a model on the hub, without downloading it; a starter's name as it is.

    Raises `SuiteError` if the hub has no such model or revision.
    """
    name, _, revision = reference.partition("@")
    if name in {asset.name for asset in domain.starter.assets}:
        return reference
    with hub_errors(f"show the model {reference}"):
        return f"{name}@{api().model_info(name, revision=revision or None).sha}"
