# SPDX-License-Identifier: Apache-2.0
"""The tokens of a text, and options against repetition."""
from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence
from typing import Any

from pyxent._options import integer, shown
from pyxent.errors import LabelError, OptionError

_LARGEST = 2.0**128 - 2.0**104  # the largest finite float32
_LARGEST_TOKEN = 2**31 - 1  # a text is an array of int32


def _least(name: str, value: Any, least: int) -> int:
    whole = integer(name, value)
    if whole < least:
        raise OptionError(f"{name} is {whole}; expected {least} or more")
    return whole


def _number(name: str, value: Any, least: float) -> float:
    number = float(value)
    if not least <= number < math.inf:
        raise OptionError(f"{name} is {shown(value)}; expected a number of {least} or more")
    return number


def tokens_of(name: str, values: Iterable[Any]) -> list[int]:
    """Returns tokens as a list of integers; NumPy integers are allowed."""
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

    def __init__(self, no_repeat_ngram: int = 0, banned_sequences: Iterable[Sequence[int]] = (),
                 dry_multiplier: float = 0, dry_base: float = 1.75, dry_allowed_length: int = 2,
                 dry_range: int | None = None, dry_breakers: Iterable[int | Sequence[int]] = ()) -> None:
        self.no_repeat_ngram = _least("no_repeat_ngram", no_repeat_ngram, 0)
        self.banned_sequences = _sequences("banned_sequences", banned_sequences, "a banned sequence")
        self.dry_multiplier = _number("dry_multiplier", dry_multiplier, 0)
        self.dry_base = _number("dry_base", dry_base, 1)
        self.dry_allowed_length = _least("dry_allowed_length", dry_allowed_length, 1)
        self.dry_range = None if dry_range is None else _least("dry_range", dry_range, 1)
        breakers = [each if isinstance(each, Iterable) else [each] for each in dry_breakers]
        self.breakers_by_last: dict[int, list[list[int]]] = {}
        for breaker in _sequences("dry_breakers", breakers, "a breaker"):
            self.breakers_by_last.setdefault(breaker[-1], []).append(breaker)

    def is_used(self) -> bool:
        return bool(self.no_repeat_ngram or self.banned_sequences or self.dry_multiplier)

    def biases(self, text: array[int], classes: int) -> dict[int, float]:
        """The numbers to add to the logits of some classes."""
        biases: dict[int, float] = {}
        if text and (self.no_repeat_ngram or self.dry_multiplier):
            repeated = _repeated(text)
            if self.dry_multiplier:
                biases.update(self._dry(text, repeated))
            if self.no_repeat_ngram:
                least = self.no_repeat_ngram - 1
                biases.update((token, -math.inf) for token, length in zip(text, repeated) if length >= least)
        for *before, last in self.banned_sequences:
            if last >= classes:
                raise LabelError(f"banned_sequences has {last}, which is no class; expected 0 to {classes - 1}", 0, last,
                                 classes)
            if len(before) <= len(text) and text[len(text) - len(before):].tolist() == before:
                biases[last] = -math.inf
        return biases

    def _dry(self, text: array[int], repeated: list[int]) -> dict[int, float]:
        begin = 0 if self.dry_range is None else max(0, len(text) - self.dry_range)
        end = len(text)
        while end > begin and not self._ends_breaker(text, begin, end):
            end -= 1
        longest = len(text) - end
        found: dict[int, int] = {}
        for place in range(begin, len(text)):
            length = min(repeated[place], place - begin, longest)
            if length >= self.dry_allowed_length and [text[place]] not in self.breakers_by_last.get(text[place], ()):
                found[text[place]] = max(found.get(text[place], 0), length)
        return {token: -self._penalty(length) for token, length in found.items()}

    def _ends_breaker(self, text: array[int], begin: int, end: int) -> bool:
        return any(len(breaker) <= end - begin and text[end - len(breaker):end].tolist() == breaker
                   for breaker in self.breakers_by_last.get(text[end - 1], ()))

    def _penalty(self, length: int) -> float:
        penalty = self.dry_multiplier
        for _ in range(length - self.dry_allowed_length):
            penalty *= self.dry_base
            if penalty > _LARGEST or self.dry_base == 1:
                break
        return math.inf if penalty > _LARGEST else penalty


def _repeated(text: array[int]) -> list[int]:
    """For each place, the length of the longest run before it that equals the end of the text: the Z algorithm."""
    backwards = text[::-1]
    count = len(backwards)
    same = [0] * count
    begin = end = 0
    for k in range(1, count):
        length = min(end - k, same[k - begin]) if k < end else 0
        while k + length < count and backwards[length] == backwards[k + length]:
            length += 1
        if k + length > end:
            begin, end = k, k + length
        same[k] = length
    return [0, *same[:0:-1]]  # index count - k has the length for k


class Text:
    """A prompt and the tokens after it."""

    def __init__(self, prompt: Iterable[Any]) -> None:
        self.tokens = array("i", tokens_of("prompt_tokens", prompt))
        self.prompt = len(self.tokens)

    def __copy__(self) -> Text:
        other = Text(())
        other.tokens, other.prompt = self.tokens[:], self.prompt
        return other

    def append(self, token: int) -> None:
        self.tokens.append(token)

    def drop(self, last: int) -> None:
        del self.tokens[len(self.tokens) - last:]

    @property
    def drawn(self) -> int:
        """The number of tokens after the prompt."""
        return len(self.tokens) - self.prompt

    def histories(self) -> dict[str, array[int]]:
        """The inputs of a call that contain the earlier tokens."""
        return {"prompt_tokens": self.tokens[:self.prompt], "output_tokens": self.tokens[self.prompt:]}
