"""Notices to the operators: one when a problem starts, one when it ends."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from rscrawler.config import Config
from rscrawler.decisions import CLOCK_TOLERANCE
from rscrawler.delivery.channel import Notice
from rscrawler.delivery.channels import Channels, message_channels
from rscrawler.delivery.wording import date_in_words, one_line
from rscrawler.schedules import next_tries, planned_jobs
from rscrawler.store import Store
from rscrawler.store.health import Problem, ProblemCode
from rscrawler.store.messages import Undelivered

NOTICE_KIND = "ops"  # of the beginning or end of a problem
DATABASE_SUBJECT = "database"
OUTBOX_SUBJECT = "outbox"
OUTPUT_SUBJECT = "output"
FAILING_ATTEMPTS = 3
NOTICE_SPAN = timedelta(minutes=10)  # of more notices than the flood limit in it, the rest is one


def compose_notices(config: Config, store: Store, now: datetime) -> None:
    """Compose a notice for each problem that started or ended without one; one for all of many.

    The next `send_due` sends them, even in quiet hours. The notice of an end replaces that of the
    beginning for operators to whom that could not be sent. Without operators, a problem stays
    unnotified, and one that has ended is deleted.
    """
    channels, limit = message_channels(config), config.alerts.flood_limit
    unnotified = [each for each in store.health.problems() if each.notified_at is None]
    tries = next_tries(store, planned_jobs(config), now) if unnotified else {}
    for problems in _grouped(unnotified, store, limit, now):
        text = _start_in_words(config, problems, tries)
        if started := channels.notices(notice_of("Problem", problems, text, now)):
            store.health.notify_start(problems, started, now)
    undelivered = store.messages.undelivered()
    out_of_reach = {each.address for each in undelivered if each.attempts}
    # While another process sends the notice of a start, it is not known whether it could.
    busy = {each.message_id for each in undelivered if each.is_claimed(now)}
    ended = [
        each
        for each in store.health.problems(ended=True)
        if busy.isdisjoint(_ids_of_start(channels, [each]))
    ]
    for problems in _grouped(ended, store, limit, now):
        over = channels.notices(notice_of("Over", problems, _end_in_words(problems), now))
        if store.health.notify_end(problems, over):
            begun = _ids_of_start(channels, problems, store.health.problems())
            late = {each.message_id for each in undelivered if each.address in out_of_reach}
            for message_id in begun & late:
                store.messages.cancel(message_id, now)


def _grouped(
    problems: list[Problem], store: Store, limit: int, now: datetime
) -> list[list[Problem]]:
    """The problems by notice: each has its own, unless that would be a flood.

    After `limit` notices in a short time, the rest waits, and is one notice later. Problems of the
    delivery do neither: its health depends on their notices.
    """
    alone = [[each] for each in problems if is_of_deliveries(each.subject)]
    others = [each for each in problems if not is_of_deliveries(each.subject)]
    lately = store.messages.composed_lately(NOTICE_KIND, now - NOTICE_SPAN, now) if others else 0
    if lately >= limit:
        return alone
    is_flood = lately + len(others) > limit
    return [*alone, *([others] if is_flood else [[each] for each in others])]


def _start_in_words(
    config: Config, problems: Sequence[Problem], tries: Mapping[str, datetime]
) -> str:
    """What happened, since when, and what to do; of several problems, each remedy once."""
    since = {each: f"Since {date_in_words(each.since)}." for each in problems}
    if len(problems) == 1:
        (problem,) = problems
        remedies = remedy_lines(config, problem, tries.get(problem.subject))
        return "\n\n".join([one_line(problem.message, 600), since[problem], *remedies])
    parts = [f"{_title(each)}: {one_line(each.message, 600)}\n{since[each]}" for each in problems]
    remedies = [line for each in problems for line in remedy_lines(config, each, None)]
    return "\n\n".join([*parts, *dict.fromkeys(remedies)])


def _end_in_words(problems: Sequence[Problem]) -> str:
    if len(problems) == 1:
        (problem,) = problems
        began = f"This is over. It began {date_in_words(problem.since)}, and was:"
        return f"{began}\n\n{one_line(problem.message, 600)}"
    parts = (
        f"{_title(each)}, since {date_in_words(each.since)}: {one_line(each.message, 600)}"
        for each in problems
    )
    return "\n\n".join(["These are over:", *parts])


def _ids_of_start(
    channels: Channels, problems: Sequence[Problem], lasting: Sequence[Problem] = ()
) -> set[str]:
    """The ids of the notices that problems began, but not if one tells of a `lasting` one too."""
    keys = [_key("Problem", each) for each in problems]
    together = {each.notified_at for each in problems if not is_of_deliveries(each.subject)}
    together -= {each.notified_at for each in lasting if not is_of_deliveries(each.subject)}
    keys += [_key_of_many("Problem", at) for at in together if at is not None]
    informed = [each for each in channels.by_name.values() if each.operators]
    return {each.notice_id(NOTICE_KIND, key) for each in informed for key in keys}


def notice_of(opening: str, problems: Sequence[Problem], text: str, now: datetime) -> Notice:
    """The notice about problems; `opening` says whether they began or ended."""
    titles = [_title(each) for each in problems]
    many = f"{len(titles)} problems: " if len(titles) > 1 else ""
    subject = f"{opening}: {many}{', '.join(titles)}"
    key = _key_of_many(opening, now) if many else _key(opening, problems[0])
    return Notice(subject, text, key, NOTICE_KIND, now)


def _key(opening: str, problem: Problem) -> str:
    return f"{problem.subject} {problem.code} {problem.since.isoformat()} {opening}"


def _key_of_many(opening: str, now: datetime) -> str:
    """The key by time, since some of many problems may be over and forgotten before the others."""
    return f"{now.astimezone(UTC).isoformat()} {opening}"


def _title(problem: Problem) -> str:
    return f"{problem.subject}: {problem.code}"


def is_of_outbox(subject: str) -> bool:
    """Whether the subject of a problem is the outbox, or a channel: `outbox/email`."""
    return subject.partition("/")[0] == OUTBOX_SUBJECT


def is_of_deliveries(subject: str) -> bool:
    """Whether the subject of a problem is the outbox, a channel, or the output folder."""
    return is_of_outbox(subject) or subject == OUTPUT_SUBJECT


def judge_delivery(channels: Channels, store: Store, now: datetime) -> list[Undelivered]:
    """Raise or clear `delivery-failing` for each channel; returns the failing recipients.

    Its own notices do not count, or the problem would last until they have arrived.
    """
    problems = [each for each in store.health.problems() if is_of_outbox(each.subject)]
    own = _ids_of_start(channels, problems)
    undelivered = [
        each
        for each in store.messages.undelivered()
        if channels.is_addressed(each.channel, each.address) and each.message_id not in own
    ]
    # Refused, given up, or failed three times.
    failing = [
        each
        for each in undelivered
        if each.state != "pending" or each.failures(now) >= FAILING_ATTEMPTS
    ]
    code = ProblemCode.DELIVERY_FAILING
    reported = (each.subject for each in problems if each.code is code)
    for subject in dict.fromkeys([*reported, *map(_subject_of, failing)]):
        # An older version stored one problem for all channels, with the subject `outbox`.
        failed = [each for each in failing if subject in (_subject_of(each), OUTBOX_SUBJECT)]
        left = [each for each in undelivered if subject in (_subject_of(each), OUTBOX_SUBJECT)]
        # While a recipient with an error is being retried, the problem stays as it is.
        if failed or not any(each.last_error for each in left):
            message = _failure_in_words(failed) if failed else None
            store.health.raise_or_clear(subject, code, message, now)
    return failing


def _subject_of(undelivered: Undelivered) -> str:
    return f"{OUTBOX_SUBJECT}/{undelivered.channel}"


def failure_lines(failed: Sequence[Undelivered]) -> tuple[str, ...]:
    """One line for each reason on each channel."""
    alike: dict[tuple[str, str], list[Undelivered]] = defaultdict(list)
    for each in failed:
        alike[each.channel, each.reason].append(each)
    return tuple(map(_failure_in_words, alike.values()))


def _failure_in_words(failed: Sequence[Undelivered]) -> str:
    """The latest failure, and how many other recipients fail."""
    latest, others = failed[-1], len({(each.channel, each.address) for each in failed}) - 1
    more = f" (and {others} more)" if others else ""
    return f"{latest.channel}: {latest.address}: {latest.reason}{more}"


def end_overdue(store: Store, now: datetime) -> None:
    """Clear `overdue` after a delivery: for the outbox, and for sites with a good cycle since.

    If a clock that was ahead dated the problem, any good cycle ends it; the next failure raises it
    again.
    """
    as_of = now + CLOCK_TOLERANCE  # a later date comes from a wrong clock
    for each in store.health.problems():
        if each.code is not ProblemCode.OVERDUE:
            continue
        good_at = store.health.site(each.subject, as_of=as_of).last_success_at
        is_good = good_at is not None and (good_at > each.since or each.since > as_of)
        if each.subject == OUTBOX_SUBJECT or is_good:
            store.health.clear_problem(each.subject, each.code)


# What to do, for mails, `status` and the dashboard.
ADVICE = {
    ProblemCode.UNREACHABLE: "let a pause that it asked for pass; else open the site: if it is up, "
    "fix the cause named, or ask it to lift a block of our address.",
    ProblemCode.ROBOTS_DISALLOWED: "remove forbidden sources from the profile, or ask the site.",
    ProblemCode.LAYOUT_DRIFT: "run `rscrawler sites check`, and fix the site's profile.",
    ProblemCode.SILENT: "open the site; if it does publish, run `rscrawler sites check`.",
    ProblemCode.DELIVERY_FAILING: "fix what the reason names; `rscrawler alerts test` tests it.",
    ProblemCode.OVERDUE: "see whether the service or cron runs, and read its log.",
    ProblemCode.DISK_FULL: "free some space on the disk; then `rscrawler prune` frees more.",
    ProblemCode.PAGES_FAILING: "open the page; if it is up, `rscrawler explain` says why it fails.",
    ProblemCode.OVER_LIMIT: "open the page; exclude it by links.not_article, or raise the limit.",
    ProblemCode.WATCH_LIST: "fix the file; `rscrawler config check` says when it is right.",
    ProblemCode.REBUILT: "if it was damaged, check the disk; ends with a good cycle of each site.",
}


def advice_for(problem: Problem) -> str:
    """What to do about a problem."""
    is_of_database = problem.subject == DATABASE_SUBJECT and problem.code is ProblemCode.OVERDUE
    if is_of_database or problem.subject == OUTPUT_SUBJECT:
        return "fix what the reason names; it is tried again by itself."
    return ADVICE[problem.code]


def remedy_lines(config: Config, problem: Problem, next_at: datetime | None) -> list[str]:
    """The next try, the remedy and the page of the dashboard, as far as known."""
    url = config.web.url
    page = "outbox" if is_of_deliveries(problem.subject) else "sites"  # of the dashboard
    tried = f"Next try {date_in_words(next_at)}." if next_at else ""
    link = f"{url.rstrip('/')}/{page}" if url else ""
    return [line for line in (tried, f"What to do: {advice_for(problem)}", link) if line]
