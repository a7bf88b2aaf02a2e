from suite_toy.domain import ToyDomain


class Grumpy(ToyDomain):
    name = "grumpy"
    title = "Grumpy & sons"

    def demo(self, predictor):
        import gradio as gr

        gr.Textbox(label="Half a demo")
        raise RuntimeError("not <i>today</i>")
