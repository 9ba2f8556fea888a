"""Addresses of a site: canonical forms, and keys that are equal if two lead to one page.

Addresses are judged without their pages: whether two with one slug stem are one article
is decided by comparing their texts (`kinship`).
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urljoin, urlsplit, urlunsplit

from rscrawler.config import is_web_address
from rscrawler.sites import SiteProfile, host_of, hosts_of

LONGEST_ADDRESS = 2_000  # characters; PostgreSQL can index no key of more than 2,700 bytes
# A path with this ending needs its query to identify an article: `/?p=81`, `/index.php?n=81`.
# A query behind `/slug/` mostly says who linked to it.
_PATH_NEEDS_QUERY = re.compile(r"(?:^/?|/[^/]*\.(?:php\d?|aspx?|cfm|jsp|pl))$", re.IGNORECASE)
_NAMED_NUMBER = re.compile(r"[a-z_]+\d+")
# They identify an article of WordPress without permalinks, and of Bitrix.
_WORDPRESS_ARTICLE, _BITRIX_ARTICLE = "p", "ELEMENT_ID"
# Parameters of campaigns, advertising, social networks and sessions, and of how a page is shown.
# `s` and `sid` can be a session; WorldNow's `story.asp?S=13894269` is an article.
_TRACKING = re.compile(
    r"^(?:utm_?.*|(?:ads?|ga|gad|gs|itm|mc|mkt|ml|mtm|oly|pk|vero)_.*|\w*clid|c_?id|eid|uid|_hs.*|hs.*"
    r"|(?:click|gbra|igsh|msclk|partner|wbra)id|aff(?:iliate)?|campaign|medium|kwd|keyword|xtor|session"
    r"|rbl.*|rebelltitem|share.*|amp|cmp.*|cn-.*|smid|smtyp|spm|trk.*|ref_?.*|source|src|from|via"
    r"|s(?!=\d{4,}$)|sid(?==[\da-f]{32,}$)|si|phpsessid|feature|print|output|timestamp|v|_)=",
    re.IGNORECASE,
)
# Java's servlets write the session into every link on the first page of a client without cookies.
_SESSION_IN_PATH = re.compile(r";jsessionid=[^/;]*", re.IGNORECASE)
_ENCODED = re.compile("%[0-9A-Fa-f]{2}")
_PLAIN_PATH = re.compile(r"(?:/[A-Za-z0-9_~-]+)+/?|/")
_INDEX_FILE = re.compile(r"/(?:index|default)\.\w+$", re.IGNORECASE)  # that of its folder
_FILE_NAME = re.compile(r"\.[a-z0-9]{2,5}$", re.IGNORECASE)
_SEVERAL = 3  # values of a parameter
# A post's number (`415014`, `article163230255`); no part of another code, and no sum of money.
_POST_NUMBER = re.compile(r"(?<![^\W_])[a-z]*([1-9]\d{5,})(?<!000)(?![^\W_])", re.IGNORECASE)
_MONTH_OF_YEAR, _DAY_OF_MONTH = "(?:0[1-9]|1[0-2])", "(?:0[1-9]|[12]\\d|3[01])"
_MOMENT = re.compile(  # such as `202611`, `261124`, `24112026`, `202611240930`
    rf"(?:19|20)\d\d{_MONTH_OF_YEAR}(?:{_DAY_OF_MONTH}(?:\d\d){{0,3}})?"
    rf"|\d\d{_MONTH_OF_YEAR}{_DAY_OF_MONTH}"
    rf"|(?:{_DAY_OF_MONTH}{_MONTH_OF_YEAR}|{_MONTH_OF_YEAR}{_DAY_OF_MONTH})(?:19|20)?\d\d"
)
_MONTH = re.compile(r"/((?:19|20)\d\d)/(0[1-9]|1[0-2])/")


def canonical_url(url: str, profile: SiteProfile) -> str | None:
    """The canonical form of an address of this site.

    Scheme and host become those of `base_url` (the profile's other hosts, and each with or
    without `www.`, map to it); tracking parameters, a session's id and the fragment are removed;
    percent-encoding, dot segments and repeated slashes are normalised. A trailing slash, or the
    lack of one, and the case of percent-encoding stay, since a site may answer only one of the two,
    as some of WordPress with Cyrillic slugs do. Idempotent.

    Returns:
        None if the address is not http(s) or invalid, not on one of the site's hosts, or too long.
    """
    parameters = (*profile.links.parameters, _BITRIX_ARTICLE)
    return _canonical(url, profile.base_url, tuple(profile.hosts), parameters)


@lru_cache(maxsize=16_384)
def _canonical(
    url: str, base_url: str, hosts: tuple[str, ...], parameters: tuple[str, ...]
) -> str | None:
    # Cached, since the pages of a site link to the same sections, tags and articles.
    parts = _split(url)
    if parts is None or host_of(parts) not in hosts_of(base_url, hosts):
        return None
    base = urlsplit(base_url)
    path = _SESSION_IN_PATH.sub("", parts.path) or "/"
    query = _identifying_query(path, parts.query, parameters) if parts.query else ""
    if query or not _PLAIN_PATH.fullmatch(path):
        path = re.sub(r"/{2,}", "/", path.replace("\\", "/")) or "/"
        address = urlunsplit((base.scheme, base.netloc, path, query, ""))
        from w3lib.url import canonicalize_url

        try:
            cleaned = urlsplit(canonicalize_url(address))
        except ValueError:
            return None
        # Resolving dot segments can leave a new pair of slashes.
        path, query = re.sub(r"/{2,}", "/", cleaned.path), cleaned.query
        query = _identifying_query(path, query, parameters)
        if any(map(str.islower, _ENCODED.findall(parts.path))):
            path = _ENCODED.sub(lambda found: found[0].lower(), path)
    address = urlunsplit((base.scheme, host_of(base), path, query, ""))
    return address if len(address) <= LONGEST_ADDRESS else None


def address_key(url: str, profile: SiteProfile) -> str:
    """The key that all spellings of one address share: for look-ups, never for requests.

    It is the same with and without the trailing slash, `www.`, https and tracking parameters, in
    both cases of percent-encoding, and for every host of the site. For another site's address:
    host, path and query.
    """
    canonical = canonical_url(url, profile)
    if canonical is None:
        parts = _split(url)
        if parts is None:
            return url.strip()
        return urlunsplit(("", host_of(parts), parts.path.rstrip("/"), parts.query, "")).lstrip("/")
    parts = urlsplit(canonical)
    key = _ENCODED.sub(lambda found: found[0].upper(), parts.path).rstrip("/") or "/"
    return f"{key}?{parts.query}" if parts.query else key


def on_present_base(url: str, profile: SiteProfile) -> str:
    """A stored address on the present `base_url`, which may have changed since."""
    base = urlsplit(profile.base_url)
    return urlunsplit(urlsplit(url)._replace(scheme=base.scheme, netloc=host_of(base)))


def addresses_by_key(
    key: str, redirect_chain: Sequence[str], declared: Iterable[str], profile: SiteProfile
) -> tuple[dict[str, str], frozenset[str]]:
    """Every address of a page by key, and the keys of those that only the page declares.

    `redirect_chain` is the requested address, whose key is `key`, and its redirects; they come
    first. Other addresses off the site are left out; of several spellings the first counts.
    """
    by_key = {key: canonical_url(redirect_chain[0], profile) or redirect_chain[0]}
    for addresses in (redirect_chain, declared):
        earlier = frozenset(by_key)  # in the second round, those that led here
        for each in addresses:
            if canonical := canonical_url(each, profile):
                by_key.setdefault(address_key(canonical, profile), canonical)
    return by_key, frozenset(by_key) - earlier


def slash_variant(url: str) -> str | None:
    """An address with its trailing slash added or removed; None for a home page or a file."""
    parts = _split(url)
    if parts is None or not parts.path.strip("/") or _FILE_NAME.search(parts.path):
        return None
    bare = parts.path.rstrip("/")
    return urlunsplit(parts._replace(path=bare if parts.path.endswith("/") else f"{bare}/"))


def slug_stem(url: str, profile: SiteProfile) -> str:
    """The words of an address's slug: last path segment, without `slug_suffix`, lower-cased.

    Two addresses with one stem may be one story: `/2022/06/21/slug/`, `/slug`, `/slug/index.html`
    and `/slug-2657538411/` share theirs. Empty for the home page.
    """
    parts = _split(url)
    path = _INDEX_FILE.sub("", parts.path).rstrip("/") if parts else ""
    slug = unquote(path.rpartition("/")[2]).lower()
    slug = _FILE_NAME.sub("", slug) or slug
    suffix = profile.links.slug_suffix
    return (re.sub(suffix, "", slug) or slug) if suffix else slug


def share_number(first: str, second: str) -> bool:
    """Whether one number, such as a post's id, is in the paths of both addresses.

    `/news/415014/police-investigate` and `/news/415014/inquiry-ends` share theirs: most systems
    that number articles keep the number when headline and slug change. If each has another number
    too, as in `/stock-60951433/news-49012345`, the common one may be the subject's.
    """
    one, other = map(_post_numbers, (first, second))
    return not one.isdisjoint(other) and (one <= other or other <= one)


def _post_numbers(url: str) -> set[str]:
    found = _POST_NUMBER.findall(urlsplit(url).path)
    return {number for number in found if not _MOMENT.fullmatch(number)}


def end_of_month(url: str) -> datetime | None:
    """The end (UTC) of the month in an address like `/2016/12/slug/`; None without one."""
    if not (found := _MONTH.findall(urlsplit(url).path)):
        return None
    year, month = map(int, found[-1])
    return datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)


def is_article_address(url: str, profile: SiteProfile) -> bool:
    """Whether `url` (absolute) is on this site and may be an article's, by its path.

    With the front page's path, the query must have a parameter that identifies an article: other
    parameters choose a language or an older page.
    """
    canonical = canonical_url(url, profile)
    if canonical is None:
        return False
    parts, links = urlsplit(canonical), profile.links
    if parts.path == "/":
        named = {pair.partition("=")[0] for pair in parts.query.split("&")}
        return not named.isdisjoint({_WORDPRESS_ARTICLE, _BITRIX_ARTICLE, *links.parameters})
    return links.is_article_path(unquote(parts.path))


def missing_parameters(urls: Iterable[str], profile: SiteProfile) -> list[str]:
    """The query parameters in which several addresses with one key differ, tracking left out.

    If the addresses are different articles, `links.parameters` lacks these.
    """
    values: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    known = {_BITRIX_ARTICLE, *profile.links.parameters}
    for url in urls:
        parts = _split(url)
        for name, value in parse_qsl(parts.query) if parts else ():
            if name not in known and not _TRACKING.match(f"{name}={value}"):
                values[name, address_key(url, profile)].add(value)
    found = (name for (name, _), each in values.items() if len(each) >= _SEVERAL)
    return list(dict.fromkeys(found))


def article_address(url: str, profile: SiteProfile) -> tuple[str, str] | None:
    """(key, canonical form) of an address that may be an article's of this site, else None.

    A source of the profile without a query is no article; nor is a further page of it.
    """
    canonical = canonical_url(url, profile)
    if canonical is None or not is_article_address(canonical, profile):
        return None
    parts = urlsplit(canonical)
    is_source = not parts.query and unquote(parts.path).rstrip("/") in profile.source_paths
    return None if is_source else (address_key(canonical, profile), canonical)


def absolute(href: str, base: str) -> str:
    """`href` as an absolute address; unchanged if it cannot be parsed."""
    href = href.strip()
    if href.startswith(("https://", "http://")):
        return href
    try:
        if href.startswith("/") and not href.startswith("//"):
            return root_of(base) + href
        return urljoin(base, href)
    except ValueError:
        return href


def web_address(href: str, base: str) -> str | None:
    """`href` as an absolute http(s) address; None if it is empty or not one."""
    link = absolute(href, base)
    return link if href.strip() and _is_of_web(link) else None


_is_of_web = lru_cache(maxsize=16_384)(is_web_address)  # a site's pages have the same menus


@lru_cache(maxsize=64)
def root_of(base: str) -> str:
    """Scheme and host of an address."""
    parts = urlsplit(base)
    return f"{parts.scheme}://{parts.netloc}"


def _split(url: str) -> SplitResult | None:
    url = url.strip()
    return urlsplit(url) if is_web_address(url) else None


def _identifying_query(path: str, query: str, parameters: tuple[str, ...]) -> str:
    pairs = [pair.partition("=") for pair in query.split("&")]
    named = {f"{name}={value}" for name, _, value in pairs if value and name in parameters}
    if not _PATH_NEEDS_QUERY.search(path):
        return "&".join(sorted(named))
    kept = {
        urlencode([(name, value)]).removesuffix("=")
        for place, (name, value) in enumerate(parse_qsl(query, keep_blank_values=True))
        # SPIP's `?article81` comes first, has no value, and a number in its name.
        if (value or (place == 0 and _NAMED_NUMBER.fullmatch(name)))
        and not _TRACKING.match(f"{name}={value}")
    }
    return "&".join(sorted({*named, *kept}))
