"""The domain: transactions in, the chance of fraud out."""

from __future__ import annotations

from suite import Domain, Space
from suite_fraud.config import FraudConfig
from suite_fraud.data.columns import COLUMNS
from suite_fraud.starter.assets import STARTER

FRAUD = Domain(
    name="fraud",
    title="Fraud detection",
    Config=FraudConfig,
    columns=COLUMNS,
    metric="average_precision",
    starter=STARTER,
    limits=(
        "It ranks transactions for people to look at; it must not be the only ground on which somebody is refused "
        "service. It learns the frauds that were found: those nobody reported teach it that they are fine, and "
        "fraudsters change what they do, so that scores age; the weekly drift says how fast.\n\n"
        "The starter has only ever seen simulated portfolios with three kinds of fraud, each of which leaves a trace "
        "in amounts, habits or terminals. Its figures on simulated data say how methods compare, not what to expect "
        "of yours. Amounts must be in one currency, and the order of time must be right: features of a transaction "
        "are made of what came before it."
    ),
    pipeline_tag="tabular-classification",
    space=Space("An analyst's queue of alerts, with reasons and costs", "🔎", ("indigo", "red")),
    data="suite_fraud.data.rows:FraudData",
    model="suite_fraud.serving.model:load",
    scores="suite_fraud.evaluation.scores:FraudScores",
    baselines="suite_fraud.evaluation.report:baselines",
    report="suite_fraud.evaluation.report:report",
    answers="suite_fraud.evaluation.answers:FraudAnswers",
    demo="suite_fraud.demo.page:build",
    demo_call="suite_fraud.demo.page:demo_call",
)
"""Ranks the transactions of a table by how likely they are fraud."""
