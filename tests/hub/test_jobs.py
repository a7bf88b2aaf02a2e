"""`suite jobs run`: what is submitted to the (fake) hub, and what is refused before a machine is paid for."""

import shlex

import pytest

PLACES = ("--install", "suite-core @ git+https://example.org/suite@v1", "--install", "suite-toy==0.1.0")


def run(*arguments):
    return ("jobs", "run", "toy", "train", *arguments)


def test_a_training_is_submitted_with_its_push_and_its_secret_apart(empty):
    data = empty.hub.add("ada/words", {"words.csv": b"word,label\n"}, kind="datasets")
    (empty.folder / "mine.yaml").write_text("epochs: 9\nnoise: 0.5\n")
    given = ["--data", "ada/words", "--epochs", "2", "--config", "mine.yaml", "--columns", "word=text", "--lora"]
    out = empty.ok(*run(*given, "--processes", "2", "--flavor", "a10g-large", "--timeout", "90m", *PLACES))
    assert out == f"job1\n{empty.hub.url}/jobs/ada/job1\n"
    (job,) = empty.hub.jobs
    *before, shell, flag, line = job["command"]
    assert before == ["uv", "run", "--no-project", "--with", PLACES[1], "--with", PLACES[3]]
    assert (shell, flag) == ("bash", "-c")
    words = shlex.split(line)
    assert words[:3] == ["suite", "toy", "train"] and words[words.index("&&") :] == [
        "&&", "suite", "push", "latest", "--to", "ada/toy-job",
    ]  # fmt: skip
    settings = {words[i + 1] for i, word in enumerate(words) if word == "--set"}
    expected = {"epochs=2.0", "noise=0.5", "lora=true", 'columns={"word": "text"}', f'data="ada/words@{data.head}"'}
    assert settings == expected and words[words.index("--processes") + 1] == "2"
    assert (job["flavor"], job["timeoutSeconds"], job["secrets"]) == ("a10g-large", 5400, {"HF_TOKEN": "hf_write"})
    assert "hf_write" not in str(job["command"]) and job["dockerImage"].startswith("ghcr.io/astral-sh/uv:")


def test_what_is_submitted_trains(empty):
    """The line a job runs, run here, up to the push."""
    empty.ok(*run("--set", "max_steps=1", "--set", "limit=20", *PLACES))
    line = shlex.split(empty.hub.jobs[0]["command"][-1])
    empty.ok(*line[1 : line.index("&&")])
    empty.ok(*line[line.index("&&") + 2 :])
    assert ("models", "ada/toy-job") in empty.hub.repositories


def test_a_dry_run_shows_it_and_submits_nothing(empty):
    out = empty.ok(*run("--epochs", "1", "--to", "ada/named", "--dry-run", *PLACES))
    assert empty.hub.jobs == [] and "hf_write" not in out
    assert "flavor: a10g-small\ntimeout: 2h\nsecrets: HF_TOKEN\npushes to: ada/named\nuv run --no-project " in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--data", "words.csv"], "A job cannot see the data 'words.csv' of this machine: push them to the hub first"),
        (["--model", "./mine"], "A job cannot see the model './mine' of this machine: push it first (suite push)"),
        (["--set", "also_evaluate=[words.csv]"], "A job cannot see the data 'words.csv' of this machine"),
        (["--resume"], "A job begins a new run on one machine: leave out --resume."),
        (["--nodes", "2"], "A job is one machine, which may have several GPUs: leave out --nodes."),
        (["--timeout", "soon"], "--timeout 'soon' is no time; write a number with s, m, h or d, such as 90m or 2h."),
        (["--set", "epoch=2"], "No option 'epoch'. Did you mean 'epochs'?"),
        (["--install", "./wheel.whl"], "--install './wheel.whl' is on this machine, which a job cannot reach; give an"),
        (["--install", "x @ git+https://me:pw@h.org/x"], "--install holds a user or password, and a job's command can"),
        (["--flavor", "a100x800"], "The hub would not run a job on a100x800: it answered with status 400 (flavor: inv"),
        (["--data", "ada/none"], "The hub has no data set 'ada/none' that you may read"),
        (["--model", "eve/nc"], "eve/nc is licensed 'cc-by-nc-4.0', which forbids commercial use"),
        (["--model", "eve/none"], "The hub would not show the model eve/none: there is none of that name that you may"),
    ],
)
def test_what_no_job_can_do_is_refused_here(empty, arguments, said):
    empty.hub.add("eve/nc", {"README.md": b"---\nlicense: cc-by-nc-4.0\n---\n"}, private=False)
    (empty.folder / "words.csv").write_text("word,label\n")
    assert empty.refused(*run(*arguments, *PLACES)).startswith(said)
    assert empty.hub.jobs == []


def test_where_suite_comes_from_must_be_said_when_it_is_installed_from_a_folder(empty):
    assert empty.refused(*run()).startswith(
        "Suite is installed here from a folder, which a job cannot reach: say where"
    )
    assert empty.refused(*run(*PLACES), HF_TOKEN="").startswith("You are not logged in to the hub")


def test_a_git_installation_names_its_commit(monkeypatch):
    from suite.hub import jobs

    text = '{"url": "https://h.org/s", "vcs_info": {"vcs": "git", "commit_id": "abc"}, "subdirectory": "plugins/toy"}'
    monkeypatch.setattr(jobs, "distribution", lambda name: type("Found", (), {"read_text": lambda self, file: text})())
    assert jobs._source("suite-toy") == "suite-toy @ git+https://h.org/s@abc#subdirectory=plugins/toy"
