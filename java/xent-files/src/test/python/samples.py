# SPDX-License-Identifier: Apache-2.0
"""Writes the files that SamplesTest reads, with the libraries that such files come from.

python samples.py FOLDER; needs numpy, ml_dtypes and safetensors. The committed files are of numpy
2.4.6, ml_dtypes 0.6.0 and safetensors 0.8.0.
"""

import pathlib
import sys

import ml_dtypes
import numpy as np
from safetensors.numpy import save_file


def main(folder):
    numbers = np.arange(-3, 3).reshape(2, 3)
    np.save(folder / "bfloat16.npy", (numbers * 0.5).astype(ml_dtypes.bfloat16))
    np.save(folder / "float16.npy", (numbers * 0.5).astype("<f2"))
    np.save(folder / "fortran.npy", np.asfortranarray(numbers * 0.25))
    np.save(folder / "big-endian.npy", numbers.astype(">f4"))
    np.save(folder / "bool.npy", numbers > 0)
    np.save(folder / "scalar.npy", np.float32(7))
    save_file(
        {
            "f64": numbers * 0.25,
            "f32": (numbers * 0.25).astype(np.float32),
            "f16": (numbers * 0.25).astype(np.float16),
            "bf16": (numbers * 0.25).astype(ml_dtypes.bfloat16),
            "i64": numbers.astype(np.int64),
            "i32": numbers.astype(np.int32),
            "i16": numbers.astype(np.int16),
            "i8": numbers.astype(np.int8),
            "u8": (numbers + 3).astype(np.uint8),
            "bool": numbers > 0,
            "u32": (numbers + 3).astype(np.uint32),
            "scalar": np.array(7, dtype=np.float32),
            "empty": np.zeros((0, 3), dtype=np.float32),
            "größe/重み": np.ones(1, dtype=np.float32),
        },
        folder / "all.safetensors",
        metadata={"format": "np", "note": "line one\nline two"},
    )
    save_file(
        {
            "f8": numbers.astype(ml_dtypes.float8_e4m3fn),
            "f32": numbers.astype(np.float32),
        },
        folder / "float8.safetensors",
    )


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
