"""The outbox: what waits, why, and what to do about what failed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from rscrawler.store.outbox import Undelivered
from rscrawler.web.access import checked_form, visitor_of
from rscrawler.web.article import channel_in_words
from rscrawler.web.dashboard import Dashboard, dashboard_of
from rscrawler.web.errors import BadRequest, Forbidden
from rscrawler.web.machines import without_addresses


@dataclass(frozen=True, slots=True)
class _Message:
    """A message with recipients who were not served; none of them is named."""

    message_id: str
    channel: str
    kind: str
    recipients: int
    attempts: int
    next_try_at: datetime | None
    errors: tuple[str, ...]


def outbox(request: Request) -> Response:
    """What waits to be delivered, and why."""
    dashboard = dashboard_of(request)
    status = dashboard.status()
    return dashboard.page(
        request,
        "outbox.html.j2",
        status=status,
        summary=status.outbox,
        problems=[
            (problem, without_addresses(problem.message)) for problem in status.others["outbox"]
        ],
        waiting=[
            (channel_in_words(each.channel), each, without_addresses(each.last_error or ""))
            for each in status.outbox.waiting
        ],
        failed=_failed(dashboard),
        done=request.query_params.get("done", ""),
    )


def _failed(dashboard: Dashboard) -> list[_Message]:
    """The messages that were tried in vain."""
    by_id: dict[str, list[Undelivered]] = {}
    for each in dashboard.store.outbox.undelivered():
        if each.attempts:
            by_id.setdefault(each.message_id, []).append(each)
    return [_message(message_id, of_it) for message_id, of_it in by_id.items()]


def _message(message_id: str, recipients: list[Undelivered]) -> _Message:
    tried_again = [each.next_try_at for each in recipients if each.state != "failed"]
    return _Message(
        message_id=message_id,
        channel=channel_in_words(recipients[0].channel),
        kind=recipients[0].kind,
        recipients=len(recipients),
        attempts=max(each.attempts for each in recipients),
        next_try_at=min(tried_again, default=None),
        errors=tuple(dict.fromkeys(without_addresses(each.reason) for each in recipients)),
    )


async def retry(request: Request) -> Response:
    """Send a failed message again, with the next delivery."""
    dashboard = dashboard_of(request)
    return await _mend(
        request,
        lambda message_id: dashboard.store.outbox.retry(message_id, dashboard.now()),
        "retry",
    )


async def cancel(request: Request) -> Response:
    """Give a failed message up: whoever was not served is not sent it any more."""
    dashboard = dashboard_of(request)
    return await _mend(
        request,
        lambda message_id: dashboard.store.outbox.cancel(message_id, dashboard.now()),
        "cancel",
    )


async def _mend(request: Request, change: Callable[[str], bool], done: str) -> Response:
    dashboard: Dashboard = dashboard_of(request)
    form = await checked_form(request, dashboard.key)
    if visitor_of(request, dashboard.config).name is None:
        raise Forbidden("log in to mend, or open the dashboard on the machine that it runs on")
    message_id = form.get("message", [""])[-1]
    if not await run_in_threadpool(change, message_id):
        raise BadRequest(
            "message: it was delivered, given up, or is being sent this moment; look again"
        )
    return RedirectResponse(f"/outbox?done={done}", 303)
