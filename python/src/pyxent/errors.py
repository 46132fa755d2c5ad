# SPDX-License-Identifier: Apache-2.0
"""The errors of invalid calls. Every message has the value, the expected value, and the fix."""
from __future__ import annotations

from typing import Any


class XentError(ValueError):
    """A rejected call; nothing was written."""


class ShapeError(XentError):
    """A shape, axis or stride that the operation does not support, or shapes that do not match."""


class DTypeError(XentError, TypeError):
    """An element type that the operation does not support, or a value that is no array."""


class ArrayMemoryError(XentError, BufferError):
    """Unusable memory: not exported, read-only, not in main memory, misaligned, or overlapping."""


class OptionError(XentError):
    """An option that is out of range, or that does not match the targets."""


class EmptyMeanError(OptionError):
    """A mean over no row, with `empty_mean="error"`."""


class LabelError(XentError, IndexError):
    """A label outside the classes or of a masked class that is not the ignore index, or an earlier token outside the
    classes.

    `row` is the first row with such a label, in row-major order; for binary cross-entropy, the first element.
    """

    def __init__(self, message: str, row: int, label: int, classes: int) -> None:
        super().__init__(message)
        self.row, self.label, self.classes = row, label, classes

    def __reduce__(self) -> tuple[Any, ...]:  # the default would pass only the message
        return type(self), (str(self), self.row, self.label, self.classes), self.__dict__


class NoTokenError(XentError):
    """Logits from which `SamplerCursor.next` can draw no token. The step does not count."""


class NativeLibraryError(XentError, ImportError):
    """The native library cannot be loaded, or its version differs from that of this package."""
