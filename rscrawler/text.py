"""Cleans text for the record; characters and words of the languages that it is written in."""

import re
import unicodedata
from pathlib import Path

# Soft hyphens, zero-width characters and invisible operators; direction marks, overrides and
# isolates, which can also reorder the words around them.
INVISIBLE = (
    "\u00ad\u200b\u2060\u2061\u2062\u2063\ufeff"
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
# They separate or join adjacent letters: Persian words and emoji contain them.
JOINERS = "\u200c\u200d"
# Letters of scripts without blanks between words, such as Thai, Japanese and Chinese: each counts
# as a word.
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3040-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
UNSPACED_LETTER = re.compile(f"[{UNSPACED}]")
_UNSPACED_WORD = re.compile(rf"[{UNSPACED}][^\w\s]*")

# January first: English, French, Spanish, Portuguese, Italian, German; Russian, Kyrgyz, Tajik and
# Uzbek in Cyrillic, without their endings; Kazakh in both alphabets; Uzbek and Turkmen in Latin
# letters; Polish and Greek in the genitive; Turkish and Azerbaijani, with and without the dot.
MONTHS = Path(__file__).with_name("months.txt").read_text("utf-8").splitlines()
MONTH_ENDINGS = "аиуыья"

_CONTROLS = {
    **dict.fromkeys(range(0x20), " "),
    0x7F: None,
    # Windows-1252 decoded as Latin-1: as control characters, these never occur in text.
    **{code: bytes([code]).decode("cp1252", "ignore") or None for code in range(0x80, 0xA0)},
}
_LONE_SURROGATES = dict.fromkeys(range(0xD800, 0xE000), "\ufffd")
_TABLE = {**_CONTROLS, **_LONE_SURROGATES, **dict.fromkeys(map(ord, INVISIBLE))}
_ODD = re.compile(f"[\x00-\x1f\x7f-\x9f\ud800-\udfff{INVISIBLE}]+")


def clean(text: str) -> str:
    """The text on one line in NFC: white space collapsed, invisible characters removed.

    Joiners stay, except alone between spaces. May be empty; can always be encoded as UTF-8.
    """
    if text.isprintable() and "  " not in text:  # most lines: only single spaces
        return unicodedata.normalize("NFC", text.strip())
    if text.isascii():
        return " ".join(text.translate(_TABLE).split())
    # To translate all of a text takes long, and nearly all of its characters stay.
    words = _ODD.sub(lambda odd: odd[0].translate(_TABLE), text).split()
    if "\u200c" in text or "\u200d" in text:
        words = [word for word in words if word.strip(JOINERS)]
    return unicodedata.normalize("NFC", " ".join(words))


def clean_body(body: str) -> str:
    """Clean each paragraph of a body: one line each, separated by blank lines, none empty."""
    return "\n\n".join(filter(None, map(clean, re.split(r"\n\s*\n", body))))


def split_words(text: str) -> list[str]:
    """The words of a text with their punctuation; letters of scripts without blanks are words."""
    return (text if text.isascii() else _UNSPACED_WORD.sub(r" \g<0> ", text)).split()
