"""One form for every text and date, whatever the page used."""

from __future__ import annotations

from rscrawler.items import Article, fields_on_page


def normalize_article(article: Article) -> None:
    """Bring every text, list and date that the page says into its one form, in place."""
    for name, field in fields_on_page().items():
        setattr(article, name, field.form(getattr(article, name)))
