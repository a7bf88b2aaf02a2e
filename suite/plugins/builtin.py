"""The core's own commands, sources and callbacks, offered through the hooks every plugin uses."""

from __future__ import annotations

from suite.plugins.hookspecs import Entry, hookimpl

DISTRIBUTION = "suite-core"
"""What pip calls the core. It is imported, and run, as `suite`; on the package index that name is somebody else's."""

VERBS = {
    "train": "Fine-tune on data; with no argument on the starter's.",
    "evaluate": "Score a run beside the pretrained model and the baselines.",
    "predict": "Answer for files or texts.",
    "options": "Every option of a training run, with its default.",
    "data": "Look at data before training: suite DOMAIN data check.",
}
"""What every domain can be told, `suite DOMAIN VERB`; no plugin's verb has such a name."""

WEB_PATHS = frozenset(("api", "assets", "config", "healthz", "login", "logout", "monitoring", "static", "svelte"))
"""Paths of the web app itself: a domain or page of such a name would take its place there."""


@hookimpl
def suite_commands() -> list[Entry]:
    """The commands that belong to no domain."""
    return [
        Entry("list", "Domains, plugins, versions, and what is broken and why.", "suite.cli.commands:list_"),
        Entry("plugins", "What each plugin offers and takes; switch one off.", "suite.cli.plugins:plugins"),
        Entry("launch", "Open the web app.", "suite.cli.launch:launch"),
        Entry(
            "runs",
            "List training runs, show, resume or verify one.",
            "suite.cli.commands:runs",
        ),
        Entry("fetch", "Fetch every domain's starter model and data.", "suite.cli.fetch:fetch"),
        Entry("new", "Write a plugin that already trains and demonstrates.", "suite.cli.new:new"),
        Entry("push", "Push a finished run's model to the Hugging Face Hub.", "suite.cli.push:push"),
        Entry("jobs", "Train on Hugging Face's machines: suite jobs run.", "suite.cli.jobs:jobs"),
        Entry("space", "A domain's demo as a Hugging Face Space: build, try, push.", "suite.cli.space:space"),
        Entry("export", "Write a run's model as ONNX, compared with the model.", "suite.cli.export:export"),
        Entry("doctor", "Check this machine and installation; each finding with its cure.", "suite.cli.doctor:doctor"),
    ]


@hookimpl
def suite_sources() -> list[Entry]:
    """Where data come from."""
    return [
        Entry("hub", "A data set on the Hugging Face Hub.", "suite.data.sources:hub"),
        Entry("local", "Data that stayed where a pushed model was trained.", "suite.data.sources:local"),
        Entry("folder", "A local folder.", "suite.data.sources:folder"),
        Entry("file", "A CSV, TSV, Parquet, JSON or JSONL file.", "suite.data.sources:file"),
        Entry("starter", "Data the domain brings or mirrors.", "suite.data.sources:starter"),
        Entry("corrections", "What people corrected in the demo.", "suite.data.corrections:source"),
    ]


@hookimpl
def suite_callbacks() -> list[Entry]:
    """What watches a training run: the bar always, trackio where it is installed, the others where they are named."""
    return [
        Entry("progress", "A bar with loss, metric and time left.", "suite.training.callbacks:Progress"),
        Entry("trackio", "Keeps runs for trackio's dashboard, on this machine.", "suite.training.trackers:Trackio"),
        Entry("tensorboard", "Writes a run's events for TensorBoard.", "suite.training.trackers:TensorBoard"),
        Entry("wandb", "Keeps runs for Weights & Biases, offline.", "suite.training.trackers:WandB"),
    ]


@hookimpl
def suite_pages() -> list[Entry]:
    """Pages of the web app that belong to no domain."""
    return [Entry("gallery", "Every domain at a glance.", "suite.web.gallery:build")]
