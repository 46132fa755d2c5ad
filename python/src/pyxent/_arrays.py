# SPDX-License-Identifier: Apache-2.0
"""Arrays of other libraries in their own memory: NumPy's array interface, DLPack, and the buffer protocol."""
from __future__ import annotations

import ctypes
import importlib
import itertools
import math
import os
import sys
from collections.abc import Iterator, Sequence
from ctypes import POINTER, c_char_p, c_int, c_int32, c_int64, c_uint8, c_uint16, c_uint32, c_uint64, c_void_p
from functools import cache, lru_cache
from operator import index, mul
from typing import Any, cast

from pyxent._functions import SAMPLING
from pyxent._options import shown
from pyxent.errors import ArrayMemoryError, DTypeError, ShapeError, XentError

SIZE = {"F32": 4, "F64": 8, "F16": 2, "BF16": 2, "I8": 1, "U8": 1, "I16": 2, "I32": 4, "I64": 8, "U16": 2, "U32": 4,
        "U64": 8}
FLOATS = ("F32", "F16", "BF16", "F64")
INTEGERS = ("I8", "U8", "I16", "I32", "I64", "U16", "U32", "U64")

# The names of the types in other libraries. Booleans are flags: 0 or 1 in a byte.
_NAMES = {"float32": "F32", "float64": "F64", "float16": "F16", "bfloat16": "BF16", "bool": "U8",
          **{f"{sign}int{8 * size}": f"{letter}{8 * size}" for sign, letter in (("", "I"), ("u", "U"))
             for size in (1, 2, 4, 8)}}
NAME = {**{type_: name for name, type_ in _NAMES.items() if name != "bool"}, "BOOL": "bool"}  # BOOL: of new arrays
_SPELLINGS = {"e": "F16", "f2": "F16", "half": "F16", "f": "F32", "f4": "F32", "single": "F32", "d": "F64", "f8": "F64",
              "double": "F64", "float": "F64"}  # spellings of NumPy
ORDER = "<" if sys.byteorder == "little" else ">"
_TYPESTRS = {"|b1": "U8", **{f"{ORDER if size > 1 else '|'}{type_[0].lower()}{size}": type_
                             for type_, size in SIZE.items() if type_ != "BF16"}}
_FORMATS = {"f": "F32", "d": "F64", "e": "F16", "?": "U8", **{
    code: ("I" if code.islower() else "U") + str(8 * ctypes.sizeof(kind)) for code, kind in (
        ("b", ctypes.c_byte), ("B", ctypes.c_ubyte), ("h", ctypes.c_short), ("H", ctypes.c_ushort),
        ("i", ctypes.c_int), ("I", ctypes.c_uint), ("l", ctypes.c_long), ("L", ctypes.c_ulong),
        ("q", ctypes.c_longlong), ("Q", ctypes.c_ulonglong))}}
_BOOLEANS = ("bool", "torch.bool", "?")
_CODES = {0: "I", 1: "U", 2: "F", 4: "BF", 6: "U"}  # type codes of DLPack: kDLInt ...
_MAIN_MEMORY = (1, 3, 11)  # kDLCPU, and host memory pinned by CUDA and ROCm


class Array:
    """Memory of another owner as an array: address, type, shape, and strides in elements."""

    __slots__ = ("address", "type", "shape", "strides", "read_only", "owner")

    def __init__(self, address: int, type_: str, shape: Sequence[int], strides: Sequence[int] | None, read_only: bool,
                 owner: object) -> None:
        self.address, self.type, self.shape, self.read_only, self.owner = address, type_, tuple(shape), read_only, owner
        self.strides = dense(self.shape) if strides is None else tuple(strides)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def span(self) -> tuple[int, int]:
        """The addresses of the first byte of the first element, and of the byte after the last element."""
        if not self.size:
            return self.address, self.address
        last = sum((n - 1) * s for n, s in zip(self.shape, self.strides))
        return self.address, self.address + (last + 1) * SIZE[self.type]

    def at(self, *index: int) -> Array:
        """The part at this index of the first dimensions."""
        offset, end = sum(map(mul, index, self.strides)), len(index)
        return Array(self.address + offset * SIZE[self.type], self.type, self.shape[end:], self.strides[end:], self.read_only,
                     self)

    def overlaps(self, other: Array) -> bool:
        (begin, end), (other_begin, other_end) = self.span, other.span
        return begin < other_end and other_begin < end

    def is_in_place_of(self, other: Array) -> bool:
        mine, theirs = ((a.address, SIZE[a.type], [(n, s) for n, s in zip(a.shape, a.strides) if n != 1])
                        for a in (self, other))
        return mine == theirs

    def is_distinct(self) -> bool:
        """Whether no two indices share an element; False too for strides that interleave."""
        reach = 1
        for stride, n in sorted((s, n) for n, s in zip(self.shape, self.strides) if n != 1):
            if stride < reach:
                return False
            reach = stride * (n - 1) + reach
        return True

    def clear(self) -> None:
        """Writes +0 to every element."""
        run, outside = 1, []  # the length of contiguous runs, and their offsets
        for stride, n in sorted((s, n) for n, s in zip(self.shape, self.strides) if n != 1):
            if stride == run:
                run *= n
            else:
                outside.append(range(0, n * stride, stride))
        for offsets in itertools.product(*outside):
            ctypes.memset(self.address + sum(offsets) * SIZE[self.type], 0, SIZE[self.type] * run)

    @property
    def is_bool(self) -> bool:
        """Whether the owner calls the bytes booleans."""
        owner = self.owner[0] if isinstance(self.owner, tuple) else self.owner
        return self.type == "U8" and str(getattr(owner, "dtype", getattr(owner, "format", ""))) in _BOOLEANS

    @property
    def has_integers(self) -> bool:
        return self.type in INTEGERS and not self.is_bool

    def __copy__(self) -> Array:
        return self

    def __reduce__(self) -> tuple[Any, ...]:  # the address is valid only in this process, and only with the owner
        return _of_contents, (self.type, self.shape, self._contents())

    def _contents(self) -> bytes:
        """The elements in row-major order."""
        size = SIZE[self.type]
        if self.strides == dense(self.shape):
            return ctypes.string_at(self.address, size * self.size)
        at = itertools.product(*(range(0, n * s, s) if s else [0] * n for n, s in zip(self.shape, self.strides)))
        return b"".join(ctypes.string_at(self.address + size * sum(offsets), size) for offsets in at)

    def __str__(self) -> str:
        return f"{'bool' if self.is_bool else NAME[self.type]} {list(self.shape)}"


def _of_contents(type_: str, shape: Sequence[int], contents: bytes) -> Array:
    memory = _memory_of(contents, "B", (len(contents),))
    return Array(_address(memory), type_, shape, None, False, memory)


class _View:
    """A memoryview in the state of an object: a pickle or a deep copy of it has its contents."""

    def __init__(self, view: memoryview) -> None:
        self.view = view

    def __reduce__(self) -> tuple[Any, ...]:
        return _memory_of, (self.view.tobytes(), self.view.format, self.view.shape)


def _memory_of(contents: bytes, code: str, shape: Sequence[int]) -> memoryview:
    memory: Any = memoryview(bytearray(contents))
    code = code.lstrip("@=<" if sys.byteorder == "little" else "@=>")
    return cast(memoryview, memory.cast(code, tuple(shape)) if contents else memory.cast(code))


def held(value: Any) -> Any:
    """A value in the state of an object for `copy` and `pickle`; Python does not copy memoryviews, the arrays of
    results without NumPy."""
    return _View(value) if isinstance(value, memoryview) else value


def released(value: Any) -> Any:
    """The inverse of `held`."""
    return value.view if isinstance(value, _View) else value


def made_of(kind: Any, *values: Any) -> Any:
    """A named tuple of values that were held."""
    return kind(*map(released, values))


@lru_cache(maxsize=256)
def dense(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The strides of an array without gaps in row-major order."""
    strides, stride = [], 1
    for n in reversed(shape):
        strides.append(stride)
        stride *= max(n, 1)
    return tuple(reversed(strides))


def array_of(name: str, value: Any, takes: str | Array = "numpy.float32") -> Array:
    """Returns the memory of an argument with this name, as an `Array`.

    If the argument exports no memory, the message names a type that it takes. For targets, that type depends on the
    logits, and `takes` is then the array of the logits.
    """
    try:
        if isinstance(value, Array):
            array = value
        elif is_of_torch(value):
            array = _of_torch(name, value)
        elif (about := getattr(value, "__array_interface__", None)) is not None:
            array = _of_interface(name, value, about, takes)
        elif (column := column_of(value)) is not None:
            array = array_of(name, column, takes)
        elif hasattr(value, "__dlpack__"):
            array = _of_dlpack(name, value)
        else:
            array = _of_buffer(name, value, takes)
    except (XentError, MemoryError, RecursionError):
        raise
    except Exception as error:  # libraries raise any type for memory that they cannot export
        if isinstance(value, type):  # it has the attributes of its arrays
            raise DTypeError(f"{name} is {shown(value)}; expected an array, not its class") from None
        if instead := _instead(name, value, takes):
            raise ArrayMemoryError(f"{name} is {instead}") from error
        reason = (str(error).splitlines() or [""])[0]
        raise ArrayMemoryError(f"{name} of {type(value)} does not lend its memory ({type(error).__name__}: {reason}); "
                               f"expected a dense array of numbers in main memory") from error
    if array.strides and min(array.strides) < 0:
        if any(stride < 0 for n, stride in zip(array.shape, array.strides) if n > 1):
            copy = f". Copy it: {name}.copy()" if hasattr(value, "copy") else ""
            fix = f", or {NEW}" if takes == OUTPUT else copy
            raise ShapeError(f"{name} has strides {list(array.strides)}; expected strides of 0 or more{fix}")
        array.strides = tuple(max(stride, 0) for stride in array.strides)  # that of an axis of size 1
    if array.address % SIZE[array.type] and array.size:
        raise ArrayMemoryError(f"{name} lies at address {array.address:#x}, not aligned to the {SIZE[array.type]} "
                               f"bytes of {NAME[array.type]}: {'pass aligned memory' if takes == OUTPUT else 'copy it'}")
    if not array.address and array.size:
        instead = _instead(name, value, takes)
        raise ArrayMemoryError(f"{name} is {instead}" if instead else f"{name} of {type(value)} has no memory: pass an "
                               f"array that holds numbers")
    return array


OUTPUT = "an output"  # `takes` of an output, which is not converted
NEW = "True, which makes a new array"  # instead of an output, for messages


def converted(name: str, takes: str, of_torch: bool = False) -> str:
    """How to make an array that an argument takes, for messages."""
    if of_torch:
        method = {"int": "long()", "bool": "bool()"}.get(takes, f"to({takes.replace('numpy', 'torch')})")
        return f"{name}.{method}"
    return f"numpy.asarray({name}, {takes})"


def float_like(type_: str) -> str:
    """A NumPy floating-point type that is allowed with logits of this type."""
    return "numpy.float64" if type_ == "F64" else "numpy.float32"


def takes_of_targets(logits: Array, dimensions: int) -> str:
    """The `takes` of targets: labels, or probability rows if targets and logits have the same number of dimensions."""
    return float_like(logits.type) if 0 < dimensions == len(logits.shape) else "int"


def _dimensions_of(value: Any) -> int:
    """The number of dimensions of a value that is not an array."""
    dimensions = 0
    while isinstance(value, (list, tuple)) and value:
        dimensions, value = dimensions + 1, value[0]
    found = getattr(value, "ndim", 0)
    return dimensions or (found if isinstance(found, int) else 0)  # a class or a module may have another ndim


def article(noun: str) -> str:
    return f"{'an' if noun[:1] in 'aeiouAEIOU' else 'a'} {noun}"


def bfloat16(array: Any) -> Array:
    """16-bit integers as bfloat16 numbers with the same bits, for NumPy, which has no such type.

    Every function takes the result as an input or an output. A call that fills it writes the bits into `array`, and
    returns what you passed: read `array`.

    >>> import array, pyxent
    >>> bits = array.array("H", [0x3F80, 0x3F80])  # 1 and 1
    >>> pyxent.log_sum_exp(pyxent.bfloat16(bits), dtype="float32").tolist()
    1.6931471824645996
    """
    lent = array_of("array", array)
    if lent.type not in ("U16", "I16"):
        raise DTypeError(f"array is {lent}; expected one of 16-bit integers")
    return Array(lent.address, "BF16", lent.shape, lent.strides, lent.read_only, lent.owner)


def type_named(dtype: object) -> str:
    """Returns the type of a name or dtype: F32 for "float32", numpy.float32, torch.float32, "f4", "f32" and so on."""
    name = str(getattr(dtype, "__name__", dtype)).removeprefix("torch.").removeprefix(ORDER).removeprefix("=")
    found = _NAMES.get(name) or _SPELLINGS.get(name, name.upper())
    if found not in FLOATS:
        raise DTypeError(f"dtype is {shown(dtype)}; expected float32, float16, bfloat16 or float64")
    return found


# ---- memory of other libraries ------------------------------------------------------------------------------------


def _unknown(name: str, given: object, fix: str = "") -> DTypeError:
    return DTypeError(f"{name} has elements of type {given}; expected floats of 16, 32 or 64 bits, integers or "
                      f"booleans in the byte order of this machine{fix}")


def _conversion(name: str, takes: str | Array, dimensions: int, is_number: bool) -> str:
    """The end of a message about a type of NumPy, if NumPy can convert it."""
    takes = takes if isinstance(takes, str) else takes_of_targets(takes, dimensions)
    return f". Convert it: {converted(name, takes)}" if is_number and takes != OUTPUT else ""


def _of_interface(name: str, value: Any, about: dict[str, Any], takes: str | Array) -> Array:
    masked = sys.modules.get("numpy.ma")
    if masked and isinstance(value, masked.MaskedArray):
        raise ArrayMemoryError(f"{name} is a masked array, whose mask is not in its memory: pass {name}.data, and the "
                               f"mask as class_mask=~mask (of classes) or row_weights=~mask (of rows)")
    if about.get("mask") is not None:
        raise ValueError("it has a mask")
    typestr = about["typestr"]
    type_ = _TYPESTRS.get(typestr) or _TYPESTRS.get("|" + typestr[1:])
    if type_ is None and typestr[1:] == "V2" and str(value.dtype) == "bfloat16":
        type_ = "BF16"
    if type_ is None:
        dtype = getattr(value, "dtype", typestr)
        if str(dtype) == "|V2":  # what numpy.load makes of bfloat16
            raise _unknown(name, dtype, f". If they are bfloat16, as in a .npy file: {name}.view(ml_dtypes.bfloat16)")
        raise _unknown(name, dtype, _conversion(name, takes, len(about["shape"]), typestr[1] in "fiuO"))
    address, read_only = about["data"]
    numpy, shape, strides = sys.modules.get("numpy"), about["shape"], about.get("strides")
    if type(value) is not getattr(numpy, "ndarray", None):  # NumPy has checked its own arrays
        shape = _sizes(shape)
    if strides is not None and len(strides) != len(shape):
        raise ValueError(f"{len(strides)} strides of {len(shape)} dimensions")
    # For a NumPy scalar, the interface describes a temporary array, which only the interface keeps.
    read_only = read_only or not shape and isinstance(value, getattr(numpy, "generic", ()))
    return Array(index(address), type_, shape, _elements(name, strides, SIZE[type_]), read_only, (value, about))


class _Interface(ctypes.Structure):  # PyArrayInterface
    _fields_ = [("two", c_int), ("dimensions", c_int), ("kind", ctypes.c_char), ("size", c_int), ("flags", c_int),
                ("shape", c_void_p), ("strides", c_void_p), ("data", c_void_p)]


def memory_of(array: Any) -> tuple[int, int]:
    """The address of an `ndarray`, and its flags as numbers of NumPy's C interface."""
    capsule = array.__array_struct__  # owns what is read next
    about = _Interface.from_address(_capsule_pointer(capsule, None))
    return about.data or 0, about.flags


def _sizes(shape: Sequence[Any]) -> tuple[int, ...]:
    """A shape as integers of 64 bits. The cache of `dense` would return strides of floats for an equal shape."""
    sizes = tuple(map(index, shape))
    if sizes and not (0 <= min(sizes) and max(max(sizes), math.prod(sizes)) < 1 << 63):
        raise ValueError(f"its shape is {list(sizes)}")
    return sizes


def is_of_torch(value: object) -> bool:
    """Whether a value is a PyTorch tensor, or of a subclass of Tensor."""
    torch: Any = sys.modules.get("torch")
    return torch is not None and isinstance(value, getattr(torch, "Tensor", ()))


def _of_torch(name: str, value: Any) -> Array:
    """Reads a tensor without DLPack, which loses the bit of a negated view."""
    torch: Any = sys.modules["torch"]
    if torch._C._len_torch_dispatch_stack() and (mode := _tracing_mode(torch)):
        raise ArrayMemoryError(f"{name} is passed in {mode}, which does not see what Xent computes; expected a call outside "
                               f"of it, or the function of pyxent.torch")
    kind = type(value)
    if kind is not torch.Tensor and kind.__torch_dispatch__ is not torch.Tensor.__torch_dispatch__ and not value.is_nested:
        raise ArrayMemoryError(f"{name} is {_instead_of_wrapper(name, value)}")
    type_ = _NAMES.get(str(value.dtype)[6:])
    if type_ is None:
        raise _unknown(name, value.dtype)
    if value.requires_grad and torch.is_grad_enabled():
        raise ArrayMemoryError(f"{name} requires its gradient, and Xent records none; expected a tensor that does not. "
                               f"Pass its detach(), or call in torch.no_grad()")
    if not value.is_cpu:
        raise ArrayMemoryError(f"{name} lies on device {value.device}; expected a copy in main memory")
    if value.is_neg():  # raises, as do the next calls, for sparse and nested tensors and in vmap
        raise ArrayMemoryError(f"{name} is a view that PyTorch negates when it reads it; expected {name}.resolve_neg()")
    array = Array(value.data_ptr(), type_, value.shape, value.stride(), False, (value, None))
    reach = value.numel() if value.is_contiguous() else sum(map(mul, array.shape, array.strides)) - sum(array.strides) + 1
    stored = value.untyped_storage().nbytes()
    if stored < (value.storage_offset() + reach) * SIZE[type_]:
        raise ArrayMemoryError(f"{name} is {array}, and its storage was resized to {stored} bytes; expected a tensor that "
                               f"has all of its memory")
    return array


def _tracing_mode(torch: Any) -> str | None:
    """The mode that is active in which PyTorch traces calls, for messages."""
    kinds = torch._C._TorchDispatchModeKey
    active = [name for kind, name in ((kinds.PROXY, "torch.fx.experimental.proxy_tensor.make_fx"),
                                      (kinds.FAKE, "FakeTensorMode"), (kinds.FUNCTIONAL, "torch.func.functionalize"))
              if torch._C._get_dispatch_mode(kind) is not None]
    return active[0] if active else None


def _instead_of_wrapper(name: str, value: Any) -> str:
    """Describes a tensor that computes its numbers from other tensors."""
    if hasattr(value, "full_tensor"):
        return f"a distributed tensor; expected the part of this process, {name}.to_local(), or all, {name}.full_tensor()"
    if hasattr(value, "get_mask"):
        return f"a masked tensor; expected {name}.get_data(), and its mask as class_mask={name}.get_mask()"
    return f"of {type(value)}, which computes its numbers from other tensors; expected a tensor that has them in memory"


def _elements(name: str, strides: Sequence[int] | None, size: int) -> list[int] | None:
    if strides is None:
        return None
    strides = tuple(map(index, strides))
    if any(stride % size for stride in strides):
        raise ArrayMemoryError(f"{name} has strides of {list(strides)} bytes, not multiples of the {size} bytes of an "
                               "element: copy it")
    if strides and not -1 << 63 <= min(strides) <= max(strides) < 1 << 63:
        raise ValueError(f"its strides are {list(strides)} bytes")
    return [stride // size for stride in strides]


IGNORED = ", with ignore_index=-100"


def _instead(name: str, value: Any, takes: str | Array) -> str | None:
    """Describes an array that exports no memory, and what to pass instead, if known."""
    if not is_of_torch(value):
        takes = takes if isinstance(takes, str) else takes_of_targets(takes, _dimensions_of(value))
        return _instead_of_column(name, value, takes)
    torch: Any = sys.modules["torch"]
    if value.is_nested:
        return "a nested tensor; expected its rows in one dimension, with their row_offsets"
    if value.layout != torch.strided:
        return f"a tensor of the layout {value.layout}; expected a dense one: {name}.to_dense()"
    if torch._C._functorch.is_batchedtensor(value):
        return "a tensor inside of torch.vmap; expected a call outside of it, of all rows"
    return None


def column_of(value: Any) -> Any:
    """The array with the numbers of a data frame column, or of several columns of pandas.

    None if there is no such array, or only a copy.
    """
    library = type(value).__module__.partition(".")[0]
    if library == "pandas" and hasattr(value, "to_numpy"):
        found, again = value.to_numpy(), value.to_numpy()
        return found if found.dtype != object and address_of(found) == address_of(again) else None
    if library == "polars" and hasattr(value, "to_numpy"):
        try:
            return value.to_numpy(allow_copy=False)
        except (RuntimeError, ValueError):  # it needs a copy
            return None
    if library != "pyarrow":
        return None
    type_: Any = getattr(value, "type", None)
    size = getattr(type_, "list_size", None)
    if hasattr(value, "num_chunks"):
        if value.num_chunks != 1 or size is None and type_.num_fields:
            return None
        return value.chunk(0) if size is None else column_of(value.chunk(0))
    if size is None or value.null_count or (numbers := value.flatten()).null_count:
        return None
    numbers = array_of("column", numbers)
    return Array(numbers.address, numbers.type, (len(value), size), None, True, numbers.owner)


def _instead_of_column(name: str, value: Any, takes: str) -> str | None:
    """Describes a column whose numbers are in another array."""
    are_labels = (name, takes) == ("targets", "int")
    library, dtype = type(value).__module__.partition(".")[0], str(getattr(value, "dtype", ""))
    if library == "pandas" and dtype == "category":
        return f"a column of categories; expected numbers: {name}.cat.codes"
    if are_labels and library == "pandas" and hasattr(value, "fillna") and sys.modules["numpy"].any(value.isna()):
        return f"a column without some labels; expected numbers: {name}.fillna(-100).to_numpy(int){IGNORED}"
    if library == "pandas" and (dtype == "object" or "list<" in dtype):
        of = "objects; expected numbers, of lists" if dtype == "object" else "lists; expected numbers"
        return f"a column of {of}: numpy.stack({name})"
    if library == "polars" and dtype.startswith("List"):
        of = f"{name}.to_arrow()"
        return f"an array of lists; expected its numbers: {of}.values, with row_offsets={of}.offsets"
    if are_labels and library == "polars" and dtype and value.null_count():
        return f"a column with nulls; expected numbers: {name}.fill_null(-100){IGNORED}"
    if library != "pyarrow" or not hasattr(value, "null_count"):
        return None
    if sys.modules["pyarrow"].types.is_boolean(value.type):
        name += ".fill_null(False)" if value.null_count else ""
        return f"a column of bits; expected an array: {converted(name, takes)}"
    return _instead_of_arrow(name, value, are_labels)


def _instead_of_arrow(name: str, value: Any, are_labels: bool) -> str | None:
    types, masked = sys.modules["pyarrow"].types, "fill_null(float('-inf'))"  # a null logit does not count
    if name != "logits":  # None in a list of options turns them off
        masked = "to_pylist()" if name in SAMPLING else "fill_null(0)"
    if types.is_integer(value.type) or types.is_floating(value.type):
        filled = f"fill_null(-100){IGNORED}" if are_labels else masked
        return f"a column with nulls; expected numbers: {name}.{filled}" if value.null_count else None
    has_size = types.is_fixed_size_list(value.type)
    if has_size and value.null_count:
        return f"an array of lists with null rows; drop the same rows of all arrays: {name}.drop_null()"
    if not (has_size or types.is_list(value.type) or types.is_large_list(value.type)):
        return None
    if hasattr(value, "num_chunks"):
        name, value = f"{name}.combine_chunks()", value.combine_chunks()
    filled = f".{masked}" if value.flatten().null_count else ""
    if not has_size:
        return f"an array of lists; expected its numbers: {name}.values{filled}, with row_offsets={name}.offsets"
    if filled:
        rows = f"(-1, {value.type.list_size})"
        return f"an array of lists with nulls; expected numbers: numpy.reshape({name}.flatten(){filled}, {rows})"
    return f"an array of lists in several chunks; expected one: {name}"


def _no_output(name: str, kind: type) -> DTypeError:
    return DTypeError(f"{name} is {article(kind.__name__)}; expected {NEW}, or an array that it fills")


def _of_buffer(name: str, value: Any, takes: str | Array) -> Array:
    kind, takes = type(value), takes if isinstance(takes, str) else takes_of_targets(takes, _dimensions_of(value))
    try:
        view = memoryview(value)
    except TypeError:
        if takes == OUTPUT:
            raise _no_output(name, kind) from None
        if instead := _instead(name, value, takes):
            raise ArrayMemoryError(f"{name} is {instead}") from None
        if isinstance(value, (str, os.PathLike)):
            path = shown(os.fspath(value))
            raise DTypeError(f"{name} is {path}; expected an array, such as "
                             f"numpy.load({name if path.startswith('of ') else path})") from None
        raise DTypeError(f"{name} is {article(kind.__name__)}; expected an array with DLPack or the buffer protocol, for "
                         f"instance {converted(name, takes)}") from None
    if kind in (bytes, bytearray) or kind.__module__ == "mmap":
        if takes == OUTPUT:
            raise _no_output(name, kind)
        numbers = takes if takes.startswith("numpy.") else "numpy.uint8"
        raise DTypeError(f"{name} is {article(kind.__name__)}, which has no element type; expected an array, for instance "
                         f"numpy.frombuffer({name}, {numbers})")
    type_ = _FORMATS.get(view.format.lstrip("@=<" if sys.byteorder == "little" else "@=>"))
    if type_ is None or SIZE[type_] != view.itemsize:
        raise _unknown(name, view.format, _conversion(name, takes, view.ndim, view.format.lstrip("<>@=!") in _FORMATS))
    if any(offset >= 0 for offset in view.suboffsets or ()):
        raise ArrayMemoryError(f"{name} lies behind pointers (it has suboffsets): copy it into one piece of memory")
    return Array(_address(view), type_, view.shape or (), _elements(name, view.strides, view.itemsize), view.readonly,
                 view)


def _address(view: memoryview) -> int:
    buffer = (c_void_p * 16)()  # a Py_buffer is 11 words, and the address is the first
    ctypes.pythonapi.PyObject_GetBuffer(ctypes.py_object(view), buffer, c_int(0x11C))  # PyBUF_FULL_RO
    address = buffer[0] or 0
    ctypes.pythonapi.PyBuffer_Release(buffer)
    return address


class _Tensor(ctypes.Structure):  # DLTensor
    _fields_ = [("data", c_void_p), ("device_type", c_int32), ("device_id", c_int32), ("ndim", c_int32),
                ("code", c_uint8), ("bits", c_uint8), ("lanes", c_uint16), ("shape", POINTER(c_int64)),
                ("strides", POINTER(c_int64)), ("byte_offset", c_uint64)]


class _Versioned(ctypes.Structure):  # DLManagedTensorVersioned
    _fields_ = [("major", c_uint32), ("minor", c_uint32), ("context", c_void_p), ("deleter", c_void_p),
                ("flags", c_uint64), ("tensor", _Tensor)]


_capsule_name = ctypes.PYFUNCTYPE(c_char_p, ctypes.py_object)(("PyCapsule_GetName", ctypes.pythonapi))
_capsule_pointer = ctypes.PYFUNCTYPE(c_void_p, ctypes.py_object, c_char_p)(("PyCapsule_GetPointer", ctypes.pythonapi))


def _of_dlpack(name: str, value: Any) -> Array:
    device = int(value.__dlpack_device__()[0])
    if device not in _MAIN_MEMORY:
        raise ArrayMemoryError(f"{name} lies on a device of DLPack's type {device}; expected a copy in main memory")
    try:
        capsule = value.__dlpack__(max_version=(1, 0))
    except TypeError as error:
        if type(error) is not TypeError:  # an error of Arrow, which does not lend the column
            raise
        capsule = value.__dlpack__()  # a library older than DLPack 1
    # The capsule is never consumed: it owns the memory, and frees it when the capsule is freed.
    kind = _capsule_name(capsule) or b""
    if not kind.startswith(b"dltensor"):  # another consumer owns the memory now
        raise ValueError(f"its capsule is a {kind.decode()}")
    address = _capsule_pointer(capsule, kind)
    if kind == b"dltensor_versioned":
        managed = _Versioned.from_address(address)
        if managed.major != 1:  # other versions share only the places of the version and the deleter
            raise ArrayMemoryError(f"{name} is lent by DLPack {managed.major}.{managed.minor}; expected an array of a "
                                   f"library that lends by DLPack 1")
        tensor, read_only = managed.tensor, bool(managed.flags & 1)
    else:
        # The old format has no flag for read-only memory, and libraries that use it have immutable arrays.
        tensor, read_only = _Tensor.from_address(address), True
    type_ = _CODES.get(tensor.code, "?") + str(tensor.bits)
    if type_ not in SIZE or tensor.lanes != 1:
        raise _unknown(name, getattr(value, "dtype", type_))
    shape = _sizes(tensor.shape[:tensor.ndim])
    strides = tensor.strides[:tensor.ndim] if tensor.strides else None
    return Array((tensor.data or 0) + tensor.byte_offset, type_, shape, strides, read_only, (value, capsule))


def numpy_arrays_of(array: Array) -> Iterator[Any]:
    """The NumPy arrays that own the memory: the array that was passed, and its bases."""
    numpy: Any = sys.modules.get("numpy")
    if isinstance(array.owner, Array):
        array = array.owner
    value = array.owner[0] if isinstance(array.owner, tuple) else array.owner
    while numpy and isinstance(value, (memoryview, numpy.ndarray)):
        if not isinstance(value, memoryview):
            yield value
        value = value.obj if isinstance(value, memoryview) else value.base


# ---- as arrays of NumPy ---------------------------------------------------------------------------------------------


def imported_numpy() -> Any:
    """NumPy, or None where it is not installed."""
    try:
        import numpy
    except ImportError:
        return None
    return numpy


def numpy_for(what: str) -> Any:
    """Imports NumPy, or raises an error that names `what`."""
    try:
        return importlib.import_module("numpy")
    except ImportError as error:
        raise ImportError(f"{what} needs NumPy, which cannot be imported ({error}); install it with pip install "
                          f"numpy") from error


class Memory:
    """The memory of an array as NumPy's array interface, with integers of its bits, or another shape in it."""

    def __init__(self, array: Array, shape: Sequence[int], strides: Sequence[int]) -> None:
        self.owner, size = array.owner, SIZE[array.type]
        self.__array_interface__ = {
            "version": 3, "data": (array.address, False), "typestr": f"{'|' if size == 1 else ORDER}u{size}",
            "shape": tuple(shape), "strides": tuple(stride * size for stride in strides)}


def numbers_of(array: Array) -> Any:
    """The memory of an array as a NumPy array; for bfloat16, its bits."""
    raw = numpy_for("this call").asarray(Memory(array, array.shape, array.strides))
    return raw if array.type == "BF16" else raw.view(NAME[array.type])


def doubles_of(array: Array, numbers: Any = None) -> Any:
    """A float64 copy of an array, or of `numbers` in its type."""
    numbers = numbers_of(array) if numbers is None else numbers
    if array.type == "BF16":
        numbers = (numbers.astype("uint32") << imported_numpy().uint32(16)).view("float32")
    return numbers.astype("float64")


# ---- new arrays ---------------------------------------------------------------------------------------------------


def empty(like: Any, type_: str, shape: Sequence[int]) -> Any:
    """A new array: a PyTorch tensor if `like` is one, otherwise a NumPy array, or a memoryview without NumPy.

    If bfloat16 is not available (NumPy without ml_dtypes), the array has 16-bit integers with its bits.
    """
    if is_of_torch(like):
        torch: Any = sys.modules["torch"]
        return torch.empty(tuple(shape), dtype=getattr(torch, NAME[type_]), device="cpu")
    numpy = imported_numpy()
    if not numpy:
        return _empty_memory(type_, shape)
    return numpy.empty(tuple(shape), numpy_type(type_))


def address_of(array: Any) -> int:
    """The address of a new array of NumPy or PyTorch; 0 for other arrays."""
    if is_of_torch(array):
        return int(array.data_ptr())
    about = getattr(array, "__array_interface__", None)
    return about["data"][0] if about else 0


@cache
def numpy_type(type_: str) -> Any:
    if type_ != "BF16":
        return NAME[type_]
    try:
        import ml_dtypes
    except ImportError:
        return "uint16"
    return ml_dtypes.bfloat16


def _empty_memory(type_: str, shape: Sequence[int]) -> Any:
    code: Any = "H" if type_ in ("F16", "BF16") else next(
        (c for c, t in _FORMATS.items() if t == type_ and c != "?"), "?")
    memory: Any = memoryview(bytearray(math.prod(shape) * SIZE.get(type_, 1)))
    return memory.cast(code, tuple(shape)) if math.prod(shape) else memory.cast(code)


def as_type(value: Any, type_: str) -> Array:
    """A new array of `empty` with the type that it was made for."""
    array = array_of("result", value)
    return Array(array.address, type_, array.shape, array.strides, array.read_only, array.owner)

