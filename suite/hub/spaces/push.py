"""Sends a Space's folder to the Hub: private unless told otherwise, and nothing but what was built."""

from __future__ import annotations

from pathlib import Path

from suite.errors import SuiteError
from suite.hub.client import api, full_name, hub_errors, refuse_visible
from suite.hub.spaces.build import OURS, is_space
from suite.plugins.builtin import DISTRIBUTION


def push(folder: Path, *, to: str = "", public: bool = False) -> str:
    """Makes the Space `to` what the folder holds, and returns its address; default is the folder's name, one's own.

    Raises `SuiteError` when offline, not logged in, or for a Space that is public already and was not said to be.
    """
    if not is_space(folder):
        raise SuiteError(f"{folder} holds no Space of Suite; make one with: suite space build DOMAIN --output {folder}")
    if not ((folder / "packages").is_dir() or f"{DISTRIBUTION}==" in (folder / "requirements.txt").read_text()):
        raise SuiteError(f"{folder} was built with --plain and has not Suite's code; build it without, then push it.")
    hub = api()
    name = full_name(hub, to, folder.resolve().name)
    with hub_errors(f"make the Space {name}"):
        url = hub.create_repo(name, repo_type="space", space_sdk="gradio", private=not public, exist_ok=True)
        # `private` says nothing of one that is there already
        refuse_visible(name, private=bool(hub.space_info(name).private), public=public)
    with hub_errors(f"take the files of {name}"):
        hub.upload_folder(
            repo_id=name,
            repo_type="space",
            folder_path=folder,
            allow_patterns=[pattern for own in OURS for pattern in (own, f"{own}/**")],
            ignore_patterns=["**/__pycache__/**"],
            delete_patterns=["*"],  # what an earlier build had and this one has not
            commit_message="Built by suite space build",
        )
    return str(url)
