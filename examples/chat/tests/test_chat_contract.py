"""Chat keeps the contract of every domain."""

from __future__ import annotations

import json

from suite.testing import DomainContract, Messy


class TestContract(DomainContract):
    domain = "chat"
    settings = {"limit": 12, "max_steps": 3, "batch_size": 4, "evaluate_every": 2, "reply_tokens": 24}
    same_question = True

    def answered_input(self, folder):
        return "When does the pool open on Sunday?"

    def messy(self, folder):
        def written(name, talks):
            path = folder / f"{name}.jsonl"
            path.write_text("\n".join(json.dumps({"messages": talk}) for talk in talks))
            return {"data": str(path)}

        def said(*texts):
            return [{"role": ("user", "assistant")[turn % 2], "content": text} for turn, text in enumerate(texts)]

        good = [said(f"When is {number}?", f"At {number}.") for number in range(40)]
        asked = [said(f"When is {number}?") for number in range(20)]
        king, mute = [{"role": "king", "content": "x"}], said("When?")
        return {
            "rows with faults": Messy(written("faulty", [*good, king, mute, good[0]])),
            "no replies": Messy(written("mute", asked), "None of the 20 rows is usable"),
        }
