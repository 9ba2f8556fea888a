from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from datetime import timedelta
from itertools import combinations, islice

import pytest

from rscrawler.items import Level
from tests.demo.conftest import NOON
from tests.sample_site.generator import build_stories, generate_story
from tests.sample_site.stories import Articles, Shape, Story, load_articles


@pytest.fixture(scope="module")
def articles() -> Articles:
    return load_articles()


def test_the_hand_written_articles_cover_every_level_and_every_state(articles: Articles) -> None:
    assert len(articles.public) >= 40
    by_level = {level: [s for s in articles.public if s.level is level] for level in Level}
    assert len(by_level[Level.PRIMARY]) + len(by_level[Level.SUBSTANTIAL]) >= 14
    assert len(by_level[Level.MENTION]) >= 5
    assert len(by_level[Level.NONE]) >= 20
    about = {code for s in by_level[Level.PRIMARY] for code in s.countries or ()}
    assert about == {"KZ", "KG", "TJ", "TM", "UZ"}


def test_the_first_article_held_back_is_about_the_region(articles: Articles) -> None:
    assert articles.held_back[0].level is Level.PRIMARY


def test_an_article_has_four_to_twelve_paragraphs_of_normal_text(articles: Articles) -> None:
    for story in articles.public + articles.held_back:
        assert 4 <= len(story.paragraphs) <= 12, story.slug
        assert len(story.kinds) == len(story.paragraphs), story.slug
        for text in (story.title, story.subtitle or "-", *story.paragraphs):
            assert text == " ".join(text.split()), story.slug
            assert unicodedata.is_normalized("NFC", text), story.slug
            assert "\u00ad" not in text, story.slug


def test_a_republication_line_is_the_last_paragraph(articles: Articles) -> None:
    republished = [story for story in articles.public if story.republished_from]
    assert republished
    for story in republished:
        assert f"from {story.republished_from}." in story.paragraphs[-1]


def test_the_hand_written_articles_show_every_shape(articles: Articles) -> None:
    assert {shape for story in articles.public for shape in story.shapes} == set(Shape)


def test_the_same_seed_and_time_give_the_same_site() -> None:
    first, first_held = build_stories(80, 3, NOON)
    second, second_held = build_stories(80, 3, NOON)
    assert first == second
    assert list(islice(first_held, 10)) == list(islice(second_held, 10))


def test_another_seed_gives_another_site() -> None:
    first, _ = build_stories(80, 3, NOON)
    second, _ = build_stories(80, 4, NOON)
    assert {s.slug for s in first} != {s.slug for s in second}


def test_stories_are_spread_over_sixty_days_and_the_newest_is_an_hour_old_at_most() -> None:
    stories, _ = build_stories(120, 1, NOON)
    ages = [NOON - story.published_at for story in stories]
    assert len(stories) == 120
    assert timedelta(0) < ages[0] <= timedelta(hours=1)
    assert timedelta(days=55) < ages[-1] <= timedelta(days=60)
    assert ages == sorted(ages)
    assert all(story.changed_at < NOON for story in stories)


def test_addresses_and_ids_are_unique() -> None:
    stories, held_back = build_stories(250, 1, NOON)
    everything = [*stories, *islice(held_back, 20)]
    assert len({story.slug for story in everything}) == len(everything)
    assert len({story.post_id for story in everything}) == len(everything)
    assert all(len(story.post_id) == 10 and story.post_id.isdecimal() for story in everything)


def test_generated_articles_have_300_to_900_words() -> None:
    lengths = [len(generate_story(number, 1).body.split()) for number in range(200)]
    assert min(lengths) >= 300
    assert max(lengths) <= 900


def test_no_two_stories_are_near_duplicates() -> None:
    stories, _ = build_stories(250, 1, NOON)
    shingles = [five_word_runs(story) for story in stories]
    holders = defaultdict[tuple[str, ...], list[int]](list)
    for number, runs in enumerate(shingles):
        for run in runs:
            holders[run].append(number)
    shared = Counter(pair for numbers in holders.values() for pair in combinations(numbers, 2))
    sizes = [len(runs) for runs in shingles]
    assert max(count / (sizes[a] + sizes[b] - count) for (a, b), count in shared.items()) < 0.2


def five_word_runs(story: Story) -> set[tuple[str, ...]]:
    words = story.body.lower().split()
    return {tuple(words[start : start + 5]) for start in range(len(words) - 4)}
