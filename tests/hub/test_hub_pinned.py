"""Models and data by their names on the hub: pinned to a commit, found with the settings they were pushed with."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from suite_toy.domain import TOY

STARTER = Path(__file__).parents[1] / "toy" / "suite_toy" / "starter"
WORDS = (STARTER / "words.csv").read_bytes()
QUICK = ("--set", "max_steps=1", "--set", "limit=20")


@pytest.fixture
def pushed(place):
    """The run on the hub with its golden samples, as if its data had been the starter's."""
    path = place.run / "config.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"data": "", "batch_size": 7}))
    place.ok("push")
    return place.hub.repositories["models", "ada/toy-first"]


def config(place):
    return yaml.safe_load((place.run / "config.yaml").read_text())


def test_a_pushed_model_answers_as_the_run_does(place, pushed):
    here = place.ok("toy", "predict", "area", "--model", place.run, "--format", "json")
    assert place.ok("toy", "predict", "area", "--model", "ada/toy-first", "--format", "json") == here
    (kept,) = (place.folder.parent / "cache" / "pushed").iterdir()
    assert kept.name == f"ada--toy-first@{pushed.head[:12]}"
    assert json.loads((kept / "status.json").read_text())["name"] == place.run.name
    assert yaml.safe_load((kept / "config.yaml").read_text())["batch_size"] == 7
    assert place.ok("toy", "predict", "area", "--model", "ada/toy-first", "--format", "json", SUITE_OFFLINE="1") == here


def test_golden_samples_are_checked_when_a_pushed_model_is_loaded(place, pushed):
    pushed.commit({"model.safetensors": (STARTER / "model" / "model.safetensors").read_bytes()}, "other weights")
    assert "does not give the answers stored with it" in place.refused(
        "toy", "predict", "area", "--model", "ada/toy-first"
    )


def test_a_pushed_model_is_evaluated_and_refused_where_its_data_are_not(place, pushed):
    results = json.loads(place.ok("toy", "evaluate", "ada/toy-first", "--format", "json"))
    assert results["test"]["systems"]["fine-tuned"] == json.loads((place.run / "evaluation.json").read_text())["test"][
        "systems"]["fine-tuned"]  # fmt: skip
    values = yaml.safe_load(pushed.files["config.yaml"]) | {"data": "local:abc"}
    pushed.commit({"config.yaml": yaml.safe_dump(values).encode()}, "data stayed")
    said = place.refused("toy", "evaluate", f"ada/toy-first@{pushed.head}")
    assert said.startswith(
        "This model was fine-tuned on data that stayed on their machine (fingerprint abc); to train, give"
    )


def test_a_pushed_model_is_evaluated_from_python(place, pushed, worker):
    variables = {
        "HF_ENDPOINT": place.hub.url, "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": "hf_write",
        "HF_HOME": str(worker.home / "hf"), "HOME": str(worker.home), "SUITE_PLUGINS": "toy",
        "SUITE_CACHE": str(place.folder.parent / "cache"),
    }  # fmt: skip
    lines = "import json, suite; print(json.dumps(suite.evaluate('ada/toy-first', domain='toy', noise=0.1)))"
    done = subprocess.run(
        [sys.executable, "-c", lines], cwd=place.folder, env=os.environ | variables, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    kept = json.loads((place.run / "evaluation.json").read_text())
    assert json.loads(done.stdout)["test"]["systems"]["fine-tuned"] == kept["test"]["systems"]["fine-tuned"]


def test_whoever_has_the_data_of_a_pushed_model_evaluates_it(place):
    place.ok("push")
    asked = ["toy", "evaluate", "ada/toy-first", "--format", "json", "--set"]
    results = json.loads(place.ok(*asked, "data=secret-words.csv"))["test"]
    assert results["systems"] == json.loads((place.run / "evaluation.json").read_text())["test"]["systems"]
    (place.folder / "other.csv").write_bytes(b"\n".join(WORDS.splitlines()[:-1]))
    said = place.refused(*asked, "data=other.csv")
    assert said.startswith("other.csv has other data (fingerprint ") and said.endswith("; give those.")


def test_a_model_is_pinned_to_the_commit_it_was_at(place, pushed):
    place.ok("toy", "train", "--model", "ada/toy-first", "--data", "secret-words.csv", *QUICK)
    assert config(place)["model"] == f"ada/toy-first@{pushed.head}" and place.run.name.endswith("-toy-first")
    card = (place.run / "README.md").read_text()
    assert yaml.safe_load(card.split("---\n")[1])["base_model"] == "ada/toy-first"


def test_data_are_pinned_and_a_run_is_reproduced_from_their_commit(empty):
    words = empty.hub.add("ada/words", {"words.csv": WORDS}, kind="datasets")
    empty.ok("toy", "train", "--data", "ada/words", "--name", "first", *QUICK)
    first, old = empty.run, words.head
    assert config(empty)["data"] == f"ada/words@{old}"
    words.commit({"words.csv": WORDS.splitlines(True)[0] + b"".join(WORDS.splitlines(True)[40:])}, "fewer rows")
    empty.ok("toy", "train", "--config", first / "config.yaml", "--name", "same")
    assert config(empty)["data"] == f"ada/words@{old}"
    sources = [json.loads((run / "environment.json").read_text())["data"] for run in (first, empty.run)]
    assert sources[0] == sources[1]
    assert (first / "model/model.safetensors").read_bytes() == (empty.run / "model/model.safetensors").read_bytes()
    assert "- ada/words" in (first / "README.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--model", "ada/nothing"],
            "No model 'ada/nothing'. Known: toy/letters. It is no local folder, it is not in the",
        ),
        (["--model", "eve/base@v9"], "The model 'eve/base' has no revision 'v9'; see its page on the hub."),
        (["--model", "eve/gated"], "'eve/gated' is gated; accept its terms on the hub, then run 'hf auth login'."),
        (["--data", "ada/nothing"], "The hub has no data set 'ada/nothing' that you may read; if it is a private one"),
        (["--data", "eve/rows@v9"], "The data set 'eve/rows' has no revision 'v9'; see its page on the hub."),
        (["--data", "eve/private"], "The hub has no data set 'eve/private' that you may read"),
    ],
)
def test_names_that_lead_nowhere(empty, arguments, said):
    weights = {"model.safetensors": b"weights"}
    empty.hub.add("eve/base", weights, private=False)
    empty.hub.add("eve/gated", weights, private=False, gated="manual")
    empty.hub.add("eve/rows", {"words.csv": WORDS}, kind="datasets", private=False)
    empty.hub.add("eve/private", {"words.csv": WORDS}, kind="datasets")
    assert empty.refused("toy", "train", *arguments).startswith(said)
    assert not (empty.folder / "runs").exists()


def test_a_strangers_settings_bring_no_path_and_no_permission(tmp_path, monkeypatch):
    from suite.provenance.hub_run import portable_values

    monkeypatch.chdir(tmp_path)
    (tmp_path / "terms.csv").write_text("")
    (tmp_path / "terms" / "de").mkdir(parents=True)
    values = {"output": "x", "allow_anything": True, "glossary": "/etc/passwd", "terms": "terms.csv",
              "folder": "terms/de", "drive": "C:/x",
              "home": "~/x", "several": ["a", "../b"], "named": {"k": "./v"}, "callbacks": ["spy"], "epochs": 3,
              "language": "de", "model": "owner/name"}  # fmt: skip
    assert portable_values(values) == {"epochs": 3, "language": "de", "model": "owner/name"}


@pytest.mark.parametrize("beside", [False, True])
def test_a_strangers_names_stay_names_whatever_lies_here(tmp_path, monkeypatch, beside, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("ada/words", "ada/base", "ada/more") if beside else ():
        (tmp_path / name).mkdir(parents=True)
    named = {"data": "ada/words", "model": "ada/base", "also_evaluate": ["ada/more"]}
    opened = read(tmp_path, named)
    assert {name: opened[name] for name in named} == named
    opened = read(tmp_path, {"data": "/srv/words", "model": "../base", "also_evaluate": ["ada/more", "~/x"]})
    assert (opened["data"], opened["model"], opened["also_evaluate"]) == ("local:abc", "local:model", ["ada/more"])
    assert "The model was also evaluated on ~/x of another machine; that is left out." in capsys.readouterr().err
    assert (read(tmp_path, {})["data"], read(tmp_path, {})["model"]) == ("", "")


def read(folder, values):
    """The settings of a run made of a pushed model whose config says `values`."""
    from suite.provenance.hub_run import assemble_run

    environment = {"domain": "toy", "data": "abc"}
    run = assemble_run(folder / "opened", TOY, values, environment, model=STARTER / "model", golden=None)
    return yaml.safe_load((run.path / "config.yaml").read_text())


def test_a_golden_row_that_names_a_file_opens_none(tmp_path):
    from datasets import Dataset

    from suite import Column, Columns, SuiteError
    from suite.inference import golden

    columns = Columns((Column("picture", "image", "A picture."),))
    Dataset.from_list([{"picture": {"bytes": None, "path": "/etc/hostname"}}]).to_parquet(tmp_path / "rows.parquet")
    with pytest.raises(SuiteError, match="names a file in 'picture' instead of holding it"):
        golden._read(tmp_path / "rows.parquet", columns)
    Dataset.from_list([{"picture": {"bytes": b"P", "path": "/a/b.png"}}]).to_parquet(tmp_path / "rows.parquet")
    assert golden._read(tmp_path / "rows.parquet", columns)[0] == {"picture": {"bytes": b"P", "path": "b.png"}}
