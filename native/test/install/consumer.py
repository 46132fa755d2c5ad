# SPDX-License-Identifier: Apache-2.0
"""The loss and gradient of the README's rows through ctypes. Usage: consumer.py libxent.so"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "conformance"))
sys.dont_write_bytecode = True
import xent

library = xent.Library(sys.argv[1])
logits = np.array([[2, 1, 0], [0, 3, 1], [9, 9, 9]], np.float32)
labels = np.array([0, 1, -100], np.int32)
results = library.run("cross_entropy", {"logits": logits, "targets": labels}, axis=1,
                      options={"label_smoothing": 0.1, "ignore_index": -100},
                      wanted={"losses": "f32", "gradient": "f32"})
losses, gradient = results["losses"], results["gradient"]
print(f"losses {losses[0]:.6f} {losses[1]:.6f} {losses[2]:.6f}, gradient {gradient[0, 0]:.6f}")
