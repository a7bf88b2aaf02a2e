"""`suite push`: what arrives on the hub, what never does, what happens the second time, and who is refused why."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from safetensors.numpy import load_file, save_file

TOY = Path(__file__).parents[1] / "toy" / "suite_toy" / "starter"
PUSHED = {
    ".gitattributes", "README.md", "adapter/adapter_config.json", "adapter/adapter_model.safetensors",
    "adapter/toy.txt", "config.json", "config.yaml", "environment.json", "model.safetensors",
    "plots/test-wrong-words.png",
}  # fmt: skip


def front(card):
    return yaml.safe_load(card.split("---\n")[1])


def told_otherwise(place, **values):
    """The run's config with other values."""
    path = place.run / "config.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | values))


def model(place, name="ada/toy-first"):
    return place.hub.repositories["models", name]


def test_a_run_arrives_whole_private_in_one_commit_and_gives_its_answers(place):
    out = place.ok("push", place.run.name)
    (key,) = place.hub.repositories
    assert key == ("models", "ada/toy-first")
    assert set(model(place).files) == PUSHED and model(place).private
    assert list(model(place).messages.values()) == ["initial commit", f"Push {place.run.name} with Suite 0.1.0"]
    assert out == f"{place.hub.url}/ada/toy-first at commit {model(place).head}\n"
    assert model(place).files["model.safetensors"] == (place.run / "model" / "model.safetensors").read_bytes()
    fetched = [
        path for method, path in place.hub.requests if method == "GET" and f"resolve/{model(place).head}/" in path
    ]
    assert any(path.endswith("/model.safetensors") for path in fetched)


def test_the_card_holds_the_results_as_the_hub_reads_them(place):
    place.ok("push", "--public", "--to", "named")
    assert not model(place, "ada/named").private
    card = front(model(place, "ada/named").files["README.md"].decode())
    assert (card["license"], card["library_name"], card["tags"]) == ("apache-2.0", "transformers", ["suite", "toy"])
    (results,) = card["model-index"][0]["results"]
    systems = json.loads((place.run / "evaluation.json").read_text())["test"]["systems"]
    tuned, before = systems["fine-tuned"]["accuracy"], systems["before fine-tuning"]["accuracy"]
    assert [metric["value"] for metric in results["metrics"]] == [tuned["value"], before["value"]]
    span = f"95 % interval {tuned['low']:.4g} to {tuned['high']:.4g}"
    few = "2 authors are too few for a claim (20 are needed)"
    assert results["metrics"][0]["name"] == f"accuracy fine-tuned ({span}; {few}, 15 examples)"
    assert card == front((place.run / "README.md").read_text())  # one card, not two


def test_no_path_no_token_no_file_name_and_no_row_leaves_the_machine(place):
    place.ok("push")
    rows = json.loads((place.run / "golden" / "predictions.json").read_text())["predictions"]
    assert rows and not [path for path in model(place).files if path.startswith("golden")]
    for path, content in model(place).files.items():
        for secret in ("secret-words", "hf_write", str(place.folder), str(place.worker.home), "/tmp"):
            assert secret.encode() not in content, (path, secret)
    values = yaml.safe_load(model(place).files["config.yaml"])
    fingerprint = json.loads((place.run / "environment.json").read_text())["data"]
    assert values["data"] == f"local:{fingerprint}" and "output" not in values and values["lora"] is True


def test_options_of_an_evaluation_that_are_private_are_not_in_the_card(place):
    further = place.folder / "patients-mueller.csv"
    shutil.copy(place.folder / "secret-words.csv", further)
    place.ok("toy", "evaluate", "--set", f"also_evaluate=[{further}]", "--set", "noise=0.5")
    path = place.run / "evaluation.json"
    evaluation = json.loads(path.read_text())
    evaluation["test"]["options"] |= {
        "also_evaluate": ["/mnt/patients/mueller.csv", "mueller.csv"], "data": "mueller.csv", "output": "mueller",
        "columns": {"word": "mueller"}, "allow_mueller": True, "lexicon": "/mnt/mueller.txt",
    }  # fmt: skip
    path.write_text(json.dumps(evaluation))
    place.ok("push")
    card = model(place).files["README.md"].decode()
    assert "Answered with noise=0.5, which training did not have.\n" in card and "further local data 1" in card
    assert "mueller" not in card and str(place.folder) not in card


def test_the_newest_finished_run_is_pushed_whatever_failed_since(place):
    finished = place.run
    failed = shutil.copytree(finished, finished.with_name("99991231-235959-failed"))
    status = json.loads((failed / "status.json").read_text())
    (failed / "status.json").write_text(json.dumps(status | {"state": "failed"}))
    place.ok("push")
    assert list(model(place).messages.values())[-1] == f"Push {finished.name} with Suite 0.1.0"


def test_golden_samples_of_data_everybody_has_go_along(place):
    told_otherwise(place, data="")
    place.ok("push")
    assert set(model(place).files) == PUSHED | {"golden/predictions.json", "golden/rows.parquet"}
    assert "The `config.yaml` beside this reproduces it." in model(place).files["README.md"].decode()


def test_pushing_again_is_one_commit_or_none_and_leaves_what_others_put_there(place):
    place.ok("push")
    first = model(place).head
    place.ok("push")
    assert model(place).head == first
    card = model(place).files["README.md"].decode().replace("<!-- begin", "Read me first.\n\n<!-- begin")
    model(place).commit({"README.md": card.encode(), "notes.txt": b"mine"}, "by hand")
    place.ok("push")
    assert len(model(place).commits) == 3  # the empty one, the first push, the one by hand
    (place.run / "model" / "more.txt").write_text("new")
    (place.run / "adapter" / "toy.txt").unlink()
    place.ok("push", "--licence", "mit")
    files = model(place).files
    assert len(model(place).commits) == 4
    assert set(files) == PUSHED - {"adapter/toy.txt"} | {"more.txt", "notes.txt"}
    text = files["README.md"].decode()
    assert text.count("Read me first.") == text.count("## Limits") == 1
    assert front(text)["license"] == "mit" and files["notes.txt"] == b"mine"


def test_an_upload_that_broke_off_goes_on_where_it_was(place):
    place.hub.failing["POST", "/api/models/*/commit/*"] = 403
    assert "your token has no right to" in place.refused("push")
    sent = [path for method, path in place.hub.requests if method == "PUT"]
    assert len(sent) == 3
    place.ok("push")
    assert [path for method, path in place.hub.requests if method == "PUT"] == sent


def test_a_model_that_answers_otherwise_after_the_download_is_told(place):
    place.hub.exchanged["model.safetensors"] = (TOY / "model" / "model.safetensors").read_bytes()
    done = place.suite("push")
    assert done["status"] == 2 and "does not give the answers stored with it" in done["err"]


def test_a_model_that_answers_otherwise_here_is_not_pushed(place):
    shutil.copy(TOY / "model" / "model.safetensors", place.run / "model" / "model.safetensors")
    assert "does not give the answers stored with it" in place.refused("push")
    assert place.hub.repositories == {}


@pytest.mark.parametrize("secret", ["{home}", "{here}", "hf_write"])
@pytest.mark.parametrize("file", ["config.json", "notes.txt", "model.safetensors"])
def test_a_file_that_tells_a_path_or_the_token_is_not_pushed(place, secret, file):
    sentence = "From " + secret.format(home=place.worker.home, here=place.folder) + "/words."
    model = place.run / "model"
    if file == "config.json":
        values = json.loads((model / file).read_text())
        (model / file).write_text(json.dumps(values | {"note": sentence}))
    elif file == "notes.txt":
        (model / file).write_text(sentence)
    else:
        save_file(load_file(model / file), model / file, metadata={"format": "pt", "note": sentence})
    assert place.refused("push").startswith(f"{file} of {place.run.name} holds ")
    assert place.hub.repositories == {}


def test_of_a_model_pickles_stay_and_a_link_is_refused(place):
    (place.run / "model" / "optimizer.pt").touch()
    place.ok("push")
    assert set(model(place).files) == PUSHED
    (place.run / "model" / "words.csv").symlink_to(place.folder / "secret-words.csv")
    assert "words.csv is a link; put the file itself in its place" in place.refused("push")


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"HF_TOKEN": ""}, "You are not logged in to the hub: run 'hf auth login', or set HF_TOKEN to a write token."),
        (
            {"HF_TOKEN": "hf_wrong"},
            "The hub would not say who you are: it does not know your token; run 'hf auth login'",
        ),
        ({"HF_TOKEN": "hf_read"}, "The hub would not make the model ada/toy-first: your token has no right to; use a"),
        ({"SUITE_OFFLINE": "1"}, "The hub is not asked when offline: leave out --offline, SUITE_OFFLINE and HF_HUB_"),
    ],
)
def test_who_is_refused(place, environment, said):
    assert place.refused("push", **environment).startswith(said)
    assert place.hub.repositories == {}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing"], "No run 'nothing'. Runs in runs: "),
        (["--to", "eve/theirs"], "The hub would not make the model eve/theirs: your token has no right to"),
        (["--to", "no such/name"], "'no such/name' is no name on the hub; give --to owner/name of letters"),
        (["--licence", "apache"], "No licence 'apache'. Did you mean 'apache-2.0'? Known: "),
        (
            ["--to", "ada/seen"],
            "ada/seen is there already and everybody can see it; say --public, or give another --to",
        ),
        (["--to", "ada/other"], "ada/other holds config.json that Suite did not put there and would replace; give an"),
        (["--to", "ada/weather"], "ada/weather is a model of weather, not of toy; give another --to."),
    ],
)
def test_what_is_refused(place, arguments, said):
    place.hub.add("ada/seen", {}, private=False)
    place.hub.add("ada/other", {"config.json": b"{}"})
    place.hub.add("ada/weather", {"environment.json": b'{"domain": "weather"}'})
    before = {key: repository.head for key, repository in place.hub.repositories.items()}
    assert place.refused("push", *arguments).startswith(said)
    assert {key: repository.head for key, repository in place.hub.repositories.items()} == before


def test_a_run_that_is_not_finished_is_refused(place):
    status = json.loads((place.run / "status.json").read_text())
    (place.run / "status.json").write_text(json.dumps(status | {"state": "interrupted"}))
    said = f"{place.run.relative_to(place.folder)} is interrupted, and only a finished run can be pushed; finish it"
    assert place.refused("push").startswith(said)


@pytest.mark.parametrize(
    ("licence", "asked", "said"),
    [
        ("cc-by-nc-4.0", "", "eve/base is licensed 'cc-by-nc-4.0', which forbids commercial use, and so does all that"),
        ("cc-by-nc-4.0", "mit", "eve/base is licensed 'cc-by-nc-4.0', which forbids commercial use"),
        ("cc-by-nd-4.0", "", "eve/base is licensed 'cc-by-nd-4.0', which forbids passing on what is made from it"),
    ],
)
def test_the_licence_of_the_base_model_is_kept(place, licence, asked, said):
    place.hub.add("eve/base", {"README.md": f"---\nlicense: {licence}\n---\n".encode()}, private=False)
    told_otherwise(place, model="eve/base")
    assert place.refused("push", *(["--licence", asked] if asked else [])).startswith(said)
    assert set(place.hub.repositories) == {("models", "eve/base")}


@pytest.mark.parametrize(
    ("card", "asked", "expected"),
    [
        ("---\nlicense: cc-by-nc-4.0\n---\n", "cc-by-nc-4.0", "cc-by-nc-4.0"),
        ("---\nlicense: mit\n---\n", "", "mit"),
        ("# no front matter\n", "", "other"),
    ],
)
def test_licence_and_base_model_are_filled_from_the_hub(place, card, asked, expected):
    base = place.hub.add("eve/base", {"README.md": card.encode()}, private=False)
    told_otherwise(place, model=f"eve/base@{base.head}")
    place.ok("push", *(["--licence", asked] if asked else []))
    text = model(place).files["README.md"].decode()
    assert (front(text)["license"], front(text)["base_model"]) == (expected, "eve/base")
    assert f"commit `{base.head[:12]}`" in text
    assert ("ask its owner before you use or pass on this one" in text) == (expected == "other")
