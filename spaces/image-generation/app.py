"""The image generation demo as a Hugging Face Space."""

from suite.web import space

if __name__ == "__main__":
    space("image-generation")
