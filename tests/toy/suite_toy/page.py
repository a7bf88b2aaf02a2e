"""The toy's demo."""

import gradio as gr

from suite import SuiteError


def build(predictor):
    word = gr.Textbox(label="Word")
    answer = gr.Label(label="Answer")
    button = gr.Button("Decide")
    gr.Examples(["area", "rhythm"], inputs=word)

    def decide(text: str):
        try:
            (prediction,) = predictor(predictor.inputs(text))
        except SuiteError as error:
            raise gr.Error(str(error)) from None
        return {"vowels": prediction["vowels"], "consonants": 1 - prediction["vowels"]}

    button.click(decide, word, answer, api_name="toy_decide")


def demo_call(predictor):
    return "toy_decide", ["rhythm"]
