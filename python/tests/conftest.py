# SPDX-License-Identifier: Apache-2.0
"""The tests need NumPy and the library that XENT_LIBRARY names, or a wheel that is installed. PyTorch, JAX and Arrow
are used where they are installed."""
import pytest

pytest.importorskip("numpy")
