"""Is the same news told apart from updates and from other issues of a series?

    python -m benchmarks.bench_identity [TEXTS.jsonl]

Without texts: the labelled pairs of `tests/identity`, with all rules and without each. With a
stream of real texts (an object a line: id, source, title, text, in the order of their sources;
several minutes): what of it is folded, and how many of 100 reprints made from it are found.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from benchmarks.measure import progress, table
from rscrawler.identity.fingerprints import Fingerprint, fingerprint_of
from rscrawler.identity.kinship import Candidate, worth_comparing
from rscrawler.identity.sameness import RULES, Comparison, Decision, Rule, Text, compare, decide
from rscrawler.items import Article
from tests.identity.texts import reprint_of

PAIRS = Path(__file__).parents[1] / "tests" / "identity" / "pairs.jsonl"
REPRINTS = 100
_PER_KEY = 40
_NOW = datetime(2026, 1, 1, tzinfo=UTC)


def labelled() -> str:
    """Precision and recall of "same news" on the labelled pairs, rule by rule."""
    pairs = [json.loads(line) for line in PAIRS.read_text("utf-8").splitlines()]
    rows = [_measured("all rules", RULES, pairs)]
    for left_out in RULES:
        kept = {name: rule for name, rule in RULES.items() if name != left_out}
        rows.append(_measured(f"without {left_out}", kept, pairs))
    heading = ["", "news: folded", "of these wrong", "precision", "of the same found"]
    return table([*heading, "press: precision"], rows)


def _measured(name: str, rules: dict[str, Rule], pairs: list[dict[str, object]]) -> list[str]:
    def counts(*, is_news: bool) -> tuple[int, int, int]:
        wanted = [pair for pair in pairs if pair["is_news"] is is_news]
        folded = [
            pair
            for pair in wanted
            if not any(
                rule(Comparison(**pair["comparison"]))  # type: ignore[arg-type]
                for rule in rules.values()
            )
        ]
        right = sum(pair["label"] == "same" for pair in folded)
        return len(folded), right, sum(pair["label"] == "same" for pair in wanted)

    folded, right, same = counts(is_news=True)
    press, press_right, _ = counts(is_news=False)
    return [
        name,
        str(folded),
        str(folded - right),
        f"{right / folded:.3f}",
        f"{right / same:.3f}",
        f"{press_right / press:.2f}",
    ]


@dataclass(frozen=True, slots=True)
class Item:
    """A text of the stream, as a look-up meets it."""

    number: int
    title: str
    body: str
    source: str
    fingerprint: Fingerprint

    @property
    def candidate(self) -> Candidate:
        """The item as the store would give it."""
        found_by = self.fingerprint
        return Candidate(
            str(self.number), self.source, "", _NOW, None, None, "",
            found_by.text_digest, found_by.body_digest, found_by.signature,
        )  # fmt: skip


def item_of(number: int, title: str, body: str, source: str) -> Item:
    """The item, with its fingerprint."""
    article = Article(site=source, url="", fetched_at=_NOW, title=title, body=body)
    return Item(number, title, body, source, fingerprint_of(article, ""))


class Index:
    """What the store looks candidates up by, in memory."""

    def __init__(self) -> None:
        self._by_key: dict[int, list[Item]] = defaultdict(list)

    def add(self, item: Item) -> None:
        """Let later items find this one."""
        for key in set(item.fingerprint.keys):
            self._by_key[key].append(item)

    def relatives(self, item: Item) -> Iterator[tuple[Item, Decision]]:
        """The items that it would be compared with, and what it is to each."""
        shared: Counter[Item] = Counter()
        for key in set(item.fingerprint.keys):
            shared.update(each for each in self._by_key.get(key, ())[-_PER_KEY:])
        found = {str(each.number): each for each, _ in shared.most_common(_PER_KEY)}
        candidates = [each.candidate for each in found.values()]
        text: Text | None = None
        for each in worth_comparing(candidates, item.fingerprint):
            other = found[each.article_id]
            text = text or Text(item.title, item.body)
            yield other, decide(compare(Text(other.title, other.body), text))


def streamed(path: Path) -> str:
    """What of a stream of real texts is folded, and which made reprints are found."""
    index, items, folded = Index(), [], Counter[str]()
    compared = 0
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            text = json.loads(line)
            if len(text["text"].split()) < 60:
                continue
            item = item_of(number, text["title"], text["text"], text["source"])
            best = ""
            for _, decision in index.relatives(item):
                compared += 1
                if decision.is_same_news or not best:
                    best = str(decision.relation)
                    if decision.is_same_news:
                        break
            folded[best or "alone"] += 1
            index.add(item)
            items.append(item)
            if len(items) % 5_000 == 0:
                progress(f"{len(items):,} texts: {dict(folded)}")
    rows = [[name, f"{count:,}"] for name, count in folded.most_common()]
    reprints = _reprints(items, index)
    return (
        f"{len(items):,} texts of 60 words or more, "
        f"{compared / len(items):.2f} comparisons each\n\n"
        f"{table(['first relation', 'texts'], rows)}\n\n{reprints}"
    )


def _reprints(items: list[Item], index: Index) -> str:
    rows = []
    for name, keep in (("half to nine tenths", None), ("half", 0.5)):
        rng = Random(7)
        long = [item for item in items if len(item.body.split()) >= 150]
        found = same = 0
        for number, original in enumerate(rng.sample(long, REPRINTS)):
            body = reprint_of(original.body, rng, keep=keep or rng.uniform(0.5, 0.9))
            copy = item_of(-1 - number, "Told elsewhere under another headline", body, "elsewhere")
            decisions = list(index.relatives(copy))
            found += any(other.body == original.body for other, _ in decisions)
            same += any(decision.is_same_news for _, decision in decisions)
        rows.append([f"kept: {name}", f"{found} of {REPRINTS}", f"{same} of {REPRINTS}"])
    return table(["made reprints", "original compared", "called the same"], rows)


def main(argv: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("texts", nargs="?", type=Path)
    options = parser.parse_args(list(argv) if argv is not None else None)
    parts: list[Callable[[], str]] = [labelled]
    if options.texts is not None:
        parts.append(lambda: streamed(options.texts))
    print("\n\n".join(part() for part in parts))


if __name__ == "__main__":
    main()
