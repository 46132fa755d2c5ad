# SPDX-License-Identifier: Apache-2.0
"""What Sphinx is told of the site. site/build calls it on a copy of the pages that keeps their places in the repository."""

import os
import re
from pathlib import Path

project = "Xent"
author = "Xent maintainers"
copyright = "2026, Xent maintainers"
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["docs/README.md"]  # the list of pages: here the menu
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]
highlight_language = "none"  # a block without a language is not code

html_theme = "furo"
pygments_dark_style = "github-dark"
html_title = "Xent"
html_static_path = ["static"]
html_css_files = ["xent.css"]
html_js_files = ["tables.js"]
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {"navigation_with_keys": True}

LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s#]+)(#[^)\s]*)?\)")
FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
# Files of the repository that have a page of another name here.
PAGES = {
    "docs/README.md": "index.md",
    "include/xent.h": "c-api.md",
    "java/xent/src/main/java/dev/xent": "javadoc.md",
}


def links_of_the_site(app, docname, source):
    """A link to a file that has no page (a source, a folder) becomes its text: the site has no repository to lead to."""
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
