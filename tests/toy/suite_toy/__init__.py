"""A domain small enough to train in a second, with everything a real one has: tests only."""

from suite import Entry, hookimpl


@hookimpl
def suite_domains():
    return [Entry("toy", "Tell whether a word has more vowels than consonants.", "suite_toy.domain:TOY")]


@hookimpl
def suite_commands():
    return [Entry("toy count", "Count the vowels of a word.", "suite_toy.domain:count")]
