"""Image generation as an application: captioned pictures in, a pipeline that draws in their manner out."""

from __future__ import annotations

from suite import Column, Columns, Domain, Space
from suite_image_generation.config import LORA_TARGETS, ImageConfig
from suite_image_generation.starter.assets import STARTER

IMAGE_GENERATION = Domain(
    name="image-generation",
    title="Image generation",
    pipeline_tag="text-to-image",
    Config=ImageConfig,
    columns=Columns(
        (
            Column("image", "image", "picture: PNG, JPEG, WebP, GIF, TIFF or BMP"),
            Column("caption", "text", "what it shows, in words", aliases=("text", "prompt", "description")),
        )
    ),
    metric="loss",
    greater_is_better=False,
    starter=STARTER,
    space=Space("Emoji from words, with the nearest training pictures", "🎨", ("pink", "yellow"), zero_gpu=True),
    library="diffusers",
    needs_rows=False,
    lora_targets=LORA_TARGETS,
    limits=(
        "Pictures are made up and prove nothing. A face in one is nobody's, or somebody's who was in the training "
        "pictures: the report says how near samples come to them. What a model draws follows its training pictures, "
        "with their gaps and prejudices. Only fine-tune on pictures you have the right to use.\n\n"
        "The starter draws emoji of 64 pixels and knows nothing else. Its samples, and the encoder that measures them, "
        "say nothing about photographs. The validation loss picks the checkpoint; it says how well noise is predicted, "
        "not how well people like the pictures: look at the previews."
    ),
    data="suite_image_generation.pictures.rows:ImageData",
    model="suite_image_generation.generation.loading:load",
    scores="suite_image_generation.evaluation.scores:ImageScores",
    answers="suite_image_generation.generation.writing:ImageAnswers",
    baselines="suite_image_generation.evaluation.baselines:baselines",
    report="suite_image_generation.evaluation.report:report",
    demo="suite_image_generation.demo.page:build",
    demo_call="suite_image_generation.demo.session:demo_call",
)
"""Text-to-image by diffusion or flow: any stock pipeline of diffusers that `model.pipelines` names."""
