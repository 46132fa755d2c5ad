# SPDX-License-Identifier: Apache-2.0
"""The tokens of a text, and options against repetition."""
from __future__ import annotations

import ctypes
import math
from array import array
from collections.abc import Iterable, Sequence
from ctypes import c_int64
from typing import Any

from pyxent._call import plural, room, workspace_of
from pyxent._native import INVALID_LABEL, Report, TextBiases, library, sized
from pyxent._options import integer, shown
from pyxent.errors import LabelError, OptionError, XentError

_LARGEST_TOKEN = 2**31 - 1  # a text is an array of int32


def _least(name: str, value: Any, least: int) -> int:
    whole = integer(name, value)
    if whole < least:
        raise OptionError(f"{name} is {whole}; expected {least} or more")
    return whole


def _number(name: str, value: Any, least: float) -> float:
    try:
        if isinstance(value, (str, bytes, bool)) or getattr(value, "shape", ()) != ():
            raise TypeError
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} is {shown(value)}; expected a number") from None
    if not least <= number < math.inf:
        raise OptionError(f"{name} is {shown(value)}; expected a number of {least} or more")
    return number


def tokens_of(name: str, values: Iterable[Any]) -> list[int]:
    """Returns tokens as a list of integers; NumPy integers are allowed."""
    if not isinstance(values, Iterable):
        raise TypeError(f"{name} is {shown(values)}; expected tokens, such as [5]")
    tokens = [_least(f"a class of {name}", value, 0) for value in values]
    if (largest := max(tokens, default=0)) > _LARGEST_TOKEN:
        raise OptionError(f"a class of {name} is {largest}; expected one below 2^31")
    return tokens


def _sequences(name: str, sequences: Iterable[Iterable[Any]], each: str) -> list[list[int]]:
    example = "such as [[3], [4]]"
    if not isinstance(sequences, Iterable):
        raise TypeError(f"{name} is {shown(sequences)}; expected lists of tokens, {example}")
    copies = []
    for i, sequence in enumerate(sequences):
        if not isinstance(sequence, Iterable):
            raise TypeError(f"{name}[{i}] is {shown(sequence)}; expected a list of tokens, {example}")
        copies.append(tokens_of(name, sequence))
    if not all(copies):
        raise OptionError(f"{each} is empty; expected one class or more")
    return copies


class Repetition:
    """Options that depend on the text: they ban tokens, or penalize them."""

    def __init__(self, no_repeat_ngram: int | None = 0, banned_sequences: Iterable[Sequence[int]] | None = (),
                 dry_multiplier: float | None = 0, dry_base: float | None = 1.75, dry_allowed_length: int | None = 2,
                 dry_range: int | None = None, dry_breakers: Iterable[int | Sequence[int]] | None = ()) -> None:
        self.no_repeat_ngram = 0 if no_repeat_ngram is None else _least("no_repeat_ngram", no_repeat_ngram, 0)
        self.banned_sequences = _sequences("banned_sequences", () if banned_sequences is None else banned_sequences,
                                           "a banned sequence")
        self.dry_multiplier = 0.0 if dry_multiplier is None else _number("dry_multiplier", dry_multiplier, 0)
        self.dry_base = 1.75 if dry_base is None else _number("dry_base", dry_base, 1)
        self.dry_allowed_length = 2 if dry_allowed_length is None else _least("dry_allowed_length", dry_allowed_length, 1)
        self.dry_range = None if dry_range is None else _least("dry_range", dry_range, 1)
        dry_breakers = () if dry_breakers is None else dry_breakers
        if not isinstance(dry_breakers, Iterable):
            raise TypeError(f"dry_breakers is {shown(dry_breakers)}; expected tokens, such as [5]")
        breakers = [each if isinstance(each, Iterable) else [each] for each in dry_breakers]
        self.dry_breakers = _sequences("dry_breakers", breakers, "a breaker")

    def is_used(self) -> bool:
        return bool(self.no_repeat_ngram or self.banned_sequences or self.dry_multiplier)


def _numbers(sequences: list[list[int]]) -> array[int]:
    """Sequences of tokens, each after its length."""
    return array("i", [number for sequence in sequences for number in (len(sequence), *sequence)])


class _Biases:
    """The biases of the next token of a text, by options against repetition."""

    def __init__(self, options: Repetition) -> None:
        self.breakers, self.banned = _numbers(options.dry_breakers), _numbers(options.banned_sequences)
        self.count, self.report = c_int64(), sized(Report)
        self.room = self.classes = -1
        self.workspace, self.bias_tokens, self.bias_values = array("q"), array("i"), array("f")
        self.call = sized(
            TextBiases, no_repeat_ngram=min(options.no_repeat_ngram, _LARGEST_TOKEN),
            dry_multiplier=options.dry_multiplier, dry_base=options.dry_base,
            dry_allowed_length=min(options.dry_allowed_length, _LARGEST_TOKEN),
            dry_range=min(options.dry_range or _LARGEST_TOKEN, _LARGEST_TOKEN),
            dry_breakers=self.breakers.buffer_info()[0], breaker_count=len(self.breakers),
            banned_sequences=self.banned.buffer_info()[0], banned_count=len(self.banned),
            bias_count=ctypes.addressof(self.count), report=ctypes.addressof(self.report))

    def find(self, tokens: array[int], classes: int, continues: bool) -> int:
        """Writes the classes with a bias, and the biases; returns their number.

        continues: the first tokens are those of the call before; the other ones are new.
        """
        if len(tokens) > self.room or classes != self.classes:
            self._reserve(2 * len(tokens), classes)
            continues = False
        c, call = library().c, self.call
        call.tokens, call.token_count, call.continues = tokens.buffer_info()[0], len(tokens), continues
        status = c.xent_text_biases(ctypes.addressof(call))
        if status:
            raise self._error(status)
        return self.count.value

    def _reserve(self, tokens: int, classes: int) -> None:
        """Takes memory for texts of this length, in which nothing is counted."""
        room = min(classes, tokens + len(self.banned))
        size = library().c.xent_text_biases_workspace(tokens, len(self.breakers) + len(self.banned))
        self.workspace = array("q", bytes(size))
        self.bias_tokens, self.bias_values = array("i", bytes(4 * room)), array("f", bytes(4 * room))
        self.room, self.classes, self.call.classes = tokens, classes, classes
        self.call.workspace, self.call.workspace_size = self.workspace.buffer_info()[0], size
        self.call.bias_tokens, self.call.bias_values = (each.buffer_info()[0]
                                                        for each in (self.bias_tokens, self.bias_values))

    def _error(self, status: int) -> XentError:
        field, label = library().field_name(self.report.field), self.report.label
        if status != INVALID_LABEL:
            return XentError(f"{field}: {library().status_message(status)} of a text")
        if field == "banned_sequences":
            return LabelError(f"banned_sequences has {label}, which is no class; expected 0 to {self.classes - 1}", 0,
                              label, self.classes)
        return of_text(label, self.classes)


def of_text(token: int, classes: int) -> LabelError:
    """The error for a token of the text that is not a class of the logits."""
    return LabelError(f"the text of this cursor has token {token}, logits has {plural(classes, 'class')}; expected logits "
                      "of the same classes in each step", 0, token, classes)


class History(array):  # type: ignore[type-arg]
    """The tokens of a text after its prompt, as a call takes them, and the text, whose workspace has the earlier ones."""

    text: Text


class Text:
    """A prompt and the tokens after it."""

    def __init__(self, prompt: Iterable[Any]) -> None:
        self.tokens = array("i", tokens_of("prompt_tokens", prompt))
        self.prompt = len(self.tokens)
        self._forget()

    def _forget(self) -> None:
        self._biases: _Biases | None = None
        self._counted = False  # whether it has the first tokens
        self._workspace = workspace_of(0)
        self._sampled, self._classes = False, 0  # whether it has the first tokens, and the classes of its call

    def __getstate__(self) -> tuple[array[int], int]:
        return self.tokens, self.prompt

    def __setstate__(self, state: tuple[array[int], int]) -> None:
        self.tokens, self.prompt = state
        self._forget()

    def __copy__(self) -> Text:
        other = Text(())
        other.tokens, other.prompt = self.tokens[:], self.prompt
        return other

    def append(self, token: int) -> None:
        self.tokens.append(token)

    def drop(self, last: int) -> None:
        del self.tokens[len(self.tokens) - last:]
        self._counted = self._sampled = False

    def biases(self, options: Repetition, classes: int) -> tuple[array[int], array[float], int]:
        """The classes to whose logits options against repetition add numbers, the numbers, and how many there are.

        The arrays have further entries, and the next call overwrites them.
        """
        if self._biases is None:
            self._biases = _Biases(options)
        continues, self._counted = self._counted, False
        found = self._biases.find(self.tokens, classes, continues)
        self._counted = True
        return self._biases.bias_tokens, self._biases.bias_values, found

    @property
    def drawn(self) -> int:
        """The number of tokens after the prompt."""
        return len(self.tokens) - self.prompt

    def histories(self) -> dict[str, array[int]]:
        """The inputs of a call that contain the earlier tokens."""
        outputs = History("i", self.tokens[self.prompt:])
        outputs.text = self
        return {"prompt_tokens": self.tokens[:self.prompt], "output_tokens": outputs}

    def workspace(self, size: int, classes: int) -> tuple[ctypes.Array[Any], bool]:
        """Memory for the tokens of a call with penalties, and whether it has the first ones from the call before. If the
        next call fails, it has none."""
        if room(self._workspace) < size:
            self._workspace, self._sampled = workspace_of(2 * size), False
        continues = self._sampled and classes == self._classes
        self._sampled, self._classes = False, classes
        return self._workspace, continues

    def sampled(self) -> None:
        """Records that the workspace has all tokens."""
        self._sampled = True
