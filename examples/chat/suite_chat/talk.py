"""The starter's talk: when the places of a town open and close. Simulated: no such town is meant."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

PLACES = ("library", "museum", "pool", "market", "theatre", "zoo", "town hall", "bakery")
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
ASKED = {
    "opens": (
        "When does the {place} open on {day}?",
        "From when is the {place} open on {day}?",
        "How early can I go to the {place} on {day}?",
        "It is {day}. At what time does the {place} open?",
    ),
    "closes": (
        "When does the {place} close on {day}?",
        "Until when is the {place} open on {day}?",
        "How late can I go to the {place} on {day}?",
        "It is {day}. At what time does the {place} close?",
    ),
}
OTHER_DAY = "And on {day}?"


def town(seed: int) -> Iterator[list[dict[str, str]]]:
    """Every conversation of a town, whose hours follow from `seed`: one question, or another that says the day only."""
    generator = np.random.default_rng(seed)
    for place in PLACES:
        hours = {
            end: {"opens": int(generator.integers(6, 12)), "closes": int(generator.integers(15, 23))}
            for end in (False, True)
        }
        for number, day in enumerate(DAYS):
            for event, phrases in ASKED.items():
                reply = _reply(place, event, hours, number)
                for phrase in phrases:
                    yield _turns(phrase.format(place=place, day=day), reply)
                before = (number + 3) % len(DAYS)
                first = phrases[0].format(place=place, day=DAYS[before])
                yield _turns(first, _reply(place, event, hours, before), OTHER_DAY.format(day=day), reply)


def _reply(place: str, event: str, hours: dict[bool, dict[str, int]], day: int) -> str:
    return f"The {place} {event} at {hours[day > 4][event]} on {DAYS[day]}."


def _turns(*said: str) -> list[dict[str, str]]:
    roles = ("user", "assistant")
    return [{"role": roles[number % 2], "content": text} for number, text in enumerate(said)]
