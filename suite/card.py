"""The model card: what the model is, where it came from, how well it does beside what else, and its limits."""

from __future__ import annotations

from typing import Any

from suite.domain import Domain
from suite.evaluation.evaluate import render, verdicts


def card(domain: Domain, name: str, evaluation: dict[str, Any] | None) -> str:
    """The card as Markdown with the front matter the Hub reads."""
    config = domain.config
    base = config.model or domain.starter.model
    asset = next((asset for asset in domain.starter.assets if asset.name == base), None)
    front = [f"library_name: {domain.library}", "tags:", "- suite", f"- {domain.name}", f"base_model: {base}"]
    lines = ["---", *front, "---", "", f"# {name}", "", f"{domain.title}, fine-tuned with Suite from `{base}`"]
    lines[-1] += f" ({asset.licence}, {asset.url})." if asset else "."
    lines += ["", f"Data: `{config.data or domain.starter.data}`. The run's `config.yaml` reproduces it.", ""]
    if evaluation:
        lines += ["## Evaluation", "", "```", render(domain, evaluation, sections=False), "```", ""]
        lines += [f"- {sentence}" for sentence in verdicts(domain, evaluation["test"])]
        lines += [line for one in evaluation.values() for part in one.get("sections", []) for line in _section(part)]
    return "\n".join([*lines, "", "## Limits", "", domain.limits.strip(), ""])


def _section(part: dict[str, Any]) -> list[str]:
    figure = ["", f"![{part['title']}]({part['figure']})"] if "figure" in part else []
    return ["", f"## {part['title']}", "", part["text"], *figure]
