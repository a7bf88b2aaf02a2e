from dataclasses import replace

from suite_toy.domain import TOY


def half_a_demo(predictor):
    import gradio as gr

    gr.Textbox(label="Half a demo")
    raise RuntimeError("not <i>today</i>")


GRUMPY = replace(TOY, name="grumpy", title="Grumpy & sons", demo=half_a_demo)
