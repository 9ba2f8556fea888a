"""Endpoints for machines: feeds, metrics, health."""

import hashlib

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from rscrawler.monitoring.metrics import Metrics
from rscrawler.schedules import load_schedules
from rscrawler.web.dashboard import Dashboard
from rscrawler.web.texts import without_addresses

FEED_TYPES = {
    "atom": "application/atom+xml; charset=utf-8",
    "json": "application/feed+json; charset=utf-8",
}


def feed(dashboard: Dashboard, request: Request) -> Response:
    """A feed as the last delivery wrote it."""
    config = dashboard.config
    topic, kind = request.path_params["topic"], request.path_params["kind"]
    # Only known names become part of the path, so it cannot leave the folder.
    if topic not in config.alerts.topics or kind not in FEED_TYPES:
        raise HTTPException(404, "no alerts are sent on a topic of that name, so it has no feed")
    path = config.output_dir / "feeds" / f"{topic}.{kind}"
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise HTTPException(
            404, "nothing was delivered yet; the next delivery writes the feed"
        ) from None
    return with_etag(request, content, FEED_TYPES[kind])


def with_etag(request: Request, content: bytes, media_type: str) -> Response:
    """The content with an ETag; 304 if the client has it already.

    A client may send several ETags, and Apache appends `-gzip` to those of what it packs.
    """
    digest = hashlib.blake2b(content, digest_size=16).hexdigest()
    etag = {"ETag": f'"{digest}"'}
    if digest in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=etag)
    return Response(content, headers={**etag, "Content-Type": media_type})


def metrics(dashboard: Dashboard, _: Request) -> Response:
    """Metrics in the text format of Prometheus."""
    found = Metrics(dashboard.config, dashboard.store, dashboard.now())
    return Response(generate_latest(found), headers={"Content-Type": CONTENT_TYPE_LATEST})


def healthz(dashboard: Dashboard, _: Request) -> Response:
    """The object of `status --json`, without addresses of recipients; 503 when unhealthy.

    Raises:
        ConfigurationError: a schedule is invalid, so it is not known which jobs should run.
    """
    load_schedules(dashboard.config)
    status = dashboard.status()
    shown = status.to_json()
    for subject in (*shown["sites"].values(), *(shown[name] for name in status.others)):
        for problem in subject["problems"]:
            problem["message"] = without_addresses(problem["message"])
    return JSONResponse(shown, 200 if status.is_healthy else 503)
