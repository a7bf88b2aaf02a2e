"""Makes the small CLIP: a text tower distilled from all-MiniLM-L6-v2, then a vision tower that reads the emoji.

    python clip.py text emoji.parquet emojilib work/clip --minutes 6
    python clip.py vision emoji.parquet emojilib work/clip --minutes 4

The text tower learns to answer as MiniLM does for every caption and for some 20,000 English words, so that "kitten"
lies beside "cat" whether or not a caption has it (Reimers and Gurevych 2020, https://arxiv.org/abs/2004.09813). The
vision tower learns to find the text of a picture among all texts (Radford et al. 2021, https://arxiv.org/abs/2103.00020).
"""

from __future__ import annotations

import argparse
import io
import json
import math
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import torch
from PIL import Image
from prepare import keywords
from torch import Tensor
from torch.nn import functional
from transformers import AutoModel, AutoTokenizer, CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTokenizer

from suite import mean_states, minilm, resolve_model

LONGEST = 24
VOCABULARY = 6000
WIDTH = 192
TEMPLATES = ("{}", "a {}", "the {}", "a picture of a {}", "an emoji of a {}", "{} emoji")


def captions(parquet: Path) -> list[list[str]]:
    """The texts of each picture: captions, then keywords."""
    table = pq.read_table(parquet, columns=["captions", "keywords"]).to_pydict()
    return [[*said, *more] for said, more in zip(table["captions"], table["keywords"], strict=True)]


def words(tokenizer: AutoTokenizer) -> list[str]:
    """The whole English words of MiniLM's vocabulary."""
    return sorted(word for word in tokenizer.get_vocab() if word.isascii() and word.isalpha() and len(word) > 2)


def make_tokenizer(texts: list[str], common: list[str]) -> CLIPTokenizer:
    """CLIP's own byte-level BPE, with merges learnt here; captions weigh more, so that their words stay whole.

    A sign that ends no text here, such as a comma, is read as the end of the text: the vector of "cat, blob style" is
    that of "cat". The states after it, which the UNet reads, still tell the style.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    like = CLIPTokenizer().backend_tokenizer
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = like.normalizer, like.pre_tokenizer
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<|startoftext|>", "<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        end_of_word_suffix="</w>",
    )
    tokenizer.train_from_iterator([*texts * 30, *common], trainer)
    learnt = json.loads(tokenizer.to_str())["model"]
    return CLIPTokenizer(
        vocab=learnt["vocab"], merges=[tuple(pair) for pair in learnt["merges"]], model_max_length=LONGEST
    )


def build(tokenizer: CLIPTokenizer) -> CLIPModel:
    """Three text layers and four vision layers of width 192; vectors of 384 numbers, as MiniLM's."""
    ends = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    shape = {"hidden_size": WIDTH, "intermediate_size": 4 * WIDTH, "num_attention_heads": 4, "projection_dim": 384}
    text = {
        **shape,
        **ends,
        "pad_token_id": tokenizer.pad_token_id,
        "vocab_size": len(tokenizer),
        "num_hidden_layers": 3,
        "max_position_embeddings": LONGEST,
    }
    vision = {**shape, "num_hidden_layers": 4, "image_size": 64, "patch_size": 16}
    return CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=384))


def teach(texts: list[str]) -> Tensor:
    """(texts, 384) unit vectors of MiniLM."""
    folder = resolve_model(minilm.name, [minilm])
    teacher, tokenizer = AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    parts = [texts[i : i + 256] for i in range(0, len(texts), 256)]
    return torch.cat([mean_states(teacher, tokenizer, part, longest=LONGEST) for part in parts])


def schedule(optimizer: torch.optim.Optimizer, minutes: float, rate: float) -> Iterator[int]:
    """Steps for so many minutes; the rate rises for 100 of them, then falls to zero by the clock."""
    start, step = time.monotonic(), 0
    while (done := (time.monotonic() - start) / (60 * minutes)) < 1:
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / 100) * (1 + math.cos(math.pi * done)) / 2
        yield step
        step += 1


def embed_text(model: CLIPModel, tokenizer: CLIPTokenizer, texts: list[str]) -> Tensor:
    """(texts, 384) unit vectors of the text tower."""
    batch = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
    return functional.normalize(model.text_projection(model.text_model(**batch).pooler_output), dim=-1)


def train_text(parquet: Path, emojilib: Path, out: Path, minutes: float) -> None:
    """Tokeniser and text tower."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    common = words(AutoTokenizer.from_pretrained(resolve_model(minilm.name, [minilm])))
    phrases = [text for texts in captions(parquet) for text in texts]
    said = [form.format(text) for text in sorted(set(phrases)) for form in TEMPLATES]
    # Keywords of the other emoji are the nouns that people draw.
    common = sorted({*common, *(word for listed in keywords(emojilib).values() for word in listed)})
    tokenizer = make_tokenizer(phrases, common)
    texts, weights = [*said, *common], [len(common) / len(said)] * len(said) + [1.0] * len(common)
    vectors = teach(texts)
    print(f"{len(said)} captions, {len(common)} words, vocabulary {len(tokenizer)}", flush=True)
    model = build(tokenizer)
    parameters = [*model.text_model.parameters(), *model.text_projection.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=0.0, weight_decay=0.01)
    chance = torch.tensor(weights)
    for step in schedule(optimizer, minutes, 1.5e-3):
        pick = torch.multinomial(chance, 192, generator=generator)
        got = embed_text(model, tokenizer, [texts[i] for i in pick])
        near = got @ vectors[pick].T
        # Cosine alone leaves neighbours blurred; the batch's other texts as wrong answers tell them apart.
        loss = (1 - near.diagonal()).mean() + 0.1 * functional.cross_entropy(near / 0.05, torch.arange(len(pick)))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        if step % 50 == 0:
            print(f"step {step} loss {loss.item():.3f} cosine {near.diagonal().mean().item():.3f}", flush=True)
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)


def pixels(pictures: list[Image.Image]) -> Tensor:
    """(pictures, 3, 64, 64) in [-1, 1]: on white, scaled to fit."""
    parts = []
    for picture in pictures:
        shown = Image.new("RGBA", picture.size, "white")
        shown.alpha_composite(picture.convert("RGBA"))
        values = torch.frombuffer(bytearray(shown.convert("RGB").resize((64, 64)).tobytes()), dtype=torch.uint8)
        parts.append(values.view(64, 64, 3).permute(2, 0, 1).float() / 127.5 - 1)
    return torch.stack(parts)


def varied(batch: Tensor, generator: torch.Generator) -> Tensor:
    """Each picture turned, scaled, shifted, mirrored, brighter or darker by a little; white comes in at the rim."""
    count = len(batch)
    angle, scale, y, x, light = (torch.randn(5, count, generator=generator) * 0.1).clamp(-0.25, 0.25)
    cos, sin = (1 + scale) * angle.cos(), (1 + scale) * angle.sin()
    mirror = 1 - 2 * (torch.rand(count, generator=generator) < 0.3).float()
    rows = torch.stack((torch.stack((cos * mirror, -sin, x), -1), torch.stack((sin * mirror, cos, y), -1)), 1)
    where = functional.affine_grid(rows, list(batch.shape), align_corners=False)
    moved = functional.grid_sample(1 - batch, where, align_corners=False)
    noise = 0.05 * torch.randn(batch.shape, generator=generator)
    return 1 - moved * (1 + light[:, None, None, None]) + noise


def train_vision(parquet: Path, out: Path, minutes: float) -> None:
    """Vision tower beside the frozen text tower: each picture finds one of its texts among the batch's."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    model, tokenizer = CLIPModel.from_pretrained(out), CLIPTokenizer.from_pretrained(out)
    column = pq.read_table(parquet, columns=["image"]).to_pydict()["image"]
    images = pixels([Image.open(io.BytesIO(image["bytes"])) for image in column])
    with torch.no_grad():
        vectors = [embed_text(model, tokenizer, texts) for texts in captions(parquet)]
        # The one text that stands for a picture is mostly its caption; the mean of all keeps synonyms near.
        means = functional.normalize(torch.stack([(v[0] + v.mean(0)) / 2 for v in vectors]), dim=-1)

    def same(some: Tensor, others: Tensor) -> Tensor:
        """Whether pictures show one subject: styles share its vector."""
        return (means[some] * means[others]).sum(-1) > 0.999

    parameters = [*model.vision_model.parameters(), *model.visual_projection.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=0.0, weight_decay=0.05)
    for step in schedule(optimizer, minutes, 1e-3):
        pick = torch.randperm(len(images), generator=generator)[:64]
        states = model.vision_model(pixel_values=varied(images[pick], generator)).pooler_output
        near = functional.normalize(model.visual_projection(states), dim=-1) @ means.T
        loss = functional.cross_entropy(near / 0.05, pick) + (1 - near[torch.arange(len(pick)), pick]).mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        if step % 20 == 0:
            share = same(near.argmax(1), pick).float().mean().item()
            print(f"step {step} loss {loss.item():.3f} found {share:.2f}", flush=True)
    with torch.no_grad():
        states = model.vision_model(pixel_values=images).pooler_output
        nearest = (functional.normalize(model.visual_projection(states), dim=-1) @ means.T).argmax(1)
    print(f"{same(nearest, torch.arange(len(images))).float().mean().item():.3f} of the pictures find their subject")
    model.logit_scale.data.fill_(math.log(1 / 0.05))
    model.save_pretrained(out)
    CLIPImageProcessor(
        size={"height": 64, "width": 64}, do_center_crop=False, image_mean=[0.5] * 3, image_std=[0.5] * 3
    ).save_pretrained(out)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tower", choices=("text", "vision"))
    parser.add_argument("parquet", type=Path)
    parser.add_argument("emojilib", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=6)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.tower == "text":
        train_text(given.parquet, given.emojilib, given.out, given.minutes)
    else:
        train_vision(given.parquet, given.out, given.minutes)
