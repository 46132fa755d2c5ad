# SPDX-License-Identifier: Apache-2.0
"""The tokens of a text, and what keeps it from repeating itself."""
from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from pyxent._options import integer, shown
from pyxent.errors import LabelError, OptionError

_LARGEST = float(np.finfo(np.float32).max)


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
    """Tokens, each of which may be NumPy's."""
    return [_least(f"a class of {name}", value, 0) for value in values]


class Repetition:
    """Options that ask for the text: which token may not come next, or gets a penalty."""

    def __init__(self, no_repeat_ngram: int = 0, banned_sequences: Iterable[Sequence[int]] = (),
                 dry_multiplier: float = 0, dry_base: float = 1.75, dry_allowed_length: int = 2,
                 dry_range: int | None = None, dry_breakers: Iterable[int] = ()) -> None:
        self.no_repeat_ngram = _least("no_repeat_ngram", no_repeat_ngram, 0)
        self.banned_sequences = [tokens_of("banned_sequences", each) for each in banned_sequences]
        if not all(self.banned_sequences):
            raise OptionError("a banned sequence is empty; expected one class or more")
        self.dry_multiplier = _number("dry_multiplier", dry_multiplier, 0)
        self.dry_base = _number("dry_base", dry_base, 1)
        self.dry_allowed_length = _least("dry_allowed_length", dry_allowed_length, 1)
        self.dry_range = None if dry_range is None else _least("dry_range", dry_range, 1)
        self.dry_breakers = set(tokens_of("dry_breakers", dry_breakers))

    def is_used(self) -> bool:
        return bool(self.no_repeat_ngram or self.banned_sequences or self.dry_multiplier)

    def biases(self, text: np.ndarray[Any, Any], classes: int) -> dict[int, float]:
        """What is added to the logits of some classes."""
        biases: dict[int, float] = {}
        if len(text) and (self.no_repeat_ngram or self.dry_multiplier):
            repeated = _repeated(text)
            if self.dry_multiplier:
                biases.update(self._dry(text, repeated))
            if self.no_repeat_ngram:
                biases.update(dict.fromkeys(text[repeated >= self.no_repeat_ngram - 1].tolist(), -math.inf))
        for *before, last in self.banned_sequences:
            if last >= classes:
                raise LabelError(f"banned_sequences has {last}, which is no class; expected 0 to {classes - 1}", 0, last,
                                 classes)
            if len(before) <= len(text) and text[len(text) - len(before):].tolist() == before:
                biases[last] = -math.inf
        return biases

    def _dry(self, text: np.ndarray[Any, Any], repeated: np.ndarray[Any, Any]) -> dict[int, float]:
        begin = 0 if self.dry_range is None else max(0, len(text) - self.dry_range)
        longest = 0
        while longest < len(text) - begin and int(text[-1 - longest]) not in self.dry_breakers:
            longest += 1
        places = np.arange(len(text))
        lengths = np.minimum(np.minimum(repeated, places - begin), longest)
        found: dict[int, int] = {}
        for place in np.nonzero(lengths >= self.dry_allowed_length)[0]:
            token = int(text[place])
            found[token] = max(found.get(token, 0), int(lengths[place]))
        return {token: -self._penalty(length) for token, length in found.items()}

    def _penalty(self, length: int) -> float:
        penalty = self.dry_multiplier
        for _ in range(length - self.dry_allowed_length):
            penalty *= self.dry_base
            if penalty > _LARGEST or self.dry_base == 1:
                break
        return math.inf if penalty > _LARGEST else penalty


def _repeated(text: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """For each place, how many tokens before it are the last of the text."""
    repeated = np.zeros(len(text), np.int64)
    places = np.arange(len(text))
    length = 0
    while len(places := places[places > length]):
        places = places[text[places - 1 - length] == text[-1 - length]]
        repeated[places] += 1
        length += 1
    return repeated


class Text:
    """A prompt and what follows it, in memory that grows."""

    def __init__(self, prompt: Iterable[Any]) -> None:
        tokens = tokens_of("prompt_tokens", prompt)
        self.prompt = self.count = len(tokens)
        self._memory = np.full(max(64, 2 * len(tokens)), -1, np.int32)
        self._memory[:len(tokens)] = tokens

    def append(self, token: int) -> None:
        if self.count == len(self._memory):
            self._memory = np.concatenate([self._memory, np.full_like(self._memory, -1)])
        self._memory[self.count] = token
        self.count += 1

    def drop(self, last: int) -> None:
        self.count -= last

    @property
    def drawn(self) -> int:
        """How many tokens there are behind the prompt."""
        return self.count - self.prompt

    @property
    def tokens(self) -> np.ndarray[Any, Any]:
        return self._memory[:self.count]

    def histories(self) -> dict[str, np.ndarray[Any, Any]]:
        """The inputs of a call that has the tokens before."""
        parts = {"prompt_tokens": self.tokens[:self.prompt], "output_tokens": self.tokens[self.prompt:]}
        return {name: part for name, part in parts.items() if len(part)}
