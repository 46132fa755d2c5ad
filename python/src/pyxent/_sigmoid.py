# SPDX-License-Identifier: Apache-2.0
"""Sigmoid and log-sigmoid of each element, and their gradients."""
from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, overload

from pyxent._check import Row, check, one_of
from pyxent._plans import operation
from pyxent._softmax import of_rows, row_of
from pyxent._types import ArrayLike, DType, Elements, Out, Output, Own

if TYPE_CHECKING:
    from typing_extensions import Unpack


@overload
def sigmoid(logits: Own, *, out: None = None, dtype: None = None, **options: Unpack[Elements]) -> Own: ...
@overload
def sigmoid(logits: ArrayLike, *, out: Out, dtype: DType | None = None, **options: Unpack[Elements]) -> Out: ...
@overload
def sigmoid(logits: ArrayLike, *, out: None = None, dtype: DType | None = None, **options: Unpack[Elements]) -> Any: ...
@operation(of_rows, row_of("sigmoid", "output"))
def sigmoid(logits: ArrayLike, *, out: Output = None, dtype: DType | None = None, temperature: float | None = None,
            threads: int | None = None) -> Any:
    """`y = 1 / (1 + exp(-x / temperature))` of each element: the score of a yes-or-no logit.

    Neither end is rounded away: the sigmoid of -100 is 3.8e-44. A NaN stays NaN. `logits`, `out`, `dtype`, `threads`,
    errors and threads as in `softmax`; the temperature is one number.

    >>> import numpy as np, pyxent
    >>> pyxent.sigmoid(np.array([0.0, 2, -100])).round(4).tolist()
    [0.5, 0.8808, 0.0]
    """


@overload
def log_sigmoid(logits: Own, *, out: None = None, dtype: None = None, **options: Unpack[Elements]) -> Own: ...
@overload
def log_sigmoid(logits: ArrayLike, *, out: Out, dtype: DType | None = None, **options: Unpack[Elements]) -> Out: ...
@overload
def log_sigmoid(logits: ArrayLike, *, out: None = None, dtype: DType | None = None, **options: Unpack[Elements]) -> Any: ...
@operation(of_rows, row_of("log_sigmoid", "output"))
def log_sigmoid(logits: ArrayLike, *, out: Output = None, dtype: DType | None = None, temperature: float | None = None,
                threads: int | None = None) -> Any:
    """`y = -log(1 + exp(-x / temperature))` of each element, never above 0. Otherwise as `sigmoid`.

    >>> import numpy as np, pyxent
    >>> pyxent.log_sigmoid(np.array([0.0, 2, -100])).round(4).tolist()
    [-0.6931, -0.1269, -100.0]
    """


@overload
def sigmoid_backward(logits: Own, upstream: ArrayLike, *, gradient: None = None, **options: Unpack[Elements]) -> Own: ...
@overload
def sigmoid_backward(logits: ArrayLike, upstream: ArrayLike, *, gradient: Out, **options: Unpack[Elements]) -> Out: ...
@overload
def sigmoid_backward(logits: ArrayLike, upstream: ArrayLike, *, gradient: None = None, **options: Unpack[Elements]) -> Any: ...
@operation(check, Row("sigmoid_backward", partial(one_of, "gradient"), ("gradient",)))
def sigmoid_backward(logits: ArrayLike, upstream: ArrayLike, *, gradient: Output = None, temperature: float | None = None,
                     threads: int | None = None) -> Any:
    """`dx = dy sigmoid(z) sigmoid(-z) / temperature`, with the logits `x` of `sigmoid`, `z = x / temperature` and the
    upstream gradient `dy`.

    The logits are passed, not the output: a sigmoid that is rounded to 1 has a gradient above 0. Returns `gradient`, or
    a new array. `gradient` may be `logits` or `upstream`, which it then overwrites.

    >>> import numpy as np, pyxent
    >>> pyxent.sigmoid_backward(np.array([0.0, 40]), np.array([1.0, 1])).tolist()
    [0.25, 4.248354255291589e-18]
    """


@overload
def log_sigmoid_backward(logits: Own, upstream: ArrayLike, *, gradient: None = None, **options: Unpack[Elements]) -> Own: ...
@overload
def log_sigmoid_backward(logits: ArrayLike, upstream: ArrayLike, *, gradient: Out, **options: Unpack[Elements]) -> Out: ...
@overload
def log_sigmoid_backward(logits: ArrayLike, upstream: ArrayLike, *, gradient: None = None, **options: Unpack[Elements]) -> Any: ...
@operation(check, Row("log_sigmoid_backward", partial(one_of, "gradient"), ("gradient",)))
def log_sigmoid_backward(logits: ArrayLike, upstream: ArrayLike, *, gradient: Output = None, temperature: float | None = None,
                         threads: int | None = None) -> Any:
    """`dx = dy sigmoid(-z) / temperature`, with the logits of `log_sigmoid`; otherwise as `sigmoid_backward`.

    >>> import numpy as np, pyxent
    >>> pyxent.log_sigmoid_backward(np.array([0.0, -100]), np.array([1.0, 1])).tolist()
    [0.5, 1.0]
    """
