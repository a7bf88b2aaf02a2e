"""Medical imaging as an application: labelled pictures in, calibrated probabilities out."""

from __future__ import annotations

from suite import Domain, Space
from suite_medical_imaging.config import MedicalConfig
from suite_medical_imaging.data.names import LABELLED, METRIC
from suite_medical_imaging.starter.assets import STARTER

MEDICAL_IMAGING = Domain(
    name="medical-imaging",
    title="Medical imaging",
    pipeline_tag="image-classification",
    Config=MedicalConfig,
    columns=LABELLED,
    metric=METRIC,
    starter=STARTER,
    space=Space("What a scan shows, how sure, and where it looked", "🩻"),
    lora_targets=("query", "value"),
    limits=(
        "**Not for clinical use.** It is a tool for research and teaching, no medical device, and nobody has tested it "
        "on patients. It answers every picture, also one of another organ, another scanner or a holiday: what its "
        "training pictures did not show, it does not know, and its stated probabilities and conformal sets hold for "
        "pictures like the validation ones only.\n\n"
        "A heat map shows what moved the answer, not why, and not that the answer is right. The audit for shortcuts "
        "tries three; a model may have found another. Figures of the starter are of slices of one average brain, and "
        "its lesions are simulated: they show that the method works and say nothing about any disease."
    ),
    data="suite_medical_imaging.data.dataset:MedicalData",
    model="suite_medical_imaging.model.loading:load",
    scores="suite_medical_imaging.evaluation.scores:MedicalScores",
    answers="suite_medical_imaging.evaluation.answers:MedicalAnswers",
    baselines="suite_medical_imaging.evaluation.baselines:baselines",
    report="suite_medical_imaging.evaluation.report:report",
    demo="suite_medical_imaging.demo.page:build",
    demo_call="suite_medical_imaging.demo.examples:demo_call",
)
