# SPDX-License-Identifier: Apache-2.0
"""The call that draws the next token of a text, again and again: only logits, step and earlier tokens differ."""
from __future__ import annotations

import ctypes
import sys
from ctypes import c_int32, c_int64
from typing import Any

from pyxent._arrays import Array, array_of, is_of_torch, memory_of
from pyxent._call import Call, aligned, room
from pyxent._functions import FUNCTIONS
from pyxent._native import TYPES, Layout, Options, Sampling, Shape, Work
from pyxent._text import Repetition, Text

_OF_TEXT = ("prompt_tokens", "output_tokens", "bias_tokens", "bias_values", "workspace")
_ALIGNED = 0x100  # NPY_ARRAY_ALIGNED


def _seen(logits: Any) -> tuple[Any, int]:
    """The layout of logits, and their address."""
    numpy = sys.modules.get("numpy")
    if numpy and type(logits) is numpy.ndarray:
        address, flags = memory_of(logits)
        return (logits.dtype, logits.shape, logits.strides, flags & _ALIGNED), address
    lent = array_of("logits", logits)
    return (type(logits), lent.type, lent.shape, lent.strides), lent.address


class Draw:
    """The structs of a step, and the addresses of its arrays."""

    def __init__(self, call: Call, key: Any, repetition: Repetition | None, penalized: bool) -> None:
        self.key, self.classes, self.library = key, call.classes, call.library
        self.repetition, self.penalized = repetition, penalized
        self.kept: list[Array] = [array for name, array in call.arrays.items() if name != "logits"]
        self.shape, self.options = Shape.from_buffer_copy(call.shape_struct), Options.from_buffer_copy(call.options)
        assert call.sampling
        self.sampling = Sampling.from_buffer_copy(call.sampling)
        mask = call.arrays.get("class_mask")
        self.of_words = -(-call.classes // 8) * 8 if mask and mask.type in ("I32", "U32") else 0
        passed = {name: array.address for name, array in call.arrays.items()}
        if repetition:
            passed |= dict.fromkeys(("bias_tokens", "bias_values"), 0)
            self.shape.bias_tokens = Layout(1, 1, 1, TYPES["I32"], 0)
            self.shape.bias_values = Layout(1, 1, 1, TYPES["F32"], 0)
        self.has_workspace = bool(self.of_words or penalized or repetition or "bias_tokens" in passed)
        if self.has_workspace:
            passed["workspace"] = 0
        of = FUNCTIONS["sample"]
        self.names = [name for name in of.arrays if name in passed]
        names = self.names
        self.work = Work(of, self.shape, ctypes.addressof(self.options), 1, call.classes)
        self.work.sampling(ctypes.addressof(self.sampling))
        self.addresses: list[int | None]
        self.entry, self.mask, self.addresses = call.library.entry(of, passed)
        self.places = {name: names.index(name) for name in _OF_TEXT if name in passed}
        self.none = ctypes.addressof(self.shape)  # of lists without entries, which nothing reads
        tokens = call.arrays["tokens"]
        self.found: Any = (c_int32 if tokens.type == "I32" else c_int64).from_address(tokens.address)

    @staticmethod
    def of(call: Call, logits: Any, repetition: Repetition | None, penalized: bool) -> Draw | None:
        """None if only a checked call can draw: some options are arrays, or PyTorch counts what is written."""
        if call.read or call.tensors or not call.is_one_task or call.rows != 1 or is_of_torch(call.results["tokens"]):
            return None
        return Draw(call, _seen(logits)[0], repetition if repetition and repetition.is_used() else None, penalized)

    def token(self, logits: Any, step: int, text: Text) -> int | None:
        """The token of a step; None if a checked call must draw it, or explain why it cannot."""
        key, address = _seen(logits)
        if key != self.key or not 0 <= step < 1 << 32:
            return None
        addresses, shape, places = self.addresses, self.shape, self.places
        addresses[0], self.sampling.step = address, step
        count = 0
        if self.penalized:
            tokens, prompt = text.tokens, text.prompt
            count = len(tokens)
            shape.prompt_count, shape.output_count = prompt, count - prompt
            begin = tokens.buffer_info()[0] if count else self.none
            addresses[places["prompt_tokens"]], addresses[places["output_tokens"]] = begin, begin + 4 * prompt
        if self.repetition:
            classes, biases, shape.target_count = text.biases(self.repetition, self.classes)
            addresses[places["bias_tokens"]] = classes.buffer_info()[0] or self.none
            addresses[places["bias_values"]] = biases.buffer_info()[0] or self.none
        if self.has_workspace:
            count += shape.target_count
            size = self.of_words + (self.library.c.xent_sample_workspace(self.classes, count) if count else 0)
            workspace, continues = text.workspace(size, self.classes)
            self.work.continues(continues and self.penalized)
            addresses[places["workspace"]] = aligned(workspace)
            self.work.workspace_size(room(workspace))
        self.work.fill(self.names)
        if self.entry(None, self.work.function.number, self.work.address, self.mask, *addresses):
            return None
        if self.penalized:
            text.sampled()
        found: int = self.found.value
        return found if found >= 0 else None
