# SPDX-License-Identifier: Apache-2.0
"""The call that draws the next token of a text, again and again: only logits, step and earlier tokens differ."""
from __future__ import annotations

from ctypes import addressof, c_int32, c_int64
from typing import Any

from pyxent._arrays import is_of_torch
from pyxent._call import Call, Checked, aligned, room
from pyxent._plans import Plan, Rejected, Run, described
from pyxent._text import Repetition, Text


class Draw:
    """The plan of a step, with the addresses of its arrays."""

    def __init__(self, call: Call, logits: Any, repetition: Repetition | None, penalized: bool) -> None:
        self.key, _, _ = described("logits", logits)
        self.repetition, self.penalized, self.classes = repetition, penalized, call.classes
        self.kept = [array for name, array in call.arrays.items() if name != "logits"]
        plan = Plan(Checked(call, int, True))
        self.library, self.shape = plan.library, plan.shape
        mask = call.arrays.get("class_mask")
        self.of_words = -(-call.classes // 8) * 8 if mask and mask.type in ("I32", "U32") else 0
        self.has_workspace = bool(self.of_words or penalized or "bias_tokens" in call.arrays)
        if self.has_workspace:
            plan.public["workspace"] = "workspace"
        self.run = Run(plan)
        self.run.addresses = {name: array.address for name, array in call.arrays.items()}
        self.work = self.run.step_of("sample")[-1]
        self.sampling: Any = self.run.sampling
        self.none = addressof(self.shape)  # of lists without entries, which nothing reads
        tokens = call.arrays["tokens"]
        self.found: Any = (c_int32 if tokens.type == "I32" else c_int64).from_address(tokens.address)

    @staticmethod
    def of(call: Call, logits: Any, repetition: Repetition | None, penalized: bool) -> Draw | None:
        """None if only a checked call can draw: some options are arrays, or PyTorch counts what is written."""
        if call.read or call.tensors or not call.is_one_task or call.rows != 1 or is_of_torch(call.results["tokens"]):
            return None
        return Draw(call, logits, repetition if repetition and repetition.is_used() else None, penalized)

    def token(self, logits: Any, step: int, text: Text) -> int | None:
        """The token of a step; None if a checked call must draw it, or explain why it cannot."""
        key, address, _ = described("logits", logits)
        if key != self.key or not 0 <= step < 1 << 32:
            return None
        addresses, shape, count = self.run.addresses, self.shape, 0
        addresses["logits"], self.sampling.step = address, step
        if self.penalized:
            tokens, prompt = text.tokens, text.prompt
            count = len(tokens)
            shape.prompt_count, shape.output_count = prompt, count - prompt
            begin = tokens.buffer_info()[0] if count else self.none
            addresses["prompt_tokens"], addresses["output_tokens"] = begin, begin + 4 * prompt
        if self.repetition:
            classes, biases, shape.target_count = text.biases(self.repetition, self.classes)
            addresses["bias_tokens"], addresses["bias_values"] = (each.buffer_info()[0] or self.none
                                                                  for each in (classes, biases))
        if self.has_workspace:
            count += shape.target_count
            size = self.of_words + (self.library.c.xent_sample_workspace(self.classes, count) if count else 0)
            workspace, continues = text.workspace(size, self.classes)
            self.work.continues(continues and self.penalized)
            addresses["workspace"] = aligned(workspace)
            self.work.workspace_size(room(workspace))
            self.work.sizes()
        try:
            self.run.run("sample")
        except Rejected:
            return None
        if self.penalized:
            text.sampled()
        found: int = self.found.value
        return found if found >= 0 else None
