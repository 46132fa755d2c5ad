# SPDX-License-Identifier: Apache-2.0
"""The tokens of a text, one after another."""
from __future__ import annotations

import inspect
import os
from typing import Any

from pyxent._names import unexpected
from pyxent._operations import Sample, sample
from pyxent._options import integer, is_per_row, sampling_of, shown
from pyxent._types import ArrayLike
from pyxent.errors import XentError

_OPTIONS = [name for name, parameter in inspect.signature(sample).parameters.items()
            if parameter.kind is parameter.KEYWORD_ONLY and name != "step"]
_NUMBERS = ("temperature", "top_k", "top_p", "min_p", "typical_p", "min_keep", "repetition_penalty",
            "frequency_penalty", "presence_penalty", "seed", "stream", "draw")


class Sampler:
    """Options of `sample`; `start` returns a cursor that draws a text, token by token.

    Takes the options of `sample` but `step`. Without a seed it draws one: `seed` is the one that it has.

    >>> import numpy as np, pyxent
    >>> sampler = pyxent.Sampler(temperature=0.7, top_k=40, top_p=0.95, seed=42)
    >>> tokens = sampler.start()
    >>> [tokens.next(np.array([2, 1, 0, 1.5], np.float32)) for _ in range(3)]
    [0, 0, 3]
    """

    def __init__(self, *, seed: Any = None, **options: Any) -> None:
        if "step" in options:
            raise TypeError("Sampler() got the argument 'step'; expected it in start(step=...), from where the cursor "
                            "counts")
        if unknown := [name for name in options if name not in _OPTIONS]:
            raise unexpected(sample, unknown)
        self.seed = int.from_bytes(os.urandom(8), "little") if seed is None else seed
        self.options = {**options, "seed": self.seed}
        numbers = {name: self.options[name] for name in _NUMBERS if not is_per_row(self.options.get(name, []))}
        sampling_of(options.get("rules", "xent"), options.get("ties"), **numbers)

    def start(self, step: int = 0) -> SamplerCursor:
        """A cursor whose next token is that of this step."""
        return SamplerCursor(self, step)

    def __repr__(self) -> str:
        return f"Sampler({', '.join(f'{name}={shown(value)}' for name, value in self.options.items())})"


class SamplerCursor:
    """The tokens of one text, or of one batch of texts, whose steps it counts.

    A token is that of `sample` with the same logits, options, seed and step. A call that raises an error does not count.
    To go on later, keep `sampler.seed` and `step`.
    """

    def __init__(self, sampler: Sampler, step: int = 0) -> None:
        self.sampler = sampler
        self.step = step

    @property
    def step(self) -> int:
        """The step of the next token, which you may set."""
        return self._step

    @step.setter
    def step(self, value: int) -> None:
        self._step = integer("step", value)

    def next(self, logits: ArrayLike, **options: Any) -> Any:
        """The next token: an integer, or of more than one dimension an array with one per row, -1 where there is none.

        `options` are those of `sample` that differ in this step, such as `output_tokens` or `class_mask`.
        """
        before = self.step
        tokens = self.sample(logits, **options).tokens
        if tokens.shape != ():
            return tokens
        token = tokens.tolist()
        if token < 0:
            self.step = before
            raise XentError("logits has no token that can be drawn; expected logits without NaN and +inf, of which one "
                            "that is not masked is above -inf")
        return token

    def sample(self, logits: ArrayLike, **options: Any) -> Sample:
        """All that `sample` returns for the next step, with its outputs among the options."""
        result = sample(logits, step=self.step, **{**self.sampler.options, **options})
        self._step += 1
        return result

    def __repr__(self) -> str:
        return f"SamplerCursor(step={self.step}, {self.sampler})"
