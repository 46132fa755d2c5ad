# SPDX-License-Identifier: Apache-2.0
"""Checks the built site in headless Chromium, at desktop and phone width: check.py HTML_DIRECTORY"""

import contextlib
import functools
import html
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading

FRAME = """<pre></pre>
<script type="module">
const faults = [];
let pages = 0;
const pause = ms => new Promise(done => setTimeout(done, ms));
const expect = (holds, what) => { if (!holds) faults.push(what); };

async function at(path, width, look) {
  const frame = Object.assign(document.createElement("iframe"), { src: path, width, height: 900 });
  const loaded = new Promise(done => frame.addEventListener("load", done));
  document.body.append(frame);
  await loaded;
  await look(frame.contentDocument, frame.contentWindow);
  frame.remove();
}

let links;
await at("/", 1280, menu => {
  links = [...menu.querySelectorAll(".sidebar-tree a[href]")].map(link => link.href);
  const first = menu.querySelector(".sidebar-tree .caption").textContent;
  expect(first === "Start", `the menu begins with ${first}`);
  expect(links.length > 30, `the menu has ${links.length} links`);
  const seen = menu.querySelectorAll(".sidebar-tree .toctree-l1").length;
  expect(seen > 10 && seen <= 31, `the menu shows ${seen} entries`);
  expect(menu.querySelector("link[rel~=icon]"), "there is no icon");
});
for (const link of new Set(links)) {
  for (const width of [1280, 390]) {
    await at(link, width, (page, view) => {
      const path = new URL(link).pathname;
      expect(page.querySelector("article h1"), `${path} is missing`);
      expect(page.documentElement.scrollWidth <= view.innerWidth, `${path} is wider than ${width} pixels`);
      const wide = [...page.querySelectorAll("pre")].filter(code => code.scrollWidth > code.clientWidth + 1);
      expect(width < 1280 || !wide.length || path.includes("c-api"), `${path}: code that does not fit ${width} pixels`);
    });
  }
  pages++;
}

await at("/", 390, async page => {
  const right = () => page.querySelector(".sidebar-drawer").getBoundingClientRect().right;
  expect(right() <= 0, "the menu covers a phone");
  page.querySelector("label[for=__navigation]").click();
  await pause(100);
  page.getAnimations().forEach(animation => animation.finish());
  expect(right() > 200, "the menu does not open on a phone");
});
await at("/", 1280, page => {
  const box = page.querySelector(".sidebar-search");
  expect(box && new URL(box.closest("form").action).pathname === "/search/", "the menu has no search");
});
await at("/c-api/", 1280, page => {
  const names = [...page.querySelectorAll("article table a")].map(link => decodeURIComponent(new URL(link.href).hash));
  expect(names.length > 30, `the index of the C API has ${names.length} functions`);
  for (const name of names) {
    expect(page.getElementById(name.slice(1)), `the index of the C API leads to ${name}, which is not there`);
  }
});
for (const [query, page] of [
  ["smoothing", "cross-entropy"], ["softmax in place", "softmax"], ["gradle", "installing"],
  ["label -100", "cross-entropy"], ["top-p", "sampler"], ["float[]", "tensor"],
]) {
  await at(`/search/?q=${encodeURIComponent(query)}`, 1280, async results => {
    const correct = () => [...results.querySelectorAll("#search-results li a")].map(link => new URL(link.href).pathname);
    for (let i = 0; i < 50 && correct()[0] !== `/docs/${page}/`; i++) {
      await pause(100);
    }
    const found = correct();
    expect(found[0] === `/docs/${page}/`, `a search for ${query} finds ${found.slice(0, 3).join(", ") || "nothing"}`);
  });
}
document.querySelector("pre").textContent = JSON.stringify({ pages, faults });
</script>
"""


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves the site, and the page that checks it."""

    def do_GET(self):
        if self.path != "/check":
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(FRAME.encode())

    def copyfile(self, source, outputfile):
        with contextlib.suppress(ConnectionError):  # a removed frame stops reading
            super().copyfile(source, outputfile)

    def log_message(self, *_):
        pass


def main():
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        text = "docs/site/check.py: there is no Chromium, so nobody has looked at the site"
        if "XENT_REQUIRE_CHROMIUM" in os.environ:
            sys.exit(text)
        print(text)
        return
    handler = functools.partial(Handler, directory=sys.argv[1])
    with http.server.ThreadingHTTPServer(("localhost", 0), handler) as server, tempfile.TemporaryDirectory() as profile:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        dom = subprocess.run(
            [chromium, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}",
             "--window-size=1400,1000", "--virtual-time-budget=600000", "--dump-dom",
             f"http://localhost:{server.server_port}/check"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True).stdout
        server.shutdown()
    told = html.unescape(re.search("<pre>(.*?)</pre>", dom, re.DOTALL)[1])
    if not told:
        sys.exit("docs/site/check.py: Chromium did not get to the end")
    seen = json.loads(told)
    if seen["faults"]:
        sys.exit("\n".join(f"docs/site/check.py: {fault}" for fault in seen["faults"]))
    print(f"docs/site/check.py: menu, search and {seen['pages']} pages are right at 1280 and at 390 pixels")


if __name__ == "__main__":
    main()
