"""Sends a Space's folder to the Hub: private unless told otherwise, and nothing but what was built."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from suite.assets import http_errors, hub_refused
from suite.errors import SuiteError
from suite.spaces.build import OURS, is_space

if TYPE_CHECKING:
    from huggingface_hub import HfApi


def push(folder: Path, *, to: str = "", public: bool = False) -> str:
    """Makes the Space `to` what the folder holds, and returns its address; default is the folder's name, one's own.

    Raises `SuiteError` when offline, not logged in, or for a Space that is public already and was not said to be.
    """
    from huggingface_hub import HfApi, errors

    if not is_space(folder):
        raise SuiteError(f"{folder} holds no Space of Suite; make one with: suite space build DOMAIN --output {folder}")
    if not ((folder / "packages").is_dir() or "suite==" in (folder / "requirements.txt").read_text()):
        raise SuiteError(f"{folder} was built with --plain and has not Suite's code; build it without, then push it.")
    if hub_refused():
        raise SuiteError(
            "Pushing needs the hub, which is not asked when offline; leave out --offline and HF_HUB_OFFLINE."
        )
    api = HfApi()
    try:
        name = to or f"{api.whoami()['name']}/{folder.resolve().name}"
        return _send(api, folder, name, public=public)
    except (errors.LocalTokenNotFoundError, errors.RepositoryNotFoundError):
        raise SuiteError("The hub does not know who you are; run 'hf auth login', then push again.") from None
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        if status in (401, 403):
            raise SuiteError(
                f"The hub refuses to write {to or folder.name} ({status}): 'hf auth whoami' says who asks."
            ) from None
        raise SuiteError(f"The hub did not take {to or folder.name}: {error}") from None
    except http_errors() as error:
        raise SuiteError(f"The hub cannot be reached ({type(error).__name__}); push again later.") from None


def _send(api: HfApi, folder: Path, name: str, *, public: bool) -> str:
    url = api.create_repo(name, repo_type="space", space_sdk="gradio", private=not public, exist_ok=True)
    if not public and not api.space_info(name).private:  # `private` says nothing of one that is there already
        raise SuiteError(f"The Space {name} is public already; say --public, or another --to.")
    api.upload_folder(
        repo_id=name,
        repo_type="space",
        folder_path=folder,
        allow_patterns=[pattern for own in OURS for pattern in (own, f"{own}/**")],
        ignore_patterns=["**/__pycache__/**"],
        delete_patterns=["*"],  # what an earlier build had and this one has not
        commit_message="Built by suite space build",
    )
    return str(url)
