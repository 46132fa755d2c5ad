# SPDX-License-Identifier: Apache-2.0
"""Writes the page of the C API from its header, with a heading for each function: c_api.py XENT.H PAGE.md"""

import re
import sys
from pathlib import Path

SECTION = re.compile(r"^/\* -{3,} (.+?) -+ \*/\n", re.MULTILINE)
FUNCTION = re.compile(
    r"^(?:XENT_API|static inline)[^;{]*?\b(xent_\w+)\([^;{]*(?:;|\{.*?^\}|\{[^\n]*\})\n", re.MULTILINE | re.DOTALL)


def code(text):
    return f"```c\n{text.strip()}\n```\n" if text.strip() else ""


def manual(text):
    """The head comment of the header as a page: a heading for each part, and indented lines as code."""
    comment = re.search(r"/\*\n \* xent\.h.*?\*/", text, re.DOTALL)[0]
    out, block = [], []

    def end():
        if block:
            out.append("```c\n" + "\n".join(block) + "\n```\n")
            block.clear()

    for line in (re.sub(r"^ \* ?", "", line) for line in comment.splitlines()[1:-1]):
        if re.fullmatch("[A-Z][A-Z, ]+", line):
            end()
            out.append(f"\n### {line.capitalize()}\n")
        elif line.startswith("      "):
            block.append(line[6:])
        elif re.match(r"  xent_\w+(, xent_\w+)?  ", line):
            block.append(line[2:])
        else:
            end()
            begins = re.match(r"  (class_mask|row_offsets|sink) \(", line)
            line = re.sub(r"\b(XENT_\w+|xent_\w+)\b", r"`\1`", line.strip().replace("*", r"\*"))
            line = re.sub(r"\b((?:conformance|docs)/[\w/-]+\.md)", r"[\1](\1)", line)
            out.append("\n" + line if begins else line)
    end()
    return "\n".join(out) + "\n"


def functions(text):
    """The functions of a section, each with the text up to its end; then the rest of the text."""
    found, begin = [], 0
    for match in FUNCTION.finditer(text):
        found.append((match[1], text[begin:match.end()]))
        begin = match.end()
    return found, text[begin:]


def main():
    header, page = map(Path, sys.argv[1:])
    pieces = SECTION.split(header.read_text())
    index, body = [], []
    for title, text in zip(pieces[1::2], pieces[2::2], strict=True):
        found, rest = functions(text)
        name = title[0].upper() + (title.lower() if title.isupper() else title)[1:]
        body.append(f"## {name}\n")
        for function, declaration in found:
            body.append(f"({function})=\n### `{function}`\n\n{code(declaration)}")
        body.append(code(rest.replace("#ifdef __cplusplus\n}\n#endif", "").replace("#endif /* XENT_H */", "")))
        if found:
            index.append(f"| {name} | " + " ".join(f"[`{function}`](#{function})" for function, _ in found) + " |")
    if len(index) < 5:
        sys.exit(f"c_api.py: {header} has only {len(index)} sections with functions")
    page.write_text("\n".join([
        "# C API\n", "How to build and link the library: [C](docs/c.md).\n",
        "| | functions |\n|---|---|", *index, "\n## Overview\n", manual(pieces[0]), *body]))


if __name__ == "__main__":
    main()
