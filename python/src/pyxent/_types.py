# SPDX-License-Identifier: Apache-2.0
"""The types of arguments, for type checkers."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol, TypedDict, TypeVar, Union

if TYPE_CHECKING:
    from collections.abc import Sequence
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

Isa = Literal["best", "scalar", "avx2", "avx512", "neon"]
FullyMasked = Literal["nan", "zero"]
Reduction = Literal["mean", "sum"]
EmptyMean = Literal["nan", "zero", "error"]
Smoothing = Literal["uniform", "others"]
Rules = Literal["xent", "transformers", "vllm", "llama.cpp", "onnxruntime-genai"]
Ties = Literal["first", "all"]
Filter = Literal["top_k", "top_p", "min_p", "typical_p", "top_n_sigma", "xtc", "temperature"]
Divergence = Literal["kullback-leibler", "jensen-shannon", "total-variation"]


class Common(TypedDict, total=False):
    """Options of both a softmax and its backward pass."""

    temperature: Number | None
    class_mask: Small
    row_offsets: ArrayLike | None
    isa: Isa
    threads: int | None


class Backward(Common, total=False):
    """Options of a backward pass."""

    axis: Axes


class Forward(Common, total=False):
    """Options of a softmax."""

    axis: Axes
    softcap: float | None
    sink: Small
    fully_masked: FullyMasked


class LogSumExp(Forward, total=False):
    """Options of a log-sum-exp."""

    keepdims: bool
    weights: ArrayLike | None


class Product(Common, total=False):
    """Options of a Hessian-vector product."""

    axis: int
    sink: Small
    fully_masked: FullyMasked
    targets: ArrayLike | None
    class_weights: Small
    label_smoothing: float | None
    ignore_index: int | None
    reduction: Reduction
    denominator: float | None
    row_weights: Small
    gradient_scale: float | None
