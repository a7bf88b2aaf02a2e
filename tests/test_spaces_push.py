"""`suite space push` against a hub that keeps what it is told."""

import importlib
from types import SimpleNamespace

import pytest
from huggingface_hub import errors

from suite import SuiteError
from suite.plugins import load_plugins
from suite.spaces.build import Plan, build
from suite.spaces.push import push

# The hub's library went from httpx to httpx2; what it raises is what must be told.
http = importlib.import_module(errors.HfHubHTTPError.__bases__[0].__module__.partition(".")[0])


class Hub:
    """The four calls of `HfApi` that a push makes."""

    def __init__(self):
        self.private, self.sent, self.refuses = {}, [], None

    def whoami(self):
        return {"name": "ada"}

    def create_repo(self, name, *, repo_type, space_sdk, private, exist_ok):
        assert (repo_type, space_sdk, exist_ok) == ("space", "gradio", True)
        if self.refuses:
            raise self.refuses
        self.private.setdefault(name, private)
        return f"https://huggingface.co/spaces/{name}"

    def space_info(self, name):
        return SimpleNamespace(private=self.private[name])

    def upload_folder(self, *, folder_path, repo_id, repo_type, allow_patterns, ignore_patterns, **options):
        from huggingface_hub.utils import filter_repo_objects

        files = [str(path.relative_to(folder_path)) for path in folder_path.rglob("*") if path.is_file()]
        kept = filter_repo_objects(files, allow_patterns=allow_patterns, ignore_patterns=ignore_patterns)
        self.sent.append((repo_id, repo_type, sorted(kept), options["delete_patterns"]))


@pytest.fixture
def hub(monkeypatch):
    hub = Hub()
    monkeypatch.setattr("huggingface_hub.HfApi", lambda: hub)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    return hub


@pytest.fixture
def space(tmp_path, monkeypatch):
    def unpack(name, into):
        (into / name / "__pycache__").mkdir(parents=True)
        (into / name / "__init__.py").touch()
        (into / name / "__pycache__" / "x.pyc").touch()

    monkeypatch.setattr("suite.spaces.packages.unpack", unpack)
    return build(Plan(load_plugins().find("suite_domains", "toy")), tmp_path / "toy-space")


def refusal(status):
    response = http.Response(status, request=http.Request("POST", "https://huggingface.co/api/repos/create"))
    return errors.HfHubHTTPError("no", response=response)


def test_a_space_is_private_and_holds_what_was_built(hub, space):
    (space / "notes.txt").write_text("my own")
    (space / ".git").mkdir()
    (space / ".git" / "config").touch()
    assert push(space) == "https://huggingface.co/spaces/ada/toy-space"
    assert hub.private == {"ada/toy-space": True}
    names = ["README.md", "app.py", "packages/suite-toy/__init__.py", "packages/suite/__init__.py", "requirements.txt"]
    assert hub.sent == [("ada/toy-space", "space", names, ["*"])]


def test_it_is_public_where_that_is_said(hub, space):
    push(space, to="team/words", public=True)
    assert hub.private == {"team/words": False}


def test_a_space_that_is_public_already_is_not_filled_unasked(hub, space):
    hub.private["ada/toy-space"] = False
    with pytest.raises(SuiteError, match="ada/toy-space is public already"):
        push(space)
    assert hub.sent == []


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (errors.LocalTokenNotFoundError("no token"), "hf auth login"),
        (refusal(401), r"refuses to write ada/words \(401\)"),
        (refusal(403), r"refuses to write ada/words \(403\)"),
        (refusal(500), "did not take ada/words"),
        (http.ConnectError("no route"), "cannot be reached"),
    ],
)
def test_a_failure_is_one_sentence(hub, space, failure, said):
    hub.refuses = failure
    with pytest.raises(SuiteError, match=said):
        push(space, to="ada/words")
    assert hub.sent == []


def test_offline_nothing_is_asked(hub, space, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(SuiteError, match="not asked when offline"):
        push(space, to="ada/words")
    assert hub.private == {}


def test_a_plain_folder_is_not_pushed_for_it_could_not_start(hub, tmp_path):
    folder = build(Plan(load_plugins().find("suite_domains", "toy"), plain=True), tmp_path / "space")
    with pytest.raises(SuiteError, match="built with --plain"):
        push(folder)


def test_from_an_index_no_code_is_needed(hub, tmp_path):
    folder = build(Plan(load_plugins().find("suite_domains", "toy"), from_index=True), tmp_path / "space")
    push(folder, to="ada/words")
    assert hub.sent[0][2] == ["README.md", "app.py", "requirements.txt"]
