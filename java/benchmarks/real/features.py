# SPDX-License-Identifier: Apache-2.0
"""Writes what Magika makes of files, for RealClasses.java: features.py DIRECTORY FILE..."""

import json
import sys
from array import array
from pathlib import Path

import magika


def main():
    folder, files = Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]]
    known = magika.Magika()
    features, lines = array("i"), []
    for path in files:
        found, feature = known._get_result_or_features_from_path(path)
        if found is None and feature is not None:  # the others need no model, such as empty files
            features.extend([*feature.beg, *feature.end])
            result = known.identify_path(path)
            lines.append(f"{path}\t{result.dl.label}\t{float(result.score)!r}\n")
    (folder / "features.bin").write_bytes(features.tobytes())
    (folder / "python.tsv").write_text("".join(lines), encoding="utf-8")
    models = Path(magika.__file__).parent / "models"
    config = next(models.glob("*/config.min.json"))
    labels = json.loads(config.read_text(encoding="utf-8"))["target_labels_space"]
    (folder / "labels.txt").write_text("\n".join(labels) + "\n", encoding="utf-8")
    print(config.with_name("model.onnx"))


if __name__ == "__main__":
    main()
