# SPDX-License-Identifier: Apache-2.0
"""Draws the samples of a load (java/xent-load) over time: load_chart.py SAMPLES.csv CHART.svg"""

import csv
import sys
from pathlib import Path

from charts import MEMORY, PEERS, XENT, plt, save


def main():
    source, target = (Path(argument) for argument in sys.argv[1:])
    with source.open(newline="") as file:
        samples = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    minutes = [sample["seconds"] / 60 for sample in samples]

    def column(name):
        return [sample[name] for sample in samples]

    panels = [
        ("MiB", [("resident memory", "resident_mib", XENT),
                 ("Java heap after the last collection", "heap_after_collection_mib", PEERS[0])]),
        ("number", [("threads of the process", "native_threads", XENT),
                    ("of these, Xent's pool", "pool_threads", PEERS[1]),
                    ("open files", "open_files", PEERS[0])]),
        ("calls per second", [("calls, every result compared", "calls_per_second", XENT)]),
        ("ms", [("longest pause of the collector", "longest_pause_ms", MEMORY),
                ("longest time until all threads stand", "longest_time_to_safepoint_ms", PEERS[1])]),
    ]
    figure, axes = plt.subplots(len(panels), 1, figsize=(10, 9.5), sharex=True, layout="constrained")
    for axis, (unit, lines) in zip(axes, panels, strict=True):
        for label, name, color in lines:
            axis.plot(minutes, column(name), color=color, linewidth=1.1, label=label)
        axis.set_ylabel(unit)
        axis.set_ylim(bottom=0, top=1.25 * max(max(column(name)) for _, name, _ in lines))
        axis.legend(loc="upper right", ncols=len(lines), frameon=False, fontsize=9)
        axis.grid(axis="y", linewidth=0.4, color="#dddddd")
    axes[0].set_title("64 virtual and 16 platform threads that share operations and layers")
    axes[-1].set_xlabel("minutes")
    axes[-1].set_xlim(0, minutes[-1])
    save(figure, target)


if __name__ == "__main__":
    main()
