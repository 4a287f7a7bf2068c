"""What draws an answer, by itself, as a script that a page of the house can load. Not a test."""

import functools
import shutil
import subprocess
import tempfile
from pathlib import Path

from playwright.sync_api import Page

ROOT = Path(__file__).parents[2]


@functools.cache
def renderer() -> str:
    """Built once in a run."""
    node = shutil.which("node")
    assert node is not None, "node is needed to build what is tested"
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(  # noqa: S603 - the locked build tool
            [
                node,
                "node_modules/vite/bin/vite.js",
                *("build", "--config", "vite.tests.config.ts", "--mode", "page"),
                *("--outDir", folder, "--logLevel", "error"),
            ],
            cwd=ROOT,
            check=True,
            timeout=120,
        )
        return (Path(folder) / "renderer.js").read_text()


def load_renderer(page: Page) -> None:
    """`window.rendered` and its like, under the page's own policy."""
    page.route(
        "**/static/renderer.js",
        lambda route: route.fulfill(body=renderer(), content_type="text/javascript"),
    )
    page.add_script_tag(url="/static/renderer.js", type="module")
    page.wait_for_function("() => window.rendered !== undefined")
