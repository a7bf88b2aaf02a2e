"""The decoders' names, for who must not import them: what reads files brings torch and a dozen libraries."""

TABLES = ("table.csv", "table.tsv", "table.json", "table.jsonl", "table.parquet")
PANDAS = ("interactions.csv", "interactions.jsonl", "interactions.parquet")
MEDICAL = tuple(
    f"medical.{kind}"
    for kind in ("png", "jpeg", "mpo", "webp", "gif", "tiff", "bmp", "jpeg2000", "ppm", "dicom", "nifti")
)
IMAGES = tuple(f"images.{kind}" for kind in ("png", "jpeg", "mpo", "webp", "gif", "tiff", "bmp"))
SPEECH = tuple(f"speech.{kind}" for kind in ("wav", "float.wav", "flac", "mp3", "ogg", "opus", "aiff"))
TRANSLATION = tuple(f"translation.{kind}" for kind in ("po", "pot", "xlf", "tmx", "csv", "tsv", "json", "arb", "srt"))
TEXTS = (
    *("images.settings", "images.prompts", "images.captions", "images.weights"),
    *("speech.srt", "speech.vtt", "speech.voices", "translation.glossary", "translation.lines"),
)
STATES = ("state.config", "state.card", "state.corrections", "state.run", "state.answering")
MODELS = tuple(
    f"model.{name}"
    for name in (*("toy", "fraud", "image-generation", "medical-imaging", "recommendations", "speech", "translation"),)
)
NAMES = (*TABLES, *PANDAS, *MEDICAL, *IMAGES, *SPEECH, *TRANSLATION, *TEXTS, *STATES, *MODELS)
