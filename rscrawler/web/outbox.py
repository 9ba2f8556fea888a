"""The outbox page: pending deliveries, and failed messages to retry or cancel."""

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from rscrawler.store.messages import Undelivered
from rscrawler.web.access import authorized_form
from rscrawler.web.dashboard import Dashboard


def outbox(dashboard: Dashboard, request: Request) -> Response:
    """Pending deliveries with their reasons, and messages with failed attempts."""
    status = dashboard.status()
    failed: dict[str, list[Undelivered]] = {}
    for each in dashboard.store.messages.undelivered():
        if each.failures(dashboard.now()):
            failed.setdefault(each.message_id, []).append(each)
    return dashboard.page(
        request,
        "outbox.html.j2",
        status=status,
        summary=status.outbox,
        problems=status.others["outbox"],
        failed=failed,
        done=request.query_params.get("done", ""),
    )


async def change_message(dashboard: Dashboard, request: Request) -> Response:
    """Make a failed message due with the next delivery (`retry`), or give it up (`cancel`)."""
    how = request.url.path.rpartition("/")[2]
    _, form = await authorized_form(dashboard.config, request, "retry or cancel a message")

    def change() -> bool:
        messages = dashboard.store.messages
        retry_or_cancel = messages.retry if how == "retry" else messages.cancel
        # PostgreSQL refuses a NUL, so no id has one.
        return retry_or_cancel(form.get("message", "").replace("\0", ""), dashboard.now())

    if not await run_in_threadpool(change):
        raise HTTPException(
            400, "message: it was delivered, given up, or is being sent now; reload the page"
        )
    return RedirectResponse(f"/outbox?done={how}", 303)
