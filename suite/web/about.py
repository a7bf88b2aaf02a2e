"""The About tab: what a domain does, where it fails, which model answers, under which licences, and how to tune it."""

from __future__ import annotations

import gradio as gr

from suite.domain.description import Domain
from suite.inference.predictor import Predictor


def about(summary: str, predictor: Predictor) -> None:
    """Builds the tab inside an open Blocks. Texts come from installed plugins and the user's own runs."""
    domain = predictor.task.domain
    gr.Markdown(f"## What it does\n{summary}\n\n{answering(predictor)}")
    if card := run_card(predictor):
        with gr.Accordion("Model card", open=False):
            gr.Markdown(card)
    gr.Markdown(f"## Limits\n{domain.limits}")
    gr.Markdown(f"## Fine-tune on data of your own\n{tuning(domain)}")
    gr.Markdown(f"## Models and data it starts from\n{assets(domain)}", elem_classes="suite-assets")


def answering(predictor: Predictor) -> str:
    """Which model answers, and how to have another."""
    domain = predictor.task.domain
    first = "the starter" if domain.general else "the newest finished run, or else the starter"
    return (
        f"Now answering: {predictor.describe()} When the app starts it takes {first}. "
        f"To have another: `suite launch --domain {domain.name} --run RUN`."
    )


def run_card(predictor: Predictor) -> str:
    """The run's model card without the front matter; empty for a model that is no run's."""
    path = predictor.run.path / "README.md" if predictor.run else None
    if path is None or not path.is_file():
        return ""
    text = path.read_text(encoding="utf-8")
    return text.split("\n---\n", 1)[-1].strip() if text.startswith("---\n") else text


def tuning(domain: Domain) -> str:
    """The three commands from data to figures, and the columns the data needs."""
    name = domain.name
    columns = "\n".join(
        f"- `{column.name}`{'' if column.required else ' (optional)'}: {column.summary}" for column in domain.columns
    )
    commands = (
        f"# is it usable, and which rows are not?\nsuite {name} data check ./mine\n"
        f"# fine-tune\nsuite {name} train --data ./mine\n"
        f"# beside the untuned model and baselines\nsuite {name} evaluate latest"
    )
    return f"```bash\n{commands}\n```\n\nA folder or a table with these columns:\n\n{columns}"


def assets(domain: Domain) -> str:
    """A Markdown table of the starter's models and data with licences and sources."""
    rows = [
        f"| [{_cell(asset.name)}]({asset.url}) | {asset.kind} | {_cell(asset.licence)} | {_cell(asset.summary)} |"
        for asset in domain.starter.assets
    ]
    return "\n".join(["| Name | Kind | Licence | What it is |", "|---|---|---|---|", *rows])


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
