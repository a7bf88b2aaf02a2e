"""Chat for Suite: what the plugin offers.

Imported whenever `suite` starts, so it imports nothing heavy.
"""

from suite import Entry, hookimpl


@hookimpl
def suite_domains() -> list[Entry]:
    """The one domain of this plugin; its module is imported when somebody uses it."""
    return [
        Entry(
            "chat",
            "Answer in a conversation, word by word; fine-tune a language model on your own.",
            "suite_chat.domain:CHAT",
        )
    ]
