# SPDX-License-Identifier: Apache-2.0
"""The types of arguments, for type checkers."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol, TypedDict, TypeVar, Union

from pyxent._functions import RareLossNumbers

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import TypeAlias

    from typing_extensions import Buffer

    from pyxent._arrays import Array


class OfNumPy(Protocol):
    """A NumPy array, or another object with the array interface."""

    @property
    def __array_interface__(self) -> dict[str, Any]: ...


class OfDLPack(Protocol):
    """An array of JAX, Arrow and others."""

    def __dlpack__(self, *args: Any, **kwargs: Any) -> Any: ...

    def __dlpack_device__(self) -> Any: ...


class OfColumns(Protocol):
    """A column of pandas, Polars or Arrow, or several columns of pandas."""

    def to_numpy(self, *args: Any, **kwargs: Any) -> Any: ...


class OfPyTorch(OfDLPack, Protocol):
    """A PyTorch tensor."""

    def detach(self) -> Any: ...


class OfType(Protocol):
    """A dtype of NumPy or PyTorch."""

    @property
    def itemsize(self) -> int: ...


ArrayLike: TypeAlias = "Union[OfNumPy, OfDLPack, OfColumns, Buffer, Array]"
Input: TypeAlias = "Union[ArrayLike, None]"
Small: TypeAlias = "Union[ArrayLike, float, Sequence[Any], None]"  # a number or a list is converted
Output: TypeAlias = "Union[ArrayLike, bool, None]"  # True: a new array
Axes: TypeAlias = "Union[int, Sequence[int], None]"  # None: all
DType: TypeAlias = "Union[str, type[Any], OfType]"
Number: TypeAlias = "Union[float, Sequence[Union[float, None]], ArrayLike]"  # one number, or one per row
Whole: TypeAlias = "Union[int, Sequence[int], ArrayLike]"
Own = TypeVar("Own", bound=Union[OfNumPy, OfPyTorch])  # results have the library of the logits
Out = TypeVar("Out", bound="ArrayLike")

FullyMasked = Literal["nan", "zero"]
Reduction = Literal["mean", "sum"]
EmptyMean = Literal["nan", "zero", "error"]
Smoothing = Literal["uniform", "others"]
Rules = Literal["xent", "transformers", "vllm", "llama.cpp", "onnxruntime-genai"]
Ties = Literal["first", "all"]
Filter = Literal["top_k", "top_p", "min_p", "typical_p", "top_n_sigma", "xtc", "temperature"]


class Common(TypedDict, total=False):
    """Options of both a softmax and its backward pass."""

    temperature: Number | None
    class_mask: Small
    row_offsets: ArrayLike | None
    threads: int | None


class Elements(TypedDict, total=False):
    """Options of a sigmoid and of its backward pass."""

    temperature: float | None
    threads: int | None


class Backward(Common, total=False):
    """Options of a backward pass."""

    axis: int


class Forward(Common, total=False):
    """Options of a softmax."""

    axis: Axes
    softcap: float | None
    sink: Small
    fully_masked: FullyMasked | None


class LogSumExp(Forward, total=False):
    """Options of a log-sum-exp."""

    keepdims: bool


class Product(Common, total=False):
    """Options of a Hessian-vector product."""

    axis: int
    sink: Small
    fully_masked: FullyMasked | None
    row_weights: Small
    gradient_scale: float | None


class ReductionOptions(TypedDict, total=False):
    """How losses and gradients are reduced.

    gradient_scale  multiplies every gradient
    denominator     the divisor of means, for a batch in several calls
    empty_mean      the mean over no row: "nan", "zero" or "error"
    """

    gradient_scale: float | None
    denominator: float | None
    empty_mean: EmptyMean | None


class DivergenceOptions(ReductionOptions, total=False):
    """Options of divergences; `class_mask`, `temperature`, `fully_masked` and `threads` as in `softmax`."""

    row_weights: Small
    class_mask: Small
    temperature: Number | None
    fully_masked: FullyMasked | None
    threads: int | None


class LossOptions(ReductionOptions, RareLossNumbers, total=False):
    """The rarer options and outputs of `cross_entropy` and `linear_cross_entropy`."""

    log_sum_exp: Output
    correct: Output
    log_probabilities: Output
    argmax: Output
    ranks: Output
    entropies: Output
    top_count: int | None
    top_classes: Output
    top_log_probabilities: Output
    target_gradient: Output
    target_weights: ArrayLike | None
    sink: Small
    smoothing: Smoothing | None
    softcap: float | None
    fully_masked: FullyMasked | None


class SampleOptions(TypedDict, total=False):
    """The rarer options, inputs and outputs of `sample`."""

    axis: int
    stream: Whole | None
    draw: Whole | None
    typical_p: Number | None
    top_n_sigma: Number | None
    xtc_probability: Number | None
    xtc_threshold: Number | None
    min_keep: Whole | None
    rules: Rules | None
    order: Sequence[Filter] | None
    ties: Ties | None
    repetition_penalty: Number | None
    frequency_penalty: Number | None
    presence_penalty: Number | None
    scale: Number | None
    dynatemp_range: Number | None
    dynatemp_exponent: Number | None
    softcap: float | None
    bias: Small
    bias_tokens: ArrayLike | None
    bias_values: ArrayLike | None
    prompt_tokens: ArrayLike | None
    output_tokens: ArrayLike | None
    draft_tokens: ArrayLike | None
    draft_probabilities: ArrayLike | None
    tokens: Output
    log_probabilities: Output
    processed_log_probabilities: Output
    kept: Output
    kept_mask: Output
    ranks: Output
    entropies: Output
    top_count: int | None
    top_classes: Output
    top_log_probabilities: Output
    threads: int | None


class SamplerOptions(SampleOptions, total=False):
    """Options of `Sampler`: those of `sample`, and those that need the text that a cursor has."""

    temperature: Number | None
    top_k: Whole | None
    top_p: Number | None
    min_p: Number | None
    class_mask: Small
    no_repeat_ngram: int | None
    banned_sequences: Iterable[Sequence[int]] | None
    dry_multiplier: float | None
    dry_base: float | None
    dry_allowed_length: int | None
    dry_range: int | None
    dry_breakers: Iterable[int | Sequence[int]] | None
