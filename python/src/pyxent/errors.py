# SPDX-License-Identifier: Apache-2.0
"""What is raised for a call that cannot be made. Every message says what was given, what is needed, and the fix."""
from __future__ import annotations

from typing import Any


class XentError(ValueError):
    """A call that was refused; nothing was written."""


class ShapeError(XentError):
    """A shape, axis or stride that the operation cannot take, or shapes that do not belong together."""


class DTypeError(XentError):
    """An element type that the operation cannot take."""


class ArrayMemoryError(XentError, BufferError):
    """Memory that cannot be used: not lent, read-only, elsewhere than in main memory, misaligned, or overlapping."""


class OptionError(XentError):
    """An option that is out of range, or that does not go with the targets."""


class EmptyMeanError(OptionError):
    """A mean over no row, with `empty_mean="error"`."""


class LabelError(XentError, IndexError):
    """A label that is no class, or a masked one, and not the ignore index; or a token that came before and is no class.

    `row` is the first row with such a label, in row-major order; of binary cross-entropy the element.
    """

    def __init__(self, message: str, row: int, label: int, classes: int) -> None:
        super().__init__(message)
        self.row, self.label, self.classes = row, label, classes

    def __reduce__(self) -> tuple[Any, ...]:  # which the usual one would call with the message alone
        return type(self), (str(self), self.row, self.label, self.classes), self.__dict__


class NativeLibraryError(XentError, ImportError):
    """The native library cannot be loaded, or is another version than this package."""
