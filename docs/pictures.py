"""Renew the screenshots of the documentation: `python docs/pictures.py`.

Runs the demo, then opens its mail and its dashboard in the system's Chromium.
"""

from __future__ import annotations

import email
import email.policy
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

IMAGES = Path(__file__).parent / "images"
PROGRAM = [sys.executable, "-m", "rscrawler"]


def main() -> None:
    """Run the demo, and take both screenshots."""
    with tempfile.TemporaryDirectory() as folder:
        demo = Path(folder) / "demo"
        subprocess.run([*PROGRAM, "demo", "--folder", str(demo)], check=True)  # noqa: S603
        with _page() as page:
            page.set_viewport_size({"width": 760, "height": 640})
            page.set_content(_html_part(next((demo / "mailbox").glob("*.eml"))))
            page.screenshot(path=IMAGES / "mail.png")
            with _dashboard(demo / "rscrawler.toml") as url:
                page.set_viewport_size({"width": 1000, "height": 640})
                page.goto(url)
                while page.get_by_text("still to be indexed").count():
                    page.reload()
                page.screenshot(path=IMAGES / "dashboard.png")


@contextmanager
def _page() -> Iterator[Page]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser.new_page(color_scheme="light")
        browser.close()


def _html_part(path: Path) -> str:
    mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    part = mail.get_body(("html",))
    assert part is not None
    return str(part.get_content())


@contextmanager
def _dashboard(config: Path) -> Iterator[str]:
    command = [*PROGRAM, "web", "--port", "0", "--config", str(config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdout is not None
        said = re.search(r"http\S+", process.stdout.readline())
        assert said is not None
        yield said[0]
        process.terminate()


if __name__ == "__main__":
    main()
