"""The built documentation: strict, no dead link inside, nothing loaded from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from lxml import html

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built site."""
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    return folder


def test_no_link_and_no_picture_inside_the_site_is_dead(site: Path) -> None:
    pages = {path: html.parse(path).getroot() for path in site.rglob("*.html")}
    anchors = {path: {*page.xpath("//@id"), *page.xpath("//@name")} for path, page in pages.items()}
    assert len(pages) > 20
    dead = []
    for path, page in pages.items():
        if path.name == "404.html":
            continue  # served for any address, so its links begin at the root of a server
        for link in {*page.xpath("//a/@href"), *page.xpath("//img/@src")}:
            to = urlsplit(link)
            if to.scheme or to.netloc:
                continue
            target = (path.parent / unquote(to.path)).resolve() if to.path else path
            target = target / "index.html" if target.is_dir() else target
            fragment = unquote(to.fragment)
            if not target.is_file() or (fragment and fragment not in anchors.get(target, set())):
                dead.append(f"{path.relative_to(site)}: {link}")
    assert dead == []


def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    loaded = [
        source
        for path in site.rglob("*.html")
        for source in html.parse(path)
        .getroot()
        .xpath(
            "//script/@src | //link[@rel='stylesheet' or @rel='icon' or @rel='preconnect']/@href"
            " | //img/@src | //iframe/@src"
        )
    ]
    loaded += [
        address
        for path in site.rglob("*.css")
        for address in re.findall(r"url\(['\"]?([^'\")]+)", path.read_text(encoding="utf-8"))
    ]
    assert loaded
    assert [each for each in loaded if re.match(r"(https?:)?//", each)] == []


def test_the_reference_on_the_site_is_made_from_the_code(site: Path) -> None:
    for page, word in {
        "commands": "--retry-failed",
        "configuration": "misfire_grace",
        "site": "slug_suffix",
        "record": "republished_from",
        "metrics": "rscrawler_healthy",
        "python": "flag_text",
    }.items():
        text = (site / "reference" / f"{page}.html").read_text(encoding="utf-8")
        assert word in text
        assert "{{" not in text


def test_the_readme_is_one_screen() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 60
