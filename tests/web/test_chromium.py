"""The dashboard in a real Chromium, as people use it: found, filtered, judged, mended, seen."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect, sync_playwright

from rscrawler.config import Config
from rscrawler.store import Store
from rscrawler.web.dashboard import Dashboard
from tests.delivery.helpers import HOSTILE_TITLES, NOW, an_article, record
from tests.web import desk
from tests.web.conftest import quickly_hashed, served

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="left out: no chromium here (apt-get install chromium)"
)
PASSWORD = "correct horse battery"
expect.set_options(timeout=60_000)
ARTICLE = f"/articles/{1:016x}"
PATHS = ["/", "/?q=talks&country=KZ&since=2026-11-01", "/charts?weeks=13", "/judgements", "/sites",
         "/outbox", ARTICLE, "/login", "/?q=nothing-like-it", "/nowhere"]  # fmt: skip
WIDTHS = (360, 768, 1280)
SHOWN = "[...document.querySelectorAll('body *')].filter(each => each.checkVisibility()).length"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    """The browser that the system has; none is downloaded."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                "--process-per-site",  # else each page that is gone to starts a process
                "--disable-dev-shm-usage",
                "--host-resolver-rules=MAP desk.test 127.0.0.1",
            ],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def desk_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A dashboard on the loopback without users, over a desk's store; nothing changes it."""
    config = Config(output_dir=tmp_path_factory.mktemp("desk"))
    store = Store.open(config.database)
    desk.fill(config, store)
    record(store, an_article(900, title=HOSTILE_TITLES["markup"], body=HOSTILE_TITLES["markup"]))
    with served(Dashboard(config, store, now=lambda: NOW)) as server:
        yield f"http://127.0.0.1:{server.port}"
    store.close()


@pytest.fixture
def users_url(tmp_path: Path, config: Config, shelf: Store) -> Iterator[str]:
    """One with a user, over a store of its own."""
    desk.fill(config, shelf, articles=12)
    web = {
        "url": "https://monitor.example.org",  # no cookie for https alone may come over http
        "users": {"anna": quickly_hashed(PASSWORD)},
        "hosts": ["desk.test"],
    }
    guarded = Config(output_dir=tmp_path / "out", web=web)
    with served(Dashboard(guarded, shelf, now=lambda: NOW)) as server:
        yield f"http://127.0.0.1:{server.port}"


@pytest.fixture(scope="module")
def visited(chromium: Chromium) -> Iterator[Page]:
    """A page that goes from one address to the next: each of its own starts a process.

    Its complaints are kept in `page.complaints`.
    """
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(60_000)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append("a dialog opened"))
    page.complaints = complaints  # type: ignore[attr-defined]
    yield page
    context.close()


def complaints_of(page: Page) -> list[str]:
    """What the console said, but for the status of a page that is not there."""
    found: list[str] = page.complaints  # type: ignore[attr-defined]
    return [line for line in found if "status of 404" not in line]


@pytest.fixture
def page(visited: Page) -> Page:
    """The same, as if it were a new one."""
    visited.goto("about:blank")  # the former one complains no more
    visited.complaints.clear()  # type: ignore[attr-defined]
    visited.context.clear_cookies()
    visited.set_viewport_size({"width": 1280, "height": 900})
    visited.emulate_media(media="screen", color_scheme="light")
    return visited


@pytest.mark.parametrize("path", PATHS)
def test_a_page_fits_and_is_accessible(page: Page, desk_url: str, path: str) -> None:
    page.set_viewport_size({"width": WIDTHS[0], "height": 900})
    page.goto(desk_url + path)
    for details in page.locator("details:not([open]) > summary").all():
        details.click()
    assert serious(Axe().run(page).response) == []
    page.emulate_media(color_scheme="dark")
    assert serious(measured_again(page, "color-contrast", "link-in-text-block")) == []
    shown = page.evaluate(SHOWN)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), width
        # So that what the other rules ask, such as names and roles, is the same at each width.
        assert page.evaluate(SHOWN) == shown
        found = measured_again(page, "target-size", "scrollable-region-focusable")
        assert serious(found) == [], width
    assert complaints_of(page) == []


def measured_again(page: Page, *rules: str) -> dict[str, Any]:
    """What some of Axe's rules find on a page on which it has run."""
    options = {"runOnly": rules, "resultTypes": ["violations"]}
    found: dict[str, Any] = page.evaluate("options => axe.run(options)", options)
    return found


def serious(found: dict[str, Any]) -> list[tuple[str, str, list[str]]]:
    """The violations that keep somebody from using a page."""
    return [
        (each["id"], each["impact"], [node["html"][:200] for node in each["nodes"]][:3])
        for each in found["violations"]
        if each["impact"] in ("serious", "critical", "moderate")
    ]


def test_a_search_is_narrowed_down_and_kept_in_the_address(page: Page, desk_url: str) -> None:
    page.goto(desk_url)
    page.get_by_label("Words in title").fill("almaty")
    page.get_by_role("button", name="Show").click()
    expect(page).to_have_url(f"{desk_url}/?q=almaty&topic=&level=&country=&site=&section=&author="
                             "&novelty=&since=&until=")  # fmt: skip
    expect(page.locator("article mark").first).to_have_text("Almaty")
    assert page.locator("article").count() == 10
    page.get_by_label("Country").select_option("UZ")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("Nothing fits.")).to_be_visible()
    page.get_by_role("link", name="clear").click()
    page.get_by_role("link", name="Older").click()
    expect(page.get_by_text("Page 2 of")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="To the content")).to_be_focused()
    assert complaints_of(page) == []


def test_a_flag_is_judged_after_logging_in(page: Page, users_url: str, shelf: Store) -> None:
    page.goto(users_url + f"/articles/{6:016x}")
    page.get_by_role("link", name="Log in").first.click()
    page.get_by_label("Name").fill("anna")
    page.get_by_label("Password").fill("not it")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.goto(users_url + f"/articles/{6:016x}")
    page.get_by_label("wrong; it should be:").check()
    page.get_by_label("Level").select_option("mention")
    page.get_by_label("Kazakhstan").uncheck()
    page.get_by_label("Note").fill("<b>only</b> a list")
    page.get_by_role("button", name="Judge").click()
    expect(page.locator("p.said")).to_contain_text("it is mention, says anna")
    expect(page.locator("p.said .note")).to_have_text("<b>only</b> a list")
    [said] = shelf.judgements.history(f"{6:016x}")
    assert (said.judged_by, said.countries) == ("anna", ())
    page.get_by_role("button", name="Log out anna").click()
    expect(page.get_by_role("link", name="Log in")).to_be_visible()
    assert [line for line in complaints_of(page) if "403" not in line] == []


def test_a_login_over_plain_http_to_another_machine_is_accepted(page: Page, users_url: str) -> None:
    page.goto(users_url.replace("127.0.0.1", "desk.test") + "/login")
    page.get_by_label("Name").fill("anna")
    page.get_by_label("Password").fill(PASSWORD)
    with page.expect_request("**/login?next=**") as sent:
        page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("button", name="Log out anna")).to_be_visible()
    assert "sec-fetch-site" not in sent.value.all_headers()  # else this tests nothing


def test_a_failed_message_is_retried_and_another_given_up(
    page: Page, users_url: str, shelf: Store
) -> None:
    page.goto(f"{users_url}/login?next=/outbox")
    page.get_by_label("Name").fill("anna")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("#failed")).to_contain_text("no such user")
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_role("status")).to_contain_text("due again")
    assert [each.channel for each in shelf.messages.due(NOW)] == ["email"]
    message_id = desk.fail_again(shelf)
    page.reload()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("status")).to_contain_text("given up")
    assert message_id not in {each.message_id for each in shelf.messages.undelivered()}
    assert "secret.desk" not in page.content()


def test_plots_are_drawn_beside_their_tables_and_lead_to_their_articles(
    page: Page, desk_url: str
) -> None:
    page.goto(f"{desk_url}/charts")
    plots = page.locator("figure.plot svg.pygal-chart")
    assert plots.count() == 5
    for plot in plots.all():
        box = plot.bounding_box()
        assert box is not None
        assert box["width"] > 300
        assert box["height"] > 100
    assert page.locator(".picture table").count() == 5
    shown = page.locator(".zKZ path")
    assert shown.evaluate("each => getComputedStyle(each).fill") == "rgb(47, 111, 152)"
    shown.click()
    expect(page).to_have_url(f"{desk_url}/?topic=central-asia&country=KZ&since=2026-06-01"
                             "&until=2026-11-29")  # fmt: skip
    assert page.locator("article").count() > 5
    assert complaints_of(page) == []


def test_the_table_of_a_plot_leads_to_its_articles_by_keyboard(page: Page, desk_url: str) -> None:
    page.goto(f"{desk_url}/charts")
    cell = page.locator("section", has_text="Articles a week by country").locator("td a").first
    count = int(cell.inner_text())
    cell.focus()
    page.keyboard.press("Enter")
    expect(page.locator("article")).to_have_count(count)


def test_what_is_new_since_the_last_visit_is_marked(page: Page, tmp_path: Path) -> None:
    config = Config(output_dir=tmp_path)
    clock = [NOW]
    store = Store.open(config.database)
    record(store, an_article(1, title="An older one"))
    with served(Dashboard(config, store, now=lambda: clock[0])) as server:
        page.goto(f"http://127.0.0.1:{server.port}/")
        assert page.get_by_text("new since your last visit").count() == 0
        later = clock[0] = NOW.replace(hour=18)
        record(store, an_article(2, title="A newer one", first_seen_at=later))
        page.reload()
        expect(page.locator("article .fresh")).to_have_count(1)
        page.get_by_role("link", name="new since your last visit").click()
        expect(page.locator("article h2")).to_have_text(["A newer one"])
    store.close()


def test_a_hostile_title_does_nothing(page: Page, desk_url: str) -> None:
    page.goto(f"{desk_url}/?q=%22onerror%22&level=none")
    page.goto(f"{desk_url}/articles/{900:016x}")
    assert "<script>" in page.locator("h1").inner_text()
    assert complaints_of(page) == []


def test_it_can_be_printed(page: Page, desk_url: str) -> None:
    page.goto(desk_url + ARTICLE)
    page.emulate_media(media="print")
    expect(page.locator("header nav")).to_be_hidden()
    expect(page.locator("article")).to_be_visible()
