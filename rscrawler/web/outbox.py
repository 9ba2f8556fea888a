"""The outbox: what waits, why, and what to do about what failed."""

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from rscrawler.store.outbox import Undelivered
from rscrawler.web.access import dashboard_of, signed_form
from rscrawler.web.article import channel_in_words
from rscrawler.web.dashboard import Dashboard
from rscrawler.web.machines import without_addresses


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


def _failed(dashboard: Dashboard) -> list[dict[str, object]]:
    """The messages that were tried in vain; none of their recipients is named."""
    by_id: dict[str, list[Undelivered]] = {}
    for each in dashboard.store.outbox.undelivered():
        if each.attempts:
            by_id.setdefault(each.message_id, []).append(each)
    return [
        {
            "message_id": message_id,
            "channel": channel_in_words(recipients[0].channel),
            "kind": recipients[0].kind,
            "recipients": len(recipients),
            "attempts": max(each.attempts for each in recipients),
            "next_try_at": min(
                (each.next_try_at for each in recipients if each.state != "failed"), default=None
            ),
            "errors": dict.fromkeys(without_addresses(each.reason) for each in recipients),
        }
        for message_id, recipients in by_id.items()
    ]


async def mend(request: Request) -> Response:
    """Send a failed message again with the next delivery (`retry`), or give it up (`cancel`)."""
    dashboard, how = dashboard_of(request), request.url.path.rpartition("/")[2]
    _, form = await signed_form(request, "mend")

    def change() -> bool:
        store = dashboard.store.outbox
        mend = store.retry if how == "retry" else store.cancel
        return mend(form.get("message", ""), dashboard.now())

    if not await run_in_threadpool(change):
        raise HTTPException(
            400, "message: it was delivered, given up, or is being sent this moment; look again"
        )
    return RedirectResponse(f"/outbox?done={how}", 303)
