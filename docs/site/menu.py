# SPDX-License-Identifier: Apache-2.0
"""Writes the home page and the menu from home.md and docs/README.md, the list of all pages: menu.py HOME FOLDER

A section of the list is a part of the menu. A section with more than eight links becomes a separate page, at the end
of the part before it. The entries are the texts of the links.
"""

import os
import re
import sys
from pathlib import Path

# Files of the repository whose page has another name on the site; conf.py uses them too.
PAGES = {"include/xent.h": "c-api.md", "java/xent/src/main/java/dev/xent": "javadoc.md"}
LINK = re.compile(r"\[([^\]]+)\]\(([^)#\s]+)\)")
MOST = 8


def entries(section, folder):
    """Returns the first link to each page, as a line of a toctree in that folder."""

    found = {}
    for text, target in LINK.findall(section):
        path = os.path.normpath(os.path.join("docs", target))
        path = PAGES.get(path, path)
        if path.endswith(".md"):
            text = " ".join(text.replace("`", "").split())
            found.setdefault(path, f"{text[0].upper()}{text[1:]} <{os.path.relpath(path, folder or '.')[:-3]}>")
    return list(found.values())


def toctree(lines, *options):
    return "\n".join(["```{toctree}", *options, "", *lines, "```", ""])


def main():
    home, site = Path(sys.argv[1]), Path(sys.argv[2])
    parts = []
    for section in re.split("^## ", (site / "docs/README.md").read_text(encoding="utf-8"), flags=re.M)[1:]:
        title = section.partition("\n")[0]
        lines = entries(section, "")
        if len(lines) > MOST:
            name = re.sub(r"\W+", "-", title.lower())
            page = f"# {section.rstrip()}\n\n" + toctree(entries(section, "docs"), ":hidden:", ":titlesonly:")
            (site / f"docs/{name}.md").write_text(page, encoding="utf-8")
            parts[-1][1].append(f"{title} <docs/{name}>")
        elif lines:
            parts.append((title, lines))
    text = re.sub(r"(?<=\]\()\.\./[^)]*", lambda link: os.path.normpath(f"docs/site/{link[0]}"),
                  home.read_text(encoding="utf-8").rstrip())
    menu = [toctree(lines, ":hidden:", f":caption: {title}") for title, lines in parts]
    (site / "index.md").write_text("\n\n".join([text, *menu]), encoding="utf-8")


if __name__ == "__main__":
    main()
