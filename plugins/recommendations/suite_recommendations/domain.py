"""The domain: interactions of users and items in, ranked lists out."""

from __future__ import annotations

from suite import Domain, Space
from suite_recommendations.config import RecommendationsConfig
from suite_recommendations.data.columns import COLUMNS
from suite_recommendations.starter.assets import STARTER

RECOMMENDATIONS = Domain(
    name="recommendations",
    title="Recommendations",
    Config=RecommendationsConfig,
    columns=COLUMNS,
    metric="ndcg@10",
    starter=STARTER,
    space=Space("Pick what you liked, get ten more, with reasons", "🎬", ("indigo", "pink")),
    limits=(
        "It learns what people did, not what is good for them: lists follow the log's habits and its biases of age, "
        "gender and popularity, and a user who was shown something will be shown more of it. Scores rank items for "
        "one user; they are neither probabilities nor comparable between users. An item known by text alone borrows "
        "the counts of items with similar texts and is guessed at best.\n\n"
        "Figures are for the protocol named beside them. With leave-one-out, counts and weights come from all "
        "training histories, some of which are later in time than a given user's test item; the temporal protocol "
        "has no such look ahead. The starter's films end in 1998, its log reflects the order "
        "in which a website listed them, and its licence forbids commercial use and redistribution."
    ),
    data="suite_recommendations.data.rows:RecommendationsData",
    model="suite_recommendations.model.loading:load",
    scores="suite_recommendations.evaluation.scores:RecommendationsScores",
    baselines="suite_recommendations.evaluation.baselines:baselines",
    answers="suite_recommendations.evaluation.answers:RecommendationsAnswers",
    demo="suite_recommendations.demo.page:build",
    demo_call="suite_recommendations.demo.page:demo_call",
)
