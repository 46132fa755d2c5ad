# SPDX-License-Identifier: Apache-2.0
"""Draws the samples of a load (tests/load) over time: load_chart.py SAMPLES.csv CHART.svg"""

import sys
from pathlib import Path

from charts import FOURTH, OTHER, THIRD, XENT, over, samples


def main():
    source, target = (Path(argument) for argument in sys.argv[1:])
    rows = samples(source)

    def column(name):
        return [row[name] for row in rows]

    panels = [
        ("MiB", [("resident memory", column("resident_mib"), XENT),
                 ("Java heap after the last collection", column("heap_after_collection_mib"), OTHER)]),
        ("number", [("threads of the process", column("native_threads"), XENT),
                    ("of these, Xent's pool", column("pool_threads"), THIRD),
                    ("open files", column("open_files"), OTHER)]),
        ("calls per second", [("calls, every result compared", column("calls_per_second"), XENT)]),
        ("ms", [("longest pause of the collector", column("longest_pause_ms"), FOURTH),
                ("longest time until all threads stand", column("longest_time_to_safepoint_ms"), THIRD)]),
    ]
    minutes = [seconds / 60 for seconds in column("seconds")]
    title = "64 virtual and 16 platform threads that share operations and layers"
    over(minutes, "minutes", panels, title, (10, 9.5), target)


if __name__ == "__main__":
    main()
