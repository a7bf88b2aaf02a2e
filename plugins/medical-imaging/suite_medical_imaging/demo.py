"""The Demo tab."""

from __future__ import annotations

from typing import TYPE_CHECKING

from suite import Predictor

if TYPE_CHECKING:
    from suite_medical_imaging.domain import MedicalImagingDomain


def build_demo(domain: MedicalImagingDomain, predictor: Predictor) -> None:
    """For now a notice."""
    import gradio as gr

    gr.Markdown("**Not for clinical use.**")
