# SPDX-License-Identifier: Apache-2.0
"""Draws the results of the benchmarks as a chart: charts.py RESULTS.md DIRECTORY"""

import re
import sys
from pathlib import Path


def table(text, first_header):
    """The header and the rows of the table whose first column has this header, as lists of cells."""
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


SPEED_STYLE = """
    text { font: 15px system-ui, "DejaVu Sans", sans-serif; fill: #1f2328 }
    .b { font-weight: 600 }
    .s { font-size: 13px; fill: #59636e }
    .e { text-anchor: end }
    .card { fill: #ffffff; stroke: #d1d9e0 }
    .xent { fill: #0b6e99 }
    .peer { fill: #c3ccd5 }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 }
      .s { fill: #9ea7b3 }
      .card { fill: #161b22; stroke: #3d444d }
      .xent { fill: #2d9ccf }
      .peer { fill: #57606a }
    }
"""


def speed(columns, rows, path):
    """Draws the time per logit of Xent and its peers, readable on a phone: two operations, two shapes."""
    shapes = {"64x1000": "64 rows of 1000 classes", "64x128256": "64 rows of 128,256 classes"}
    rows = {(row[0], row[1]): dict(zip(columns, row, strict=True)) for row in rows}
    width, left, right, bar = 400, 118, 340, 20  # full-size text on a phone
    body, y = ['<text class="b" x="16" y="34">ns per logit on one thread: shorter is better</text>',
               '<text class="s" x="16" y="54">AMD EPYC (Zen 5), AVX-512, float32, November 2026</text>'], 66
    groups = {}
    for operation in ("softmax", "loss and gradient"):
        for shape, words in shapes.items():
            times = {name: float(time) for name, time in rows[operation, shape].items() if name in columns[2:7]}
            groups[f"{operation}, {words}"] = {
                "Xent": times["Xent"], "ONNX Runtime": times["ONNX Runtime"],
                "PyTorch (DJL)": min(times["DJL"], times["DJL, script"]), "Vector API": times["Vector API"]}
    scale = (right - left) / max(max(times.values()) for times in groups.values())
    for title, times in groups.items():
        y += 22
        body.append(f'<text x="16" y="{y}">{title}</text>')
        y += 8
        for name, time in times.items():
            kind, length = "xent" if name == "Xent" else "peer", time * scale
            body.append(f'<text class="s e" x="{left - 8}" y="{y + 15}">{name}</text>')
            body.append(f'<rect class="{kind}" x="{left}" y="{y + 2}" width="{length:.0f}" height="{bar - 4}" rx="2"/>')
            body.append(f'<text class="s" x="{left + length + 6:.0f}" y="{y + 15}">{time:.2f}</text>')
            y += bar
        y += 8
    height = y + 12
    lines = "\n".join(f"  {line}" for line in body)
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="Time per logit of Xent and its peers">\n'
        f"  <!-- SPDX-License-Identifier: Apache-2.0; drawn by docs/site/charts.py from java/benchmarks/results.md -->\n"
        f"  <style>{SPEED_STYLE}  </style>\n"
        f'  <rect class="card" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"/>\n{lines}\n</svg>\n')


def main():
    performance, directory = (Path(argument) for argument in sys.argv[1:])
    speed(*table(performance.read_text(), "operation"), directory / "speed.svg")


if __name__ == "__main__":
    main()
