"""Spaces of a run that was evaluated, and `suite space push`: what arrives on the hub, and who is refused why."""

import importlib

import pytest
from huggingface_hub import errors

from suite import SuiteError
from suite.hub.client import hub_errors

# The hub's library went from httpx to httpx2; what it raises is what must be told.
http = importlib.import_module(errors.HfHubHTTPError.__bases__[0].__module__.partition(".")[0])
NAMES = {".gitattributes", "README.md", "app.py", "requirements.txt"}


@pytest.fixture
def built(empty):
    """The folder of a Space without a model of its own, in the working directory."""
    empty.ok("space", "build", "toy", "--from-index")
    return empty.folder / "toy-space"


def space(place, name="ada/toy-space"):
    return place.hub.repositories["spaces", name]


def test_a_runs_card_goes_along_without_its_figures_and_adapters(place):
    place.ok("space", "build", "toy", "--run", "latest", "--from-index")
    folder = place.folder / "toy-space" / "run"
    names = {"README.md", "config.json", "config.yaml", "environment.json", "model.safetensors"}
    assert {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} == names
    card = (folder / "README.md").read_text()
    assert "![" in (place.run / "README.md").read_text() and "![" not in card and "## Wrong words" in card
    here = place.ok("toy", "predict", "area", "--model", place.run, "--format", "json")
    assert place.ok("toy", "predict", "area", "--model", folder, "--format", "json", SUITE_OFFLINE="1") == here
    place.ok("space", "push", "toy-space")
    assert set(space(place).files) == NAMES | {f"run/{name}" for name in names}


def test_a_run_on_the_hub_is_not_copied(place):
    place.ok("push")
    head = place.hub.repositories["models", "ada/toy-first"].head
    said = f"ada/toy-first is on the Hub, where a Space can have it from: give --model ada/toy-first@{head}."
    assert place.refused("space", "build", "toy", "--run", "ada/toy-first") == said


def test_a_space_is_private_and_holds_what_was_built(empty, built):
    for name in ("notes.txt", ".git/config", "packages/suite/__init__.py", "packages/suite/__pycache__/x.pyc"):
        (built / name).parent.mkdir(parents=True, exist_ok=True)
        (built / name).write_text("mine")
    assert empty.ok("space", "push", "toy-space") == f"{empty.hub.url}/spaces/ada/toy-space\n"
    assert space(empty).private and set(space(empty).files) == NAMES | {"packages/suite/__init__.py"}
    (built / "packages" / "suite" / "__init__.py").unlink()
    empty.ok("space", "push", "toy-space")
    assert set(space(empty).files) == NAMES


@pytest.mark.parametrize(("to", "name"), [("ada/words", "ada/words"), ("words", "ada/words"), ("", "ada/toy-space")])
def test_it_is_public_and_called_otherwise_where_that_is_said(empty, built, to, name):
    empty.ok("space", "push", "toy-space", "--public", "--to", to)
    assert list(empty.hub.repositories) == [("spaces", name)] and not space(empty, name).private


def test_a_space_that_is_public_already_is_not_filled_unasked(empty, built):
    empty.hub.add("ada/toy-space", {"app.py": b"mine"}, kind="spaces", private=False)
    said = "ada/toy-space is there already and everybody can see it; say --public, or give another --to."
    assert empty.refused("space", "push", "toy-space") == said
    assert space(empty).files["app.py"] == b"mine"


@pytest.mark.parametrize(
    ("environment", "to", "said"),
    [
        ({"HF_TOKEN": ""}, "", "You are not logged in to the hub: run 'hf auth login', or set HF_TOKEN to a write tok"),
        ({"HF_TOKEN": "hf_wrong"}, "ada/words", "The hub would not make the Space ada/words: it does not know your to"),
        ({"HF_TOKEN": "hf_read"}, "ada/words", "The hub would not make the Space ada/words: your token has no right"),
        ({"HF_HUB_OFFLINE": "1"}, "ada/words", "The hub is not asked when offline: leave out --offline, SUITE_OFFLINE"),
        ({"SUITE_OFFLINE": "1"}, "", "The hub is not asked when offline: leave out --offline, SUITE_OFFLINE and HF_"),
        ({}, "eve/words", "The hub would not make the Space eve/words: your token has no right to; use a write token"),
        ({}, "words.git", "The hub would not make the Space ada/words.git: Repo_id cannot end by '.git'"),
        ({}, "no such/name", "'no such/name' is no name on the hub; give --to owner/name of letters"),
    ],
)
def test_who_is_refused(empty, built, environment, to, said):
    assert empty.refused("space", "push", "toy-space", "--to", to, **environment).startswith(said)
    assert empty.hub.repositories == {}


@pytest.mark.parametrize(
    ("request_", "status", "said"),
    [
        (
            ("POST", "/api/repos/create"),
            0,
            "The line to the hub broke (RemoteProtocolError) before it could make the S",
        ),
        (("POST", "/api/repos/create"), 500, "The hub would not make the Space ada/toy-space: it answered with status"),
        (
            ("POST", "/api/validate-yaml"),
            400,
            "The hub would not take the files of ada/toy-space: Invalid metadata in README.md.",
        ),
        (
            ("POST", "/api/spaces/*/commit/*"),
            403,
            "The hub would not take the files of ada/toy-space: your token has no",
        ),
    ],
)
def test_a_hub_that_fails_is_one_sentence(empty, built, request_, status, said):
    empty.hub.failing[request_] = status
    assert empty.refused("space", "push", "toy-space").startswith(said)
    empty.ok("space", "push", "toy-space")


@pytest.mark.parametrize(
    "failure", [http.ConnectError, http.ReadTimeout, http.RemoteProtocolError, OSError, RuntimeError]
)
def test_a_broken_line_is_one_sentence_whatever_the_library_calls_it(failure):
    said = (
        rf"^The line to the hub broke \({failure.__name__}\) before it could take the files of ada/words; run the same"
    )
    with pytest.raises(SuiteError, match=said), hub_errors("take the files of ada/words"):
        raise failure("no route")


def test_a_bug_keeps_its_traceback():
    with pytest.raises(ValueError, match="^not enough values to unpack$"), hub_errors("take the files of ada/words"):
        raise ValueError("not enough values to unpack")


def test_a_folder_that_could_not_start_is_not_pushed(empty):
    empty.ok("space", "build", "toy", "--plain")
    said = "toy-space was built with --plain and has not Suite's code; build it without, then push it."
    assert empty.refused("space", "push", "toy-space") == said
    assert empty.refused("space", "push", ".") == (
        ". holds no Space of Suite; make one with: suite space build DOMAIN --output ."
    )
