"""Trains the text-to-emoji UNet on latents, and writes the whole `StableDiffusionPipeline`.

    python unet.py emoji.parquet work/vae work/clip work/unet --minutes 140

v-prediction (Salimans and Ho 2022, https://arxiv.org/abs/2202.00512) with noise that reaches all the way down (Lin et
al. 2023, https://arxiv.org/abs/2305.08891): a picture of 16 x 16 latents is decided at the noisiest steps. Guidance
without a classifier (Ho and Salimans 2022, https://arxiv.org/abs/2207.12598). Latents and text states are computed
once. Started again it goes on from its last checkpoint.
"""

from __future__ import annotations

import argparse
import io
import math
import time
from copy import deepcopy
from datetime import datetime
from pathlib import Path

import pyarrow.parquet as pq
import torch
from clip import TEMPLATES
from diffusers import AutoencoderTiny, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer

from suite_image_generation.pictures.alpha import to_picture, to_pixels

BATCH = 16
AVERAGE_EVERY = 4
"""Steps between two updates of the running average, which would cost a tenth of the time if taken after each."""
RATE = 1e-3
DROPOUT = 0.1
"""Share of pictures that get the empty caption."""
PLAIN = 2.0
"""How often a picture without a style in its caption is drawn, for once of any other."""
MOST_SIGNAL = 4.0
"""1 + signal to noise above which the loss weighs an error in the picture no more."""
SAVE_EVERY = 600.0
"""Seconds."""


def build_scheduler() -> DDIMScheduler:
    """Stable Diffusion's noise, rescaled to end in noise alone."""
    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        clip_sample=False,
        steps_offset=1,
        set_alpha_to_one=True,
    )


def build_unet() -> UNet2DConditionModel:
    """Text enters at 4 x 4 latents only: attention at 8 x 8 cost a third of the pictures seen an hour."""
    return UNet2DConditionModel(
        sample_size=16,
        in_channels=4,
        out_channels=4,
        layers_per_block=1,
        block_out_channels=(48, 96, 192),
        down_block_types=("DownBlock2D", "DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
        attention_head_dim=(2, 3, 6),
        cross_attention_dim=192,
        norm_num_groups=16,
    )


class Examples:
    """Latents of every picture and text states of all its captions; `draw` makes a batch of them."""

    def __init__(self, parquet: Path, vae: AutoencoderTiny, text: CLIPTextModel, tokenizer: CLIPTokenizer) -> None:
        table = pq.read_table(parquet).to_pylist()
        pixels = torch.stack([to_pixels(Image.open(io.BytesIO(row["image"]["bytes"]))) for row in table])
        with torch.no_grad():
            latents = torch.cat([vae.encode(part).latents for part in pixels.split(32)])
            self.latents = latents * vae.config.scaling_factor
            self.empty = encode(text, tokenizer, [""])[0]
            # A plain caption is what people type: most of what is drawn, whatever else a picture is called.
            self.main = [encode(text, tokenizer, _forms(row["captions"])) for row in table]
            self.more = [encode(text, tokenizer, [*row["captions"], *row["keywords"]]) for row in table]
        # What a caption without a style asks for is drawn more often.
        self.weights = torch.tensor([PLAIN if row["style"] == "noto" else 1.0 for row in table])

    def draw(self, size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Latents (size, 4, 16, 16) of different pictures, and states (size, tokens, width) of one text of each."""
        pick = torch.multinomial(self.weights, size, generator=generator)
        return self.latents[pick], torch.stack([self._text(int(i), generator) for i in pick])

    def _text(self, index: int, generator: torch.Generator) -> Tensor:
        which, where, dropped = torch.rand(3, generator=generator).tolist()
        if dropped < DROPOUT:
            return self.empty
        states = self.main[index] if which < 0.7 else self.more[index]
        return states[int(where * len(states))]


def _forms(captions: list[str]) -> list[str]:
    return [form.format(caption) for caption in captions[:2] for form in ("{}", *TEMPLATES)]


@torch.no_grad()
def encode(text: CLIPTextModel, tokenizer: CLIPTokenizer, texts: list[str]) -> Tensor:
    """(texts, 24, width) states, padded as the pipeline pads."""
    batch = tokenizer(texts, padding="max_length", truncation=True, return_tensors="pt")
    return text(batch["input_ids"]).last_hidden_state


def loss_of(
    unet: UNet2DConditionModel, scheduler: DDIMScheduler, latents: Tensor, states: Tensor, generator: torch.Generator
) -> Tensor:
    """Mean squared error of the predicted velocity, as if no step were less noisy than `MOST_SIGNAL`."""
    noise = torch.randn(latents.shape, generator=generator)
    # One time from each of BATCH equal parts: the same distribution as independent times, with less spread.
    times = (torch.arange(len(latents)) + torch.rand(len(latents), generator=generator)) / len(latents)
    steps = (times * scheduler.config.num_train_timesteps).long()
    noisy = scheduler.add_noise(latents, noise, steps).contiguous(memory_format=torch.channels_last)
    wanted = scheduler.get_velocity(latents, noise, steps)
    squared = (unet(noisy, steps, states).sample - wanted).square().mean((1, 2, 3))
    # 1 + signal to noise is the weight that this loss gives to an error in the picture (Hang et al. 2023,
    # https://arxiv.org/abs/2303.09556); where there is hardly any noise, the gradient would go to telling it from
    # details that nobody sees.
    clean = scheduler.alphas_cumprod[steps]
    return (squared * (MOST_SIGNAL * (1 - clean)).clamp(max=1)).mean()


class Trainer:
    """The network, its running average and the optimiser's state, with a checkpoint of all three."""

    def __init__(self, folder: Path, minutes: float) -> None:
        torch.manual_seed(0)
        self.folder = folder
        self.unet = build_unet().to(memory_format=torch.channels_last)
        self.average = deepcopy(self.unet).requires_grad_(False)
        self.optimizer = torch.optim.AdamW(
            self.unet.parameters(), lr=RATE, betas=(0.9, 0.99), weight_decay=1e-3, fused=True
        )
        self.generator = torch.Generator().manual_seed(0)
        self.step, self.spent, self.minutes, self.tick = 0, 0.0, minutes, time.monotonic()

    def update(self, loss: Tensor) -> None:
        """One step; the rate stays until six tenths of the time are spent, then falls to zero."""
        now = time.monotonic()
        self.spent, self.tick = self.spent + now - self.tick, now
        done = min(1.0, self.spent / (60 * self.minutes))
        fall = 1.0 if done < 0.6 else (1 + math.cos(math.pi * (done - 0.6) / 0.4)) / 2
        for group in self.optimizer.param_groups:
            group["lr"] = RATE * min(1.0, (self.step + 1) / 200) * max(fall, 0.01)
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.unet.parameters(), 1.0)
        self.optimizer.step()
        self.step += 1
        if self.step % AVERAGE_EVERY == 0:
            updates = self.step / AVERAGE_EVERY
            keep = min(0.99, updates / (updates + 10))
            torch._foreach_lerp_(list(self.average.parameters()), list(self.unet.parameters()), 1 - keep)

    def save(self) -> None:
        """Both networks, the optimiser's moments and the counters, as safetensors."""
        moments = {
            f"{name}.{index}": value.contiguous()
            for index, state in self.optimizer.state_dict()["state"].items()
            for name, value in state.items()
        }
        extra = {"clock": torch.tensor([float(self.step), self.spent])}
        save_file(moments | extra, self.folder / "optimizer.safetensors")
        for name, model in (("network", self.unet), ("average", self.average)):
            save_file({k: v.contiguous() for k, v in model.state_dict().items()}, self.folder / f"{name}.safetensors")

    def resume(self) -> None:
        """Goes on from the last checkpoint, if there is one."""
        if not (self.folder / "average.safetensors").exists():
            return
        self.unet.load_state_dict(load_file(self.folder / "network.safetensors"))
        self.average.load_state_dict(load_file(self.folder / "average.safetensors"))
        moments = load_file(self.folder / "optimizer.safetensors")
        self.step, self.spent = int(moments["clock"][0]), float(moments.pop("clock")[1])
        self.generator.manual_seed(self.step)
        parameters, state = list(self.unet.parameters()), dict[int, dict[str, Tensor]]()
        for key, value in moments.items():
            name, _, index = key.rpartition(".")
            # The fused optimiser goes through memory as it lies: moments must lie as their weights do.
            like = parameters[int(index)] if name != "step" else value
            state.setdefault(int(index), {})[name] = torch.empty_like(like).copy_(value)
        self.optimizer.load_state_dict({"state": state, "param_groups": self.optimizer.state_dict()["param_groups"]})


def pipeline(
    unet: UNet2DConditionModel, vae: AutoencoderTiny, text: CLIPTextModel, tokenizer: CLIPTokenizer
) -> StableDiffusionPipeline:
    """The parts as diffusers' stock pipeline, without a safety checker: nothing outside the emoji can come out."""
    return StableDiffusionPipeline(
        vae=vae,
        text_encoder=text,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=build_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


@torch.no_grad()
def sample(
    pipe: StableDiffusionPipeline, prompts: list[str], *, seed: int, steps: int = 20, guidance: float = 4.0
) -> list[Image.Image]:
    """One RGBA picture a prompt; each prompt has noise of its own that does not depend on the others."""
    pipe.set_progress_bar_config(disable=True)
    pictures = []
    for start in range(0, len(prompts), 16):
        part = prompts[start : start + 16]
        generators = [torch.Generator().manual_seed(seed + start + i) for i in range(len(part))]
        latents = pipe(
            part, num_inference_steps=steps, guidance_scale=guidance, generator=generators, output_type="latent"
        ).images
        pixels = pipe.vae.decode(latents / pipe.vae.config.scaling_factor).sample
        pictures += [to_picture(image) for image in pixels]
    return pictures


def grid(pictures: list[Image.Image], columns: int = 8, zoom: int = 2) -> Image.Image:
    """The pictures row by row on white."""
    size = 64 * zoom
    sheet = Image.new("RGBA", (columns * size, -(-len(pictures) // columns) * size), "white")
    for index, picture in enumerate(pictures):
        big = picture.resize((size, size), Image.Resampling.LANCZOS)
        sheet.alpha_composite(big, (index % columns * size, index // columns * size))
    return sheet.convert("RGB")


def main(given: argparse.Namespace) -> None:
    """Trains for so many minutes, with a grid of the prompts and a checkpoint now and then."""
    vae = AutoencoderTiny.from_pretrained(given.vae).eval()
    text = CLIPTextModel.from_pretrained(given.clip).eval()
    tokenizer = CLIPTokenizer.from_pretrained(given.clip)
    examples = Examples(given.parquet, vae, text, tokenizer)
    given.out.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(given.out, given.minutes)
    trainer.resume()
    pipe = pipeline(trainer.average, vae, text, tokenizer)
    prompts = given.prompts.read_text().split("\n")[: given.shown]
    print(
        f"{sum(p.numel() for p in trainer.unet.parameters()) / 1e6:.1f} M, {len(examples.latents)} pictures", flush=True
    )
    saved, running = trainer.spent, 0.0
    while trainer.spent < 60 * given.minutes:
        loss = loss_of(trainer.unet, pipe.scheduler, *examples.draw(BATCH, trainer.generator), trainer.generator)
        trainer.update(loss)
        running += loss.item()
        if trainer.step % 100 == 0:
            now = datetime.now().strftime("%H:%M:%S")
            print(f"{now} step {trainer.step} minutes {trainer.spent / 60:.1f} loss {running / 100:.4f}", flush=True)
            running = 0.0
        if trainer.spent - saved > SAVE_EVERY or trainer.spent >= 60 * given.minutes:
            saved = trainer.spent
            trainer.save()
            grid(sample(pipe, prompts, seed=1)).save(given.out / f"grid-{trainer.step:06d}.png")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("parquet", "vae", "clip", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--prompts", type=Path, default=Path(__file__).parent / "prompts.txt")
    parser.add_argument("--minutes", type=float, default=70)
    parser.add_argument("--shown", type=int, default=24, help="how many prompts the grids show")
    torch.set_num_threads(1)
    main(parser.parse_args())
