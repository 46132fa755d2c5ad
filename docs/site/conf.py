# SPDX-License-Identifier: Apache-2.0
"""The Sphinx configuration. build calls it on a copy of the pages in the same folders as in the repository."""

import os
import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, os.path.dirname(__file__))
import menu  # noqa: E402

REPOSITORY = Path(__file__).resolve().parents[2]
VERSION = re.search("<version>(.*)</version>", (REPOSITORY / "pom.xml").read_text())[1]
COMMIT = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=REPOSITORY, capture_output=True, text=True).stdout

project = "Xent"
author = "Xent maintainers"
copyright = f"2026, Xent maintainers. Apache License 2.0. Version {VERSION}, commit {COMMIT.strip()}"
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["docs/README.md"]  # the list of pages, which is the menu here
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]
highlight_language = "none"  # a block without a language is not code

html_theme = "furo"
pygments_dark_style = "github-dark"
html_title = "Xent"
html_static_path = ["static"]
html_css_files = ["xent.css"]
html_js_files = ["tables.js"]
html_search_scorer = str(Path(__file__).with_name("scorer.js"))
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False
html_favicon = "static/mark.svg"
html_theme_options = {
    "navigation_with_keys": True,
    "light_logo": "mark.svg",
    "dark_logo": "mark.svg",
    "light_css_variables": {"color-brand-primary": "#0b6e99", "color-brand-content": "#0b6e99"},
    "dark_css_variables": {"color-brand-primary": "#4db4dd", "color-brand-content": "#4db4dd"},
}

LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s#]+)(#[^)\s]*)?\)")
FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
# Files of the repository whose page has another name here.
PAGES = {"docs/README.md": "index.md", **menu.PAGES}


def links_of_the_site(app, docname, source):
    """Replaces a link to a file without a page (a source, a folder) by its text: the site has no repository to link to.
    """
    root = Path(app.srcdir)
    here = Path(docname).parent

    def link(match):
        image, text, target, anchor = match.groups()
        if "://" in target or target.startswith("mailto:"):
            return match[0]
        path = os.path.normpath(here / target)
        path = PAGES.get(path, path)
        if image or (path.endswith(".md") and (root / path).is_file()):
            if text == target:
                text = ""  # the title of the page
            return f"{image}[{text}](/{path}{anchor or ''})"
        return text

    pieces = FENCE.split(source[0])
    pieces[::2] = [LINK.sub(link, piece) for piece in pieces[::2]]
    source[0] = "".join(pieces)


def setup(app):
    app.connect("source-read", links_of_the_site)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
