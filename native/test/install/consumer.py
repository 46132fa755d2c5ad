# SPDX-License-Identifier: Apache-2.0
"""The loss and gradient of the README's rows with the Python package. Usage: consumer.py libxent.so"""
import os
import sys
from pathlib import Path

import numpy as np

os.environ["XENT_LIBRARY"] = sys.argv[1]
sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "python" / "src"))
sys.dont_write_bytecode = True
import pyxent

logits = np.array([[2, 1, 0], [0, 3, 1], [9, 9, 9]], np.float32)
labels = np.array([0, 1, -100], np.int32)
result = pyxent.cross_entropy(logits, labels, reduction="sum", ignore_index=-100, label_smoothing=0.1, losses=True,
                              gradient=True)
losses, gradient = result.losses, result.gradient
print(f"losses {losses[0]:.6f} {losses[1]:.6f} {losses[2]:.6f}, gradient {gradient[0, 0]:.6f}")
