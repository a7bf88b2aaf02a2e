"""The command line as users meet it, on the toy domain, in processes of its own."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
from suite_toy.domain import TOY
from suite_toy.model import ToyModel

from suite import Answers, Predictor, SuiteError, predict
from suite.cli import verbs
from suite.cli.main import run
from suite.cli.main import suite as main
from suite.inference.answering import predict_all
from suite.plugins.loader import load_plugins
from suite.testing import newest


def suite(*arguments, cwd=None, **environment):
    """Runs `suite …` and keeps its output."""
    return subprocess.run(
        [sys.executable, "-m", "suite", *arguments],
        capture_output=True, text=True, cwd=cwd, env=os.environ | environment, check=False,
    )  # fmt: skip


@pytest.fixture
def here(capsys, monkeypatch):
    """`suite …` in this process, for what a process of its own would not show better: most of its time it imports."""

    def run_here(*arguments, cwd):
        monkeypatch.chdir(cwd)
        capsys.readouterr()
        status = run(main, list(arguments))
        said = capsys.readouterr()
        return SimpleNamespace(returncode=status, stdout=said.out, stderr=said.err)

    return run_here


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A working directory with one finished run."""
    folder = tmp_path_factory.mktemp("cli")
    done = suite("toy", "train", "--epochs", "2", "--name", "mine", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "fine-tuned" in done.stdout and "majority" in done.stdout and "95 %" in done.stdout
    return folder


def test_a_run_can_be_listed_shown_and_evaluated_again(folder):
    listed = json.loads(suite("runs", "list", "--format", "json", cwd=folder).stdout)
    assert [(r["domain"], r["state"]) for r in listed] == [("toy", "finished")] and "accuracy" in listed[0]["result"]
    shown = suite("runs", "show", cwd=folder).stdout
    assert "## Evaluation" in shown and "loss  accuracy" in shown and "## Limits" in shown
    again = suite("toy", "evaluate", "--slice-by", "label", "--format", "json", cwd=folder)
    assert again.returncode == 0, again.stderr
    result = json.loads(again.stdout)
    assert set(result["test"]["slices"]["label"]) == {"vowels", "consonants"}
    assert json.loads((newest(folder / "runs") / "evaluation.json").read_text()) == result


def test_further_data_are_scored_beside(folder, tmp_path, here):
    (tmp_path / "more.csv").write_text("word,label\narea,vowels\nrhythm,consonants\n")
    done = here("toy", "evaluate", "--data", str(tmp_path / "more.csv"), "--format", "json", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[str(tmp_path / "more.csv")]["examples"] == 2


def test_predict_prints_writes_and_goes_on_after_a_bad_input(folder, here):
    done = here("toy", "predict", "area", "r2d2", "rhythm", "--output", "out.csv", cwd=folder)
    assert done.returncode == 2
    assert "Error: 'r2d2' is no word" in done.stderr
    with (folder / "out.csv").open() as file:
        assert [row["input"] for row in csv.DictReader(file)] == ["area", "rhythm"]
    printed = here("toy", "predict", "area", "--format", "json", cwd=folder)
    assert json.loads(printed.stdout)[0]["input"] == "area"
    refused = here("toy", "predict", "area", "--output", "out.xlsx", cwd=folder)
    assert refused.returncode == 2 and ".json, .jsonl or .csv" in refused.stderr


def test_many_inputs_are_answered_in_batches_and_one_that_spoils_a_batch_costs_no_other(tmp_path, monkeypatch):
    sizes, plain = [], ToyModel.infer

    def infer(self, batch):
        sizes.append(len(batch["input_ids"]))
        if 26 in batch["input_ids"]:
            raise SuiteError("a word with z cannot be answered")
        return plain(self, batch)

    monkeypatch.setattr(ToyModel, "infer", infer)
    monkeypatch.setattr(ToyModel, "inputs", lambda self, argument: [{"word": word} for word in argument.split()])
    monkeypatch.setattr(ToyModel, "pieces", lambda self, example: 3 if example["word"] == "long" else 1)
    output, task = tmp_path / "out.json", TOY.task(batch_size=4)

    def asked(*inputs):
        sizes.clear()
        failures = predict_all(task, inputs, model="toy/letters", output=output, form="text")
        return [row["input"] for row in json.loads(output.read_text())], [str(failure) for failure in failures]

    words = ["area", "sky", "idea", "echo", "fly"]
    assert asked(*words) == (words, []) and sizes == [4, 1]
    assert asked("area sky", "idea echo fly", "mud") == (["area sky"] * 2 + ["idea echo fly"] * 3 + ["mud"], [])
    assert sizes == [2, 4]
    assert asked("area", "long", "sky") == (["area", "long", "sky"], []) and sizes == [2, 1]
    answered, failures = asked("area", "buzz", "sky")
    assert (answered, failures) == (["area", "sky"], ["a word with z cannot be answered"])
    assert [answer["input"] for answer in predict(Predictor(task, "toy/letters"), words)] == words


def test_what_was_answered_before_ctrl_c_is_written(tmp_path, monkeypatch):
    def interrupted(self, argument):
        if argument == "stop":
            raise KeyboardInterrupt
        return [{"word": argument}]

    monkeypatch.setattr(ToyModel, "inputs", interrupted)
    with pytest.raises(KeyboardInterrupt):
        task = TOY.task(batch_size=1)
        predict_all(task, ("area", "sky", "stop"), model="toy/letters", output=tmp_path / "out.csv", form="text")
    with (tmp_path / "out.csv").open() as file:
        assert [row["input"] for row in csv.DictReader(file)] == ["area"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_within_one_input_loses_no_answer(number, tmp_path, monkeypatch):
    """Of six words in one input two at a time are answered; the signal comes while the second two are being written."""
    seen, pairs = [], []

    class Appending(Answers):
        def appends(self, path):
            return True

        def write(self, predictions, path):
            seen.append(len(predictions))
            if len(seen) == 2:
                signal.raise_signal(number)
            pairs.extend(predictions)

    monkeypatch.setattr(ToyModel, "inputs", lambda self, argument: [{"word": word} for word in argument.split()])
    ours = signal.signal(signal.SIGINT, signal.default_int_handler)  # shells start what is in the background without it
    task, before = replace(TOY, answers=Appending).task(batch_size=2), signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt if number == signal.SIGINT else SystemExit) as caught:
        predict_all(task, ("area rhythm idea sky echo fly",), model="toy/letters", output=tmp_path / "out", form="text")
    assert seen == [2, 2]
    assert len(pairs) == 4
    signal.signal(signal.SIGINT, ours)
    assert number == signal.SIGINT or caught.value.code == 143
    assert signal.getsignal(signal.SIGTERM) is before


def test_answers_that_cannot_be_appended_are_written_at_once_after_sigterm(tmp_path, monkeypatch):
    plain, seen = ToyModel.infer, []

    def stopped(self, batch):
        seen.append(1)
        if len(seen) == 3:
            signal.raise_signal(signal.SIGTERM)
        return plain(self, batch)

    monkeypatch.setattr(ToyModel, "inputs", lambda self, argument: [{"word": word} for word in argument.split()])
    monkeypatch.setattr(ToyModel, "infer", stopped)
    task = TOY.task(batch_size=2)
    with pytest.raises(SystemExit):
        predict_all(
            task, ("area rhythm idea sky echo fly",), model="toy/letters", output=tmp_path / "o.csv", form="text"
        )
    with (tmp_path / "o.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 4


def test_the_model_folder_loads_without_suite(folder):
    """The toy's class and transformers are enough; nothing of Suite is imported."""
    toy, model = Path(__file__).parent / "toy" / "suite_toy", newest(folder / "runs") / "model"
    script = (
        f"import sys; sys.path.insert(0, {str(toy)!r})\n"  # beside the package: its __init__ imports the hooks
        f"from network import ToyNetwork; ToyNetwork.from_pretrained({str(model)!r}, use_safetensors=True)\n"
        "assert not [name for name in sys.modules if name.startswith('suite')]"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_run_goes_on_training_from_a_run(folder, tmp_path):
    run = newest(folder / "runs")
    done = suite("toy", "train", "--model", str(run), "--set", "max_steps=1", "--output", str(tmp_path), cwd=folder)
    assert done.returncode == 0, done.stderr


def test_lora_leaves_a_merged_model_and_its_adapter(folder, tmp_path):
    done = suite("toy", "train", "--lora", "--epochs", "1", "--output", str(tmp_path), cwd=folder)
    assert done.returncode == 0, done.stderr
    run = newest(tmp_path)
    assert (run / "adapter" / "adapter_model.safetensors").is_file()
    assert json.loads((run / "adapter" / "adapter_config.json").read_text())["lora_alpha"] == 64.0
    assert "lora_A" in (run / "adapter" / "toy.txt").read_text(), "the domain's own format of the unmerged adapters"


def test_the_config_of_a_run_reproduces_it(folder, tmp_path):
    run = newest(folder / "runs")
    done = suite("toy", "train", "--config", str(run / "config.yaml"), "--output", str(tmp_path), cwd=folder)
    assert done.returncode == 0, done.stderr
    digests = [
        json.loads((max(r.glob("checkpoints/step-*")) / "MANIFEST.json").read_text())["files"]["model.safetensors"]
        for r in (run, newest(tmp_path))
    ]
    assert digests[0] == digests[1]


def test_dry_run_says_what_would_happen_and_writes_nothing(tmp_path, here):
    done = here("toy", "train", "--dry-run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for text in ("epochs: 4.0", "160 rows: 160 usable", "Splits: train", "parameters", "Memory:", "Time: 68 steps"):
        assert text in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_data_check_names_rows_and_fails_when_too_many_are_bad(tmp_path, here):
    (tmp_path / "d.csv").write_text("token,class\narea,vowels\nr2d2,consonants\n,vowels\narea,vowels\n")
    done = here("toy", "data", "check", "d.csv", "--rejected", "rejected.jsonl", cwd=tmp_path)
    assert done.returncode == 2
    assert "4 rows: 1 usable, 3 rejected" in done.stdout
    assert "Columns taken: word=token, label=class." in done.stderr
    assert "3 of 4 rows are unusable (75.0%)" in done.stderr
    rejected = [json.loads(line) for line in (tmp_path / "rejected.jsonl").read_text().splitlines()]
    assert [entry["row"] for entry in rejected] == [1, 2, 3]


def test_data_check_is_for_ci(tmp_path, here):
    """Status 0 with warnings, 2 for what a training would refuse at its first step; as JSON with file and line."""
    rows = [f"{chr(97 + n)}{'xa'[n % 2]},{'consonants' if n % 2 == 0 else 'vowels'}" for n in range(20)]
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "words.csv").write_text("\n".join(["token,class", *rows, "r2d2,vowels"]) + "\n")
    (tmp_path / "data" / "more.nrrd").write_text("")
    done = here("toy", "data", "check", "data", "--format", "json", "--set", "batch_size=4", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["counts"] == {"rows": 21, "accepted": 20, "rejected": 1, "errors": 0, "warnings": 1, "notes": 0}
    assert answer["unread"] == {".nrrd": 1} and answer["refused"] is None and sum(answer["splits"].values()) == 20
    assert [(entry["file"], entry["line"]) for entry in answer["rejected"]] == [("words.csv", 22)]
    assert not list(tmp_path.glob("runs*"))

    for option in (
        ["--model", "owner/nothing"],
        ["--lora", "--set", "lora_targets=[no_such]"],
        ["--set", "freeze=[x]"],
    ):
        refused = here("toy", "data", "check", "data", "--format", "json", *option, cwd=tmp_path)
        assert refused.returncode == 2
        assert json.loads(refused.stdout)["refused"] in refused.stderr
    twice = here("toy", "data", "check", "data", "--data", "data", cwd=tmp_path)
    assert twice.returncode == 2 and "The data are named twice" in twice.stderr


def test_data_check_takes_what_train_takes():
    """The same options, but for those that are of a run and not of its data."""
    offer = load_plugins().domains["toy"]
    train, check = (
        {option.name: (option.opts, option.type.name) for option in command.params if isinstance(option, click.Option)}
        for command in (verbs.train(offer), verbs.data(offer).commands["check"])
    )
    of_a_run, of_a_check = {"resume", "force", "dry_run", "processes", "nodes", "rendezvous"}, {"form", "rejected"}
    assert {name: train[name] for name in train.keys() - of_a_run} == {
        name: check[name] for name in check.keys() - of_a_check
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["tow", "train"], "No command or domain 'tow'. Did you mean 'toy'?"),
        (["toy", "trian"], "No command 'trian'. Did you mean 'train'?"),
        (["toy", "train", "--data", "nowhere.csv"], "nowhere.csv"),
        (["toy", "train", "--set", "num_epoch=30"], "No option 'num_epoch'"),
        (["toy", "train", "--columns", "word"], "has no '='"),
        (["toy", "train", "--resume"], "No unfinished run of toy"),
        (["toy", "train", "--resume", "x"], "No run 'x'"),
        (["toy", "train", "--resume", "--epochs", "3"], "leave out epochs"),
        (["toy", "evaluate"], "No run 'latest'"),
        (["toy", "train", "--model", "owner/nothing"], "owner/nothing"),
        (["toy", "train", "--precision", "fp8"], "is not one of"),
        (["runs", "show"], "No run 'latest'"),
    ],
)
def test_mistakes_are_one_sentence_and_status_2(arguments, said, tmp_path, here):
    done = here(*arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["train --dry-run", "data check"])
def test_a_config_may_be_a_pipe(command, tmp_path, here):
    """As of `--config <(…)`: what it says can be read once."""
    os.mkfifo(pipe := tmp_path / "config")

    def write():
        with pipe.open("w") as file:
            pipe.unlink()  # so that a second reader waits for nobody
            file.write("epochs: 1\n")

    threading.Thread(target=write, daemon=True).start()
    done = here("toy", *command.split(), "--config", str(pipe), cwd=tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", ["train", "data check"])
def test_a_misspelt_option_waits_for_no_torch(command):
    code = "import sys\nfrom suite.cli.main import run, suite\nprint(run(suite, sys.argv[1:]), 'torch' in sys.modules)"
    line = [sys.executable, "-c", code, "toy", *command.split(), "--set", "epoch=1"]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    assert done.stdout == "2 False\n" and "Did you mean 'epochs'?" in done.stderr


def test_our_own_mistakes_keep_their_traceback_and_status_1(tmp_path):
    from suite.testing import distribution

    source = (
        "import click\nfrom suite import Entry, hookimpl\n@hookimpl\ndef suite_commands():\n"
        "    return [Entry('crash', 'Crashes.', 'suite_crash:crash')]\n"
        "@click.command()\ndef crash():\n    raise RuntimeError('ours')\n"
    )
    distribution(tmp_path, "suite_crash", source)
    done = suite("crash", PYTHONPATH=f"{tmp_path}{os.pathsep}{os.environ['PYTHONPATH']}")
    assert done.returncode == 1 and "RuntimeError: ours" in done.stderr


def test_quiet_prints_results_only(folder):
    done = suite("toy", "predict", "area", "-q", cwd=folder)
    assert done.returncode == 0 and done.stderr == "" and json.loads(done.stdout)["label"]


def test_a_plugins_command_is_a_verb_of_its_domain():
    assert "Count the vowels of a word." in suite("toy", "--help").stdout
    assert suite("toy", "count", "area").stdout == "3\n"


def test_options_name_every_field_with_its_default(folder):
    text = suite("toy", "options").stdout
    assert "noise" in text and "Chance that a training letter is replaced." in text and "0.1" in text
    schema = json.loads(suite("toy", "options", "--format", "json").stdout)
    assert schema["properties"]["noise"]["default"] == 0.1


def test_a_table_gives_shares_three_decimals_and_counts_none():
    from suite.console import table

    text = table(["name", "share", "alerts"], [["a", 0.12345, 11253.0], ["b", None, 3.0]])
    assert text.splitlines() == ["name  share  alerts", "a     0.123   11253", "b         –   3.000"]


def test_a_section_is_read_in_a_terminal_and_a_name_that_begins_with_a_digit_is_no_number():
    from suite.console import plain

    odd = ["| odd | row |", "| of | four | cells |"]
    lines = ["Seen.", "", "| run | n |", "|---|--:|", "| 2026-a | 7 |", "| 2026-bcd | 11 % |", "", *odd]
    table = ["run          n", "2026-a       7", "2026-bcd  11 %"]
    assert plain("\n".join(lines)).splitlines() == ["Seen.", "", *table, "", *odd]
