# SPDX-License-Identifier: Apache-2.0
"""Draws the tables of README.md and docs/performance.md as charts: charts.py README.md PERFORMANCE.md DIRECTORY"""

import csv
import re
import sys
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

XENT, PEERS, MEMORY = "#0b6e99", ["#c9a227", "#b5533c", "#d98c5f", "#7a8b6f"], "#444444"
plt.rcParams.update({
    "font.size": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "svg.hashsalt": "xent",
    "figure.facecolor": "white",
})


def table(text, first_header):
    """The header and the rows of the table whose first column has that header, as lists of cells."""
    lines = iter(text.splitlines())
    for line in lines:
        if line.startswith(f"| {first_header} |"):
            break
    else:
        sys.exit(f"charts.py: there is no table that begins with '| {first_header} |'")

    def cells(row):
        return [cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", row)[1:-1]]

    header = cells(line)
    next(lines)
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append(cells(line))
    return header, rows


def speed(columns, rows, path):
    """Time per logit of every candidate, two shapes: rows in the caches, and rows of a language model's vocabulary."""
    shapes = {"64x1000": "64 rows of 1000 classes: in the caches", "64x128256": "64 rows of 128,256 classes: in memory"}
    candidates = columns[columns.index("Xent"):columns.index("memcpy") + 1]
    rows = [dict(zip(columns, row, strict=True)) for row in rows]
    colors = dict(zip(candidates, [XENT, *PEERS, MEMORY], strict=True))
    figure, axes = plt.subplots(1, 2, figsize=(10, 6.4), sharey=True, layout="constrained")
    for axis, (shape, title) in zip(axes, shapes.items(), strict=True):
        chosen = [row for row in rows if row["shape"] == shape]
        height = 0.8 / len(candidates)
        for place, row in enumerate(chosen):
            for rank, candidate in enumerate(candidates):
                value = float(row[candidate])
                y = place + (rank - len(candidates) / 2 + 0.5) * height
                axis.barh(y, value, height * 0.92, color=colors[candidate], label=candidate if place == 0 else None)
                axis.annotate(f" {value:.2f}", (value, y), va="center", fontsize=6.5,
                              color=XENT if candidate == "Xent" else "#555555")
        axis.set_title(title, fontsize=10.5)
        axis.set_xlabel("ns per logit, one thread (shorter is better)")
        axis.set_yticks(range(len(chosen)), [row["operation"] for row in chosen])
    axes[0].invert_yaxis()
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    save(figure, path)


def accuracy(rows, path):
    """How much of each promise the worst result takes."""
    kinds = {"all other rows": (2, XENT), "rows that end in a chunk of at most 128 classes": (4, PEERS[0])}
    figure, axis = plt.subplots(figsize=(9, 5.4), layout="constrained")
    for place, row in enumerate(rows):
        for rank, (kind, (column, color)) in enumerate(kinds.items()):
            promised, found = row[column:column + 2]
            y = place + (rank - 0.5) * 0.36
            share = float(found) / float(promised)
            axis.barh(y, share, 0.33, color=color, label=kind if place == 0 else None)
            axis.annotate(f" {found} of {promised}", (share, y), va="center", fontsize=7.5, color="#444444")
    axis.axvline(1, color="#b5533c", linewidth=1.2)
    axis.annotate("the promise", (1, -0.75), ha="center", fontsize=8.5, color="#b5533c", annotation_clip=False)
    axis.set_xlim(0, 1.12)
    axis.set_ylim(len(rows) - 0.4, -0.6)
    axis.set_xlabel("worst error found / error promised")
    names = [f"{row[0]}\n{row[1]}" for row in rows]
    axis.set_yticks(range(len(rows)), names, fontsize=8)
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    save(figure, path)


def samples(path):
    """The rows of a CSV file, of numbers alone."""
    with path.open(newline="") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def over(x, label, panels, title, size, path):
    """Lines over x: each panel is a unit and its lines, each of these a label, its values and a color."""
    figure, axes = plt.subplots(len(panels), 1, figsize=size, sharex=True, layout="constrained")
    for axis, (unit, lines) in zip(axes, panels, strict=True):
        for name, values, color in lines:
            axis.plot(x, values, color=color, linewidth=1.1, label=name)
        axis.set_ylabel(unit)
        axis.set_ylim(bottom=0, top=1.25 * max(1, *(max(values) for _, values, _ in lines)))
        axis.legend(loc="upper right", ncols=len(lines), frameon=False, fontsize=9)
        axis.grid(axis="y", linewidth=0.4, color="#dddddd")
    axes[0].set_title(title)
    axes[-1].set_xlabel(label)
    axes[-1].set_xlim(0, x[-1])
    save(figure, path)


def save(figure, path):
    figure.savefig(path, metadata={"Date": None})


def main():
    readme, performance, directory = (Path(argument) for argument in sys.argv[1:])
    speed(*table(performance.read_text(), "operation"), directory / "speed.svg")
    accuracy(table(readme.read_text(), "result")[1], directory / "accuracy.svg")


if __name__ == "__main__":
    main()
