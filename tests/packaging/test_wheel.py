"""The wheel has everything that a run needs: tried in an environment outside the clone."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.sample_site import SampleSite

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    build = ["hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run([sys.executable, "-m", *build], cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("rscrawler-*.whl")
    return built


class Installation:
    """A virtual environment with the wheel and what it declares to need, and nothing else."""

    def __init__(self, folder: Path, wheel: Path) -> None:
        self.bin = folder / "venv/bin"
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
        (self._packages,) = (folder / "venv/lib").glob("python*/site-packages")
        pip = "-m pip install --quiet --disable-pip-version-check --no-index --no-deps"
        subprocess.run([self.bin / "python", *pip.split(), wheel], check=True)
        (metadata,) = self._packages.glob("rscrawler-*.dist-info")
        self._own = Distribution.at(metadata)
        self.add("")
        self.elsewhere = folder / "elsewhere"
        self.elsewhere.mkdir()

    def add(self, extra: str) -> None:
        """Link what the wheel needs with an extra, from the environment of the tests."""
        for each in needed(self._own, extra):
            tops = {Path(file.parts[0]) for file in each.files or () if ".." not in file.parts}
            for top in tops - {Path("__pycache__")}:
                link = self._packages / top
                if not link.exists():
                    link.symlink_to(Path(str(each.locate_file(top))))

    def command(self, *arguments: str) -> list[str]:
        return [str(self.bin / "rscrawler"), *arguments]

    def run(self, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
        """A command in a folder that is not the clone's."""
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.elsewhere,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert done.returncode == status, done.stderr
        return done


def environment() -> dict[str, str]:
    return {name: text for name, text in os.environ.items() if "RSCRAWLER_" not in name}


def needed(own: Distribution, extra: str, seen: set[str] | None = None) -> Iterator[Distribution]:
    """The distributions that one requires, with those that they require."""
    seen = set() if seen is None else seen
    for text in own.requires or ():
        requirement = Requirement(text)
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        for each in ("", *requirement.extras):
            if (key := f"{requirement.name}[{each}]".lower()) not in seen:
                seen.add(key)
                try:
                    found = distribution(requirement.name)
                except PackageNotFoundError:
                    continue  # for another Python
                yield found
                yield from needed(found, each, seen)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(tmp_path_factory.mktemp("fresh"), wheel)


def test_everything_works_from_any_folder(installed: Installation) -> None:
    assert re.fullmatch(r"rscrawler \d+\.\d+\.\d+\n", installed.run("--version").stdout)
    demo = installed.run("demo", "--folder", "shown").stdout
    assert "Mailed to desk@example.org" in demo
    assert list((installed.elsewhere / "shown/mailbox").glob("*.eml"))
    installed.run("init")
    installed.run("config", "check")
    with SampleSite(stories=8) as site:
        config = installed.elsewhere / "rscrawler.toml"
        text = config.read_text(encoding="utf-8")
        site_keys = f'base_url = "{site.base_url}"\nhosts = []\ndownload_delay = 0.0'
        text = re.sub(r"(?m)^\[sites\.\w+\].*", rf"\g<0>\n{site_keys}", text)
        config.write_text(text, encoding="utf-8")
        report = json.loads(installed.run("crawl", "--json").stdout)
    assert report["articles_new"] == 8
    assert "healthy" in installed.run("status").stdout
    assert "rs-sections" in installed.run("schedules").stdout


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (("web",), "web"),
        (("export", "--format", "parquet", "-o", "x.parquet"), "parquet"),
    ],
)
def test_a_missing_extra_is_one_line_with_the_remedy(
    installed: Installation, arguments: tuple[str, ...], extra: str
) -> None:
    installed.run("status")  # makes the database
    done = installed.run(*arguments, status=2)
    assert len(done.stderr.splitlines()) == 1
    assert f'install it with pip install "rscrawler[{extra}]"' in done.stderr


def test_the_dashboard_is_served_with_its_extra(installed: Installation) -> None:
    installed.add("web")
    installed.run("status")  # makes the database
    with serving(installed) as address:
        with urllib.request.urlopen(f"{address}/") as page:
            assert b"/static/style.css" in page.read()
        with urllib.request.urlopen(f"{address}/static/style.css") as style:
            assert style.status == 200


@contextmanager
def serving(installed: Installation) -> Iterator[str]:
    with subprocess.Popen(
        installed.command("web", "--port", "0"),
        cwd=installed.elsewhere,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        try:
            assert found
            yield found.group().rstrip("/")
        finally:
            process.terminate()
