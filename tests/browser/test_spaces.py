"""Each folder of spaces/, started as the platform starts it."""

import re
import tomllib
from pathlib import Path

import httpx
import pytest
import yaml
from gradio_client import Client
from packaging.requirements import Requirement

from suite import SuiteError
from suite.plugins.loader import load_plugins

ROOT = Path(__file__).parents[2]
SPACES = sorted(path.parent.name for path in ROOT.glob("spaces/*/app.py"))
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}  # what the Hub knows
PLATFORM = {"Host": "ada-toy.hf.space", "Origin": "https://huggingface.co"}  # the site frames the app
TOY = ["-c", "from suite.web.space import space; space('toy')"]


def test_a_space_is_one_domain_at_the_root(serve, told_by_predictor):
    with serve(TOY, GRADIO_SERVER_PORT="17950") as process:
        assert process.address.startswith("http://127.0.0.1:")
        assert httpx.get(f"{process.address}/toy").status_code == 404
        assert httpx.get(process.address, headers={"Host": "evil.example"}).status_code == 400
        answer = Client(process.address, verbose=False).predict("rhythm", api_name="/toy_decide")
        assert answer["label"] == told_by_predictor("rhythm")


def test_on_the_platform_it_is_open_and_framed_by_its_site_only(serve):
    with serve(TOY, GRADIO_SERVER_PORT="17950", SPACE_ID="ada/toy") as process:
        listening = Path(f"/proc/{process.pid}/net/tcp").read_text()
        port = int(process.address.rpartition(":")[2])
        assert f"00000000:{port:04X}" in listening
        answer = httpx.get(process.address.replace("localhost", "127.0.0.1"), headers=PLATFORM)
        assert answer.status_code == 200
        assert "frame-ancestors https://huggingface.co" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("name", SPACES)
def test_the_front_matter_is_what_the_hub_reads(name):
    front = yaml.safe_load((ROOT / "spaces" / name / "README.md").read_text().split("---\n")[1])
    assert front["sdk"] == "gradio"
    assert (ROOT / "spaces" / name / front["app_file"]).is_file()
    assert {front["colorFrom"], front["colorTo"]} <= COLOURS
    assert len(front["short_description"]) <= 60  # the Hub refuses longer ones
    assert re.fullmatch(r"3\.\d+", front["python_version"])  # quoted: 3.10 would be the number 3.1
    (gradio,) = (text for text in dependencies(ROOT) if text.startswith("gradio"))
    assert front["sdk_version"] in Requirement(gradio).specifier


@pytest.mark.parametrize("name", SPACES)
def test_requirements_are_those_of_core_and_plugin(name):
    """The code itself goes in beside `app.py`; Gradio comes with the platform."""
    needed = {Requirement(text) for folder in (ROOT, ROOT / "plugins" / name) for text in dependencies(folder)}
    lines = (ROOT / "spaces" / name / "requirements.txt").read_text().splitlines()
    assert {Requirement(line) for line in lines} == {
        need for need in needed if need.name not in ("suite-core", "gradio")
    }


def dependencies(folder):
    return tomllib.loads((folder / "pyproject.toml").read_text())["project"]["dependencies"]


@pytest.mark.parametrize("name", SPACES)
def test_the_app_starts_and_offers_its_endpoints(serve, name):
    try:
        load_plugins().domain(name)
    except SuiteError as error:
        pytest.skip(f"the plugin is not installed or broken: {error}")
    with serve([str(ROOT / "spaces" / name / "app.py")], SUITE_PLUGINS=name, GRADIO_SERVER_PORT="17950") as process:
        endpoints = Client(process.address, verbose=False).view_api(return_format="dict")["named_endpoints"]
        assert endpoints, "a demo without a named endpoint cannot be called"


def test_there_is_a_space_for_every_shipped_domain():
    """Their bytes are compared with what would be built by `docs/generate.py --check`."""
    assert sorted(path.parent.name for path in (ROOT / "plugins").glob("*/pyproject.toml")) == SPACES
