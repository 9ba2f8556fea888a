"""What the small sites publish: twelve invented stories, told apart by every sentence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_PLACES = (
    "Aktau", "Osh", "Khorog", "Nukus", "Mary", "Taraz",
    "Naryn", "Termez", "Balkhash", "Panjakent", "Uralsk", "Batken",
)  # fmt: skip
_THINGS = (
    "ferry", "bakery", "observatory", "cotton mill", "bus depot", "library",
    "reservoir", "tram line", "salt works", "museum", "grain store", "weather station",
)  # fmt: skip
_PEOPLE = (
    "Aigul Serikova", "Bakyt Osmonov", "Clara Wendt", "Davron Ismoilov", "Elena Pak",
    "Farhod Nazarov", "Gulnora Azimova", "Henrik Solberg", "Ilyas Dautov", "Jamila Rakhimova",
    "Kanat Bekov", "Lola Tursunova",
)  # fmt: skip
# Lately, so that a crawl does not take the sites for silent ones.
_NEWEST = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(hours=2)


@dataclass(frozen=True)
class Story:
    """One story as it was written."""

    number: int
    place: str
    thing: str
    author: str
    published_at: datetime

    @property
    def title(self) -> str:
        return f"The {self.thing} of {self.place} opens after {self.number + 3} years"

    @property
    def slug(self) -> str:
        return self.title.lower().replace(" ", "-")

    @property
    def paragraphs(self) -> list[str]:
        years, cost = self.number + 3, 40 + 7 * self.number
        return [
            f"After {years} years of building, the {self.thing} of {self.place} has opened, and "
            f"the first visitors found that the doors had been hung the wrong way round.",
            f"The city paid {cost} million for it, according to the budget that its council "
            f"published in spring. Half of that went into the foundations, which had sunk twice.",
            f"“We were told that nobody in {self.place} needed a {self.thing},” said the foreman, "
            f"who had worked on it from the first day. “Now they stand in line before breakfast.”",
            f"Engineers from three countries took part. Their contracts end in December, and who "
            f"will keep the {self.thing} running in the winter has not been decided.",
            f"The regional governor has promised an answer within {years + 20} days.",
        ]


STORIES = [
    Story(number, place, thing, author, _NEWEST - timedelta(days=number, minutes=13 * number))
    for number, (place, thing, author) in enumerate(zip(_PLACES, _THINGS, _PEOPLE, strict=True))
]
SECTIONS = {"politics": STORIES[0::3], "economy": STORIES[1::3], "culture": STORIES[2::3]}


def section_of(story: Story) -> str:
    return next(name for name, stories in SECTIONS.items() if story in stories)
