"""Site profiles: shipped, own and overridden."""

from __future__ import annotations

from pathlib import Path

import pytest

from rscrawler.config import Config
from rscrawler.delivery.ops import DATABASE_SUBJECT, OUTBOX_SUBJECT, OUTPUT_SUBJECT
from rscrawler.errors import ConfigurationError
from rscrawler.monitoring.status import DISK_SUBJECT, SCHEDULE_SUBJECT, TOPICS_SUBJECT
from rscrawler.probing.proposal import name_of
from rscrawler.sites import (
    SiteProfile,
    Source,
    SourceKind,
    chosen_sites,
    is_site_name,
    load_sites,
)

SHIPPED = "responsiblestatecraft"
OWN = 'base_url = "https://example.org/"\n[[sources]]\nkind = "feed"\npath = "/feed"\n'


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RSCRAWLER_CONFIG", raising=False)


def problems_of(config: Config) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        load_sites(config)
    return caught.value.problems


def test_single_keys_override_the_shipped_profile() -> None:
    shipped = load_sites(Config())[SHIPPED]
    overridden = load_sites(Config(sites={SHIPPED: {"download_delay": 7, "enabled": False}}))
    assert overridden[SHIPPED] == shipped.model_copy(
        update={"download_delay": 7.0, "enabled": False}
    )


def test_a_key_of_a_table_overrides_that_key_alone() -> None:
    shipped = load_sites(Config())[SHIPPED]
    overrides = {"markup": {"title": ["h1.other"]}}
    markup = load_sites(Config(sites={SHIPPED: overrides}))[SHIPPED].markup
    assert markup == shipped.markup.model_copy(update={"title": ["h1.other"]})


@pytest.mark.parametrize(
    ("overrides", "key", "says"),
    [
        ({"delay": 1}, "delay", "unknown key; allowed here: base_url, concurrency"),
        ({"concurrency": 0}, "concurrency", "allowed: 1 or more"),
        ({"concurrency": "many"}, "concurrency", "'many'"),
        ({"base_url": "example.org"}, "base_url", "an http or https address"),
        ({"base_url": "https://[c.org"}, "base_url", "an http or https address"),
        ({"links": {"artcile": []}}, "links.artcile", "allowed here: article, not_article"),
        ({"links": {"article": ["("]}}, "links.article.0", "is not a regular expression"),
        ({"sources": []}, "sources", "not empty"),
        ({"sources": [{"kind": "page", "path": "/"}]}, "sources.0.kind", "'feed'"),
        ({"sources": [{"kind": "feed", "path": "https://[c"}]}, "sources.0.path", 'as "/feed/"'),
    ],
)
def test_a_wrong_override_names_its_key_and_what_is_allowed(
    overrides: dict[str, object], key: str, says: str
) -> None:
    lines = problems_of(Config(sites={SHIPPED: overrides}))
    start = f"rscrawler.toml: sites.{SHIPPED}.{key}: "
    assert any(line.startswith(start) and says in line for line in lines), lines


@pytest.mark.parametrize("path", ["/category:news/", "/a:b/", "/feed:8080", "/news?to=a:b", "?a:b"])
def test_the_path_of_a_source_may_have_a_colon(path: str) -> None:
    assert Source(kind=SourceKind.SECTION, path=path).path == path


@pytest.mark.parametrize(
    "path",
    ["http:/b.example/", "http:b.example", "/http://b.example/", "/https:/b.example/", "htp://b/"],
)
def test_but_what_begins_like_a_whole_address_must_be_one(path: str) -> None:
    with pytest.raises(ValueError, match='allowed: a path, such as "/feed/", or an http or https'):
        Source(kind=SourceKind.SECTION, path=path)


def test_an_own_profile_of_the_same_name_wins_and_others_are_added(tmp_path: Path) -> None:
    (tmp_path / f"{SHIPPED}.toml").write_text(OWN, encoding="utf-8")
    (tmp_path / "another.toml").write_text(OWN, encoding="utf-8")
    sites = load_sites(Config(sites_dir=tmp_path))
    assert sites[SHIPPED].base_url == "https://example.org"
    assert [source.path for source in sites["another"].sources] == ["/feed"]


def test_a_site_can_stand_in_the_configuration_alone() -> None:
    source = {"kind": "feed", "path": "/feed"}
    own = {"base_url": "http://localhost:8000", "sources": [source]}
    assert load_sites(Config(sites={"own": own}))["own"].base_url == "http://localhost:8000"
    (line,) = problems_of(Config(sites={"own": {"sources": [source]}}))
    assert line == "rscrawler.toml (no profile 'own' is shipped): sites.own.base_url: is missing"


@pytest.mark.parametrize(
    "table", [{"download_delay": 2.0}, {"base_url": "https://eurasianet.org"}, {"sources": []}]
)
def test_a_misspelt_site_is_no_further_one(table: dict[str, object]) -> None:
    (line,) = problems_of(Config(sites={"eurasiannet": table}))
    assert line.startswith(
        "rscrawler.toml: sites.eurasiannet: no site of that name has a profile; "
    )
    assert "did you mean 'eurasianet'?" in line


def test_a_further_site_needs_its_address_alone_or_under_a_like_name_its_sources_too() -> None:
    sites = {
        "myoutlet": {"base_url": "https://myoutlet.example"},
        "eurasianet-ru": {
            "base_url": "https://russian.eurasianet.org",
            "sources": [{"kind": "feed", "path": "/feed"}],
        },
    }
    assert set(sites) <= set(load_sites(Config(sites=sites)))


def test_a_wrong_file_is_named_and_every_problem_is_told(tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text("base_url = 1\n" + OWN[OWN.index("[[") :], encoding="utf-8")
    (tmp_path / "two.toml").write_text("base_url = \n", encoding="utf-8")
    (tmp_path / "Three Sites.toml").write_text(OWN, encoding="utf-8")
    lines = problems_of(Config(sites_dir=tmp_path))
    assert len(lines) == 3
    assert any(line.startswith(f"{tmp_path / 'one.toml'}: base_url: ") for line in lines)
    assert any(line.startswith(f"{tmp_path / 'two.toml'}: is not valid TOML") for line in lines)
    assert any("'Three Sites' cannot be a site's name; allowed: a-z" in line for line in lines)


@pytest.mark.parametrize(
    "subject",
    [
        OUTBOX_SUBJECT, OUTPUT_SUBJECT, DATABASE_SUBJECT,
        SCHEDULE_SUBJECT, DISK_SUBJECT, TOPICS_SUBJECT,
    ],
)  # fmt: skip
def test_no_site_has_the_name_of_another_subject_of_problems(tmp_path: Path, subject: str) -> None:
    (tmp_path / f"{subject}.toml").write_text(OWN, encoding="utf-8")
    (line,) = problems_of(Config(sites_dir=tmp_path))
    assert line.startswith(f"{tmp_path / subject}.toml: {subject!r} cannot be a site's name")
    assert is_site_name(name_of(f"https://www.{subject}.example"))


def test_a_folder_of_profiles_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    (line,) = problems_of(Config(sites_dir=tmp_path / "none"))
    assert line == (
        f"rscrawler.toml: sites_dir: {tmp_path / 'none'}: cannot be read: "
        "No such file or directory; allowed: an existing folder"
    )


def test_sites_are_chosen_by_name_or_else_all_that_are_enabled() -> None:
    site = load_sites(Config())[SHIPPED]
    off = site.model_copy(update={"enabled": False})
    assert list(chosen_sites({"a": site, "b": off}, [])) == ["a"]
    assert list(chosen_sites({"a": site, "b": off}, ["b", "b"])) == ["b"]
    with pytest.raises(ConfigurationError, match="site 'x' is not known; allowed: a, b"):
        chosen_sites({"a": site, "b": off}, ["a", "x"])
    with pytest.raises(ConfigurationError, match="no site is enabled"):
        chosen_sites({"b": off}, [])


@pytest.mark.parametrize(
    ("path", "is_article"),
    [
        ("/tokayev-putin/", True),
        ("/tokayev-putin-2657538411", True),
        ("/2022/06/21/tokayev-putin/", True),
        ("/europe/", False),
        ("/europe-alone/", True),
        ("/tag/kazakhstan/", False),
        ("/author/somebody/", False),
        ("/media-library/image.jpg", False),
        ("/donate/", False),
        ("/robots.txt", False),
        ("/", False),
    ],
)
def test_the_shipped_profile_tells_articles_by_their_path(path: str, is_article: bool) -> None:
    assert load_sites(Config())[SHIPPED].links.is_article_path(path) is is_article


def test_addresses_are_relative_to_the_base_url() -> None:
    profile = SiteProfile(
        base_url="HTTPS://Example.org:443/",
        hosts=["WWW.Old.example.org", "en.example.org:8080"],
        sources=[Source(kind=SourceKind.FEED, path="/feed")],
    )
    assert profile.address("/feed") == "https://example.org/feed"
    assert profile.address("feed?x=1") == "https://example.org/feed?x=1"
    assert profile.address("/category:news/") == "https://example.org/category:news/"
    assert profile.base_url == "https://example.org"
    for host in ("example.org", "old.example.org", "en.example.org:8080"):
        assert f"www.{host.removeprefix('www.')}" in profile.all_hosts
    assert profile.sources[0].is_paged
    assert not Source(kind=SourceKind.FEED, path="/feed", page_parameter="").is_paged
    assert not Source(kind=SourceKind.SITEMAP, path="/sitemap.xml").is_paged
