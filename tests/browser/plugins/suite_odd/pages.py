from suite import SuiteError


def two_mistakes():
    import gradio as gr

    answer = gr.Textbox(label="Answer")

    def mistake():
        raise SuiteError("The file has no sound; record it again.")

    def stream():
        yield "half"
        raise SuiteError("The stream has ended too soon.")

    def bug():
        raise ValueError("/home/ada/secret.wav")

    gr.Button("Mistake").click(mistake, None, answer, api_name="mistake")
    gr.Button("Stream").click(stream, None, answer, api_name="stream")
    gr.Button("Bug").click(bug, None, answer, api_name="bug")


def any_file():
    """Careless on purpose: what a visitor types goes out as a file."""
    import gradio as gr

    name, file = gr.Textbox(label="Name"), gr.File(label="File")
    name.submit(lambda text: text, name, file, api_name="any_file")


def no_page():
    raise RuntimeError("no page today")
