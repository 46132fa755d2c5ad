# SPDX-License-Identifier: Apache-2.0
"""Draws the results of the benchmarks as charts: charts.py RESULTS.md DIRECTORY"""

import math
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
    write(path, "Time per logit of Xent and its peers", width, y + 12, body)


def tokens(columns, rows, path):
    """Draws the time of a token of a real model, on a logarithmic scale."""
    width, left, right, bar = 400, 118, 330, 20
    body, y = ['<text class="b" x="16" y="34">µs per token of SmolLM2: shorter is better</text>',
               '<text class="s" x="16" y="54">In Llama3.java, logarithmic scale, AMD EPYC (Zen 4)</text>'], 66
    names = {"greedy": "greedy", "0.8, 0.95": "temperature 0.8, top-p 0.95", "1.0, off": "temperature 1",
             "1.5, 0.95": "temperature 1.5, top-p 0.95"}
    times = {row[0]: [float(row[columns.index(f"{who}, µs")].replace(",", "")) for who in ("Xent", "own")]
             for row in rows}
    scale = (right - left) / math.log10(max(map(max, times.values())))
    for setting, pair in times.items():
        y += 22
        body.append(f'<text x="16" y="{y}">{names[setting]}</text>')
        y += 8
        for name, kind, time in zip(("Xent", "Llama3.java"), ("xent", "peer"), pair, strict=True):
            length = math.log10(time) * scale
            body.append(f'<text class="s e" x="{left - 8}" y="{y + 15}">{name}</text>')
            body.append(f'<rect class="{kind}" x="{left}" y="{y + 2}" width="{length:.0f}" height="{bar - 4}" rx="2"/>')
            body.append(f'<text class="s" x="{left + length + 6:.0f}" y="{y + 15}">{time:,.0f}</text>')
            y += bar
        y += 8
    write(path, "Time of a token of a real model, with Xent and with the engine's own sampler", width, y + 12, body)


def write(path, label, width, height, body):
    lines = "\n".join(f"  {line}" for line in body)
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="{label}">\n'
        f"  <!-- SPDX-License-Identifier: Apache-2.0; drawn by docs/site/charts.py from java/benchmarks/results.md -->\n"
        f"  <style>{SPEED_STYLE}  </style>\n"
        f'  <rect class="card" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"/>\n{lines}\n</svg>\n')


def main():
    performance, directory = (Path(argument) for argument in sys.argv[1:])
    speed(*table(performance.read_text(), "operation"), directory / "speed.svg")
    tokens(*table(performance.read_text(), "temperature, top-p"), directory / "tokens.svg")


if __name__ == "__main__":
    main()
