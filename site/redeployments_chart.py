# SPDX-License-Identifier: Apache-2.0
"""Draws the samples of redeployments (tests/package): redeployments_chart.py SAMPLES.csv CHART.svg"""

import sys
from pathlib import Path

from charts import OTHER, THIRD, XENT, over, samples


def main():
    source, target = (Path(argument) for argument in sys.argv[1:])
    rows = samples(source)

    def column(name):
        return [row[name] for row in rows]

    panels = [
        ("number", [("class loaders that are left", column("loaders"), XENT),
                    ("libraries that are mapped", column("libraries"), THIRD)]),
        ("MiB", [("metaspace", column("metaspace_mib"), XENT)]),
        ("MiB", [("resident memory", column("resident_mib"), XENT)]),
        ("number", [("Java threads, idle ones of pools that are gone included", column("threads"), OTHER)]),
    ]
    title = "An application with Xent, deployed again and again, called on threads that live on"
    over(column("deployed"), "deployments", panels, title, (10, 8), target)


if __name__ == "__main__":
    main()
