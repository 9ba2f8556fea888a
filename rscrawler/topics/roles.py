"""The part that a name plays in its sentence: subject, other, setting or passing.

These are rules of English prose, not of a topic. They read the words around a name; no
parser is run, since an article has to be judged in well under a millisecond. In other
languages most names come out as `subject` or `other`, which is the cautious answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum


class Role(StrEnum):
    """From most to least telling."""

    SUBJECT = "subject"
    OTHER = "other"
    SETTING = "setting"
    PASSING = "passing"


# A sentence ends at . ! ? … with closing quotes, before a blank and an opening; and with a line
# that is too short to be a wrapped one (a heading, an entry), or that comes before a bullet.
_END = re.compile(
    r"[.!?…][\"'”’)\]*_]*\s+(?=[\"'“‘(\[*•–-]*\s?[A-ZА-ЯЁ\d])"
    r"|(?<![^\n])[^\n]{1,60}\n\s*(?=[\"'“‘(\[*•–-]*\s?[A-ZА-ЯЁ\d])"
    r"|\n\s*(?=[*•–-]\s)"
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|Gen|Col|Lt|Sgt|Maj|Adm|Sen|Rep|Gov|St|Mt|No|vs|Inc|Ltd|Co|Jr|Sr"
    r"|Jan|Feb|Aug|Sept|Oct|Nov|Dec)|\b[A-Z])\.\s+$"
)

_PERSON_NOUN = (
    r"(?:-born\b|\s+(?:nationals?|citizens?|m[ae]n|wom[ae]n|suspects?|gunm[ae]n|assailants?|"
    r"attackers?|terrorists?|immigrants?|émigrés?|refugees?|asylum|students?|teenagers?|boys?|"
    r"girls?|father|mother|couple|driver|passport|descent|origin|ancestry|heritage|roots|"
    r"extraction|immigrant|emigrant|expatriates?|jihadis?|jihadists?|militants?|fighters?|"
    r"extremists?|mercenar(?:y|ies)|"
    r"wrestlers?|boxers?|players?|strikers?|midfielders?|goalkeepers?|cyclists?|athletes?|"
    r"champions?|team|club|skaters?|swimmers?|weightlifters?|"
    r"actors?|actress|singers?|pianist|violinist|director|filmmakers?|novelists?|poets?|writers?|"
    r"supermodel|model|chefs?|restaurants?|caf[eé]s?|cuisine|food|dish(?:es)?|carpets?|rugs?|"
    r"supermarkets?|grills?|kitchens?|baker(?:y|ies)|bistro|deli|teahouses?|pilaf|plov|salads?|"
    r"samsa|dumplings|noodles|"
    r"embroider\w+|textiles?|horses?|dogs?|hats?|melons?|silk|oligarchs?|businessm[ae]n|"
    r"billionaires?|tycoon))\b"
)
_AFTER_PERSONAL = re.compile(
    r"^(?:['’]s)?(?:-(?:American|born|based|trained|educated|speaking|language|style)\b|"
    + _PERSON_NOUN
    + ")",
    re.IGNORECASE,
)
_BEFORE_PERSONAL = re.compile(
    r"(?:\bethnic(?:ally)?|\b(?:a|an|one|two|three|four|five|six|several|young|the)\s+"
    r"(?:\d\d?-year-old\s+)(?:\w+\s+)?|\bborn\s+in(?:\s+\w+,)?|\b(?:native|citizen|national)\s+of"
    r"|\b(?:all|both|two|three|four|five|six|several|were|are)\s+(?:citizens|nationals|natives)\s+of"
    r"|\b(?:ambassador|envoy)\s+to"
    r"|\boriginally\s+from"
    r"|\b(?:who|he|she)\s+(?:(?!that\b|which\b|sa(?:id|ys)\b)[\w-]+\s+){0,5}"
    r"(?:came|comes?|hails|hailed|emigrated|immigrated)\s+(?:\w+\s+){0,4}?from"
    r"|\b(?:seeker|m[ae]n|wom[ae]n|student|suspect|refugee|immigrant|émigré|national|citizen|native"
    r"|driver|worker|labou?rer|student|teenager|boy|girl|couple|suspects|gunmen)\s+from)\s*$",
    re.IGNORECASE,
)
# "Uzbek families in Istanbul": a people's name is an origin where its holders live with strangers.
_LIVING_IN = re.compile(
    r"^\s+(?:(?:famil(?:y|ies)|communit(?:y|ies)|villages?|villagers|farmers|herders|shepherds|"
    r"parents|mothers|women|girls|teachers|schools|doctors|lawyers|journalists|reporters|activists|dissidents|"
    r"exiles|bloggers|shopkeepers|traders|shops|mosques|neighbou?rhoods|households|media|press|"
    r"newspapers|bakers|bakeries)\s+){1,2}(?:(?:living|settled|working)\s+)?"
    r"(?:in|across|around|throughout)\s+(?:the\s+)?(?:[a-z]+\s+)?"
)
# "an Uzbek who killed eight people", "one of them, a Tajik, ..."
_ONE = re.compile(r"\b(?:an?|one|another|the)\s+(?:[\w-]+\s+){0,2}$", re.IGNORECASE)
# "Kyrgyz women": all of them, whom a state has within it.
_SOCIETY = re.compile(r"^\s+(?:women|girls)\b", re.IGNORECASE)
_OF_ALL = re.compile(r"(?:^\W*|\b(?:most|many|all|of|for|among)\s+)$", re.IGNORECASE)
# "the Kazakhs" are the nation.
_THE = re.compile(r"\bthe\s+$", re.IGNORECASE)
_NO_NOUN = re.compile(
    r"^(?:\s*[,.;:)—–]|\s+(?:who|whose|aged|from|in|with|at|on|was|is|had|has|and|by)\b)",
    re.IGNORECASE,
)
_OFFICE = re.compile(
    r"^\s+(?:editor|correspondent|bureau|analyst|expert|specialist|scholar|program(?:me)?\b|"
    r"studies|fellow|project|desk|caucus|director|researcher|watcher|hand\b|Times\b|"
    r"ambassador\s+to\s+(?!the\s+(?:US|U\.S\.|United)))",
    re.IGNORECASE,
)
_BEFORE_EXAMPLE = re.compile(
    r"\b(?:such\s+as|like|including|e\.g\.,?|for\s+example,?|for\s+instance,?|namely|among\s+them|"
    r"as\s+well\s+as|along\s+with|together\s+with|unlike|as\s+in|as\s+far\s+(?:as|away\s+as)|"
    r"from\s+places\s+like|elsewhere\s+in|other\s+than|let\s+alone|not\s+to\s+mention|"
    r"as\s+(?:it|they)\s+did\s+in|similar\s+to|forget|never\s+mind|move\s+over,|spel(?:led|t))"
    r"\s+(?:in\s+|of\s+|the\s+|those\s+in\s+|former\s+|Soviet\s+){0,3}(?:states?\s+of\s+)?$",
    re.IGNORECASE,
)
# "... among them Iran's Pezeshkian, Belarus's Lukashenko and the presidents of Kazakhstan"
_EXAMPLES = re.compile(r"\b(?:among\s+them|including|such\s+as|among\s+others)\b", re.IGNORECASE)
# "Kazakhstan, whose president ...", "Kazakhstan, an ally of ...": more is said of the name.
_AFTER_RELATIVE = re.compile(
    r"^,\s+(?:which|whose|where(?!\s+(?:he|she|they|we|i|his|her|their)\b)|itself|home\s+to|"
    r"long\s+an?|once\s+an?|then\b[^,]{0,20}\bone\s+of|one\s+of|an?)\b",
    re.IGNORECASE,
)
# "Stalin's trains took them to Uzbekistan in 1944": where people were exiled to long ago.
_EXILED = re.compile(
    r"\b(?:deport\w+|exiled?|banish\w+|resettled|trains|cattle\s+(?:trucks|wagons|cars))\b"
    r"[^.;:()]{0,80}\b(?:in|to|into)\s+(?:[a-z]+\s+){0,3}(?:[A-Z]\w+,?\s+(?:and\s+)?){0,2}$"
)
_LONG_AGO = re.compile(r"\b(?:19[1-5]\d|Stalin|NKVD|Beria|tsar|czar)\b")
_BEFORE_RANGE = re.compile(
    r"\b(?:from|between)\s+([^.;:()]{1,90}?)\s(?:to|through|into|via)\s+"
    r"(?:as\s+far\s+as\s+)?(?:the\s+)?(?:[\w’'-]+\s+){0,3}$"
)
# What goes from one state to another is about both: "exports from the Union to Kyrgyzstan".
_FLOW = re.compile(
    r"\b(?:exports?|exported|imports?|trade|sales|shipments?|shipped|deliver\w+|suppl\w+|goods|cargo|"
    r"freight|gas|oil|crude|grain|water|pipelines?|railways?|railroads?|remittances|money|transit|"
    r"migra\w+|workers|tariffs?)\b[^.;:()]{0,25}$",
    re.IGNORECASE,
)
# "visitors from the Bank came to Rogun" is a journey, not a range.
_TRAVELLED = re.compile(r"\b(?:came|went|flew|travell?ed|returned|arrived|moved|drove)$")
_BEFORE_FROM = re.compile(r"\bfrom\s+(?:the\s+)?(?:[\w’'-]+\s+){0,3}$")
_AFTER_TO = re.compile(
    r"^(?:['’]s)?[^.;:()]{0,60}?\s(?:to|through)\s+(?:the\s+)?(?:[a-z]+\s+){0,2}[A-Z]"
)
_CLAUSE = re.compile(
    r"(?:[;:—–]|,?\s+[“\"]|,\s+(?:but|and|while|whereas|where|as|so|yet|though|although|because|"
    r"which|who|since|with|meanwhile|however)\b|\b(?:that|because|while|whereas|although|though|"
    r"if|when|whether|how|why|said|says)\b)\s*",
    re.IGNORECASE,
)
_FRAME = re.compile(
    r"^\W*(?:(?:And|But|Yet|Even|Meanwhile|Today|Elsewhere|Now|Then),?\s+)?(?:In|For|Across|"
    r"Throughout|Within|Inside|As\s+for|To)\s+(?:the\s+|all\s+of\s+|much\s+of\s+|modern\s+|"
    r"post-Soviet\s+|northern\s+|southern\s+|eastern\s+|western\s+|central\s+|neighbou?ring\s+|"
    r"nearby\s+|independent\s+|today[’']s\s+|contemporary\s+)*$",
)
# "On Friday, ...", "According to the Financial Times, ...": the clause proper begins behind it.
_OPENING = re.compile(
    r"^\W*(?:according\s+to|in|on|at|by|for|after|before|during|since|despite|with|under|like|"
    r"last|this|earlier|late|later)\b[^,;:]{1,80},\s+",
    re.IGNORECASE,
)
_PREPOSITION = re.compile(
    r"\b(?:in|at|on|from|with|to|by|for|near|across|through|into|over|against|toward|towards|"
    r"between|after|before|during|under|via|about|outside|beyond|among|around)\b",
    re.IGNORECASE,
)
_BEFORE_SETTING = re.compile(
    r"\b(?:[Ii]n|[Aa]t|[Nn]ear|[Oo]utside|to|[Ff]rom|via|through|for)\s+(?:the\s+)?"
    r"(?:(?:capitals?|city|port|town|resort|village|Lake|[A-Z]\w+\s+capital)(?:,|\s+of)?\s+)?"
    r"(?:[A-Z][\w’'-]+,?\s+){0,3}(?:and\s+)?$"
)
# "the Kazakh capital", "Kazakhstan's capital": the city.
_AFTER_CAPITAL = re.compile(r"^(?:['’]s)?\s+capital\b", re.IGNORECASE)
# "The government in Bishkek has ...": the state, not a setting.
_BODY_IN = re.compile(
    r"\b(?:governments?|(?:ministry|ministries)(?:\s+of\s+\w+)?|central\s+bank|national\s+bank|"
    r"parliament|authorities|regime|leadership|lawmakers|prosecutors|officials|ministers?|leaders?|"
    r"rulers?|policy-?makers|host)\s+in\s+$",
    re.IGNORECASE,
)
_AFTER_SETTING = re.compile(
    r"^\s+(?:summit|remarks|meetings?|talks|conference|declaration|speech|gathering|statement)\b",
    re.IGNORECASE,
)
_DATELINE = re.compile(
    r"^\W*(?:[A-ZÀ-ÞА-Я][A-ZÀ-ÞА-Я.'’ -]+(?:,\s+[A-ZÀ-Þ][\w.]+)*|[A-Z]\w+(?:,\s+[A-Z][\w.]+)+)"
    r"(?:\s*\([^)]{2,40}\))?(?:,\s+\w+\.?\s+\d+)?\s*(?:[—–]|-{1,2}\s)\s*"
)
_MAX_SUBJECT_WORDS = 7
# Before the name and in its clause, these have already taken the subject's place.
_TAKEN = re.compile(
    r"\b(?:he|she|it|they|we|i|you|who|this|there|is|are|was|were|be|been|has|have|had|will|would|"
    r"can|could|may|might|should|did|does|do|met|told|visited|joined|asked|warned|called|made|sent|"
    r"gave|took|saw|left|like|than)\b",
    re.IGNORECASE,
)
# After "who lost" or "that lost" the pronoun is the subject; after "that the" a new one comes.
_RELATIVE = re.compile(r"\b(?:that|which|who)\s*$", re.IGNORECASE)
_NOUN_PHRASE = re.compile(
    r"(?:the|a|an|its|his|her|their|some|most|many|all|both|no|former|new|\w+['’]s)\b",
    re.IGNORECASE,
)
_COORDINATED = re.compile(r"(?:\band|\bor|,|&)\s+(?:the\s+)?$", re.IGNORECASE)
# The words that decide a role stand this near to the name, in characters; some must adjoin it.
_REACH = 140
_ADJOINING = 60
_LIST_SEPARATOR = re.compile(
    r"(?:(?:\s+in\s+(?:\d{4}|\w+))?\s*[,;/]\s*(?:and|or|&)?\s+|\s+(?:and|or|&)\s+|/)"
    r"(?:(?:with|to|in|from|of|for|at|by)\s+)?",
    re.IGNORECASE,
)
_NAME_WORD = r"[A-ZÀ-ÞА-ЯЁ][\w.'’-]*"
_LIST_ITEM_LEFT = re.compile(
    rf"(?:^|(?<=[\s(\"“]))((?:the\s+)?{_NAME_WORD}(?:\s+(?:of|the|{_NAME_WORD}))*(?:\s+in\s+\d{{4}})?)$"
)
_LIST_ITEM_RIGHT = re.compile(
    rf"^(?:the\s+|parts\s+of\s+|even\s+)?{_NAME_WORD}(?:\s+{_NAME_WORD})*(?:\s+in\s+\d{{4}})?"
)
_MIN_LIST = 3
_MIN_FOREIGN = 2


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """The [start, end) of each sentence of `text`; together they cover it."""
    spans: list[tuple[int, int]] = []
    start = 0
    for match in _END.finditer(text):
        if _ABBREVIATION.search(text, max(start, match.start() - 8), match.end()):
            continue
        spans.append((start, match.end()))
        start = match.end()
    if start < len(text):
        spans.append((start, len(text)))
    return spans


def dateline_end(paragraph: str) -> int:
    """Where the dateline of a first paragraph ends; 0 without one."""
    match = _DATELINE.match(paragraph[:120])
    return match.end() if match else 0


def role_of(
    sentence: str,
    start: int,
    end: int,
    kind: str,
    names: Sequence[tuple[int, int]],
    rivals: Sequence[int] = (),
) -> Role:
    """The role of the name at [start, end) of `sentence`.

    Args:
        sentence: one sentence, or a headline.
        start: where the name starts.
        end: where it ends.
        kind: the entity's kind; only a place can be a setting.
        names: the spans of all the topic's names in the sentence, this one too.
        rivals: where names of the rest of the world start in it.
    """
    before, after = sentence[:start], sentence[end : end + _REACH]
    near = before[-_REACH:]
    if _AFTER_CAPITAL.match(after):
        kind = "place"
    if _is_passing(near, after, kind, plural=sentence[start:end].endswith("s")):
        return Role.PASSING
    if kind == "people" and (abroad := _LIVING_IN.match(after)) and end + abroad.end() in rivals:
        return Role.PASSING
    if kind == "person" and _in_apposition(sentence, start, names):
        return Role.SUBJECT if _leads(before, rivals) else Role.PASSING
    if _EXILED.search(near) and _LONG_AGO.search(sentence):
        return Role.PASSING
    if _is_range_end(sentence, start, end, names) or _in_foreign_list(sentence, start, end, names):
        return Role.PASSING
    if _in_foreign_examples(before, rivals):
        return Role.PASSING
    if _AFTER_RELATIVE.match(after) and not (kind == "place" and _BEFORE_SETTING.search(near)):
        return Role.SUBJECT
    if _FRAME.match(before):
        # "In Kazakhstan, prices rose" speaks of the state; "In Tashkent he dined" of him.
        return Role.OTHER if kind == "place" else Role.SUBJECT
    if kind == "place" and (body := _BODY_IN.search(near)) is not None:
        return Role.SUBJECT if _leads(before.removesuffix(body[0]), rivals) else Role.OTHER
    if kind == "place" and (_BEFORE_SETTING.search(near) or _AFTER_SETTING.match(after)):
        return Role.SETTING
    return Role.SUBJECT if _leads(before, rivals) else Role.OTHER


def _leads(before: str, rivals: Sequence[int]) -> bool:
    """Whether nothing but its own noun phrase stands between the name and its clause's start."""
    clause = _clause_before(before)
    if len(clause.split()) > _MAX_SUBJECT_WORDS:
        return False
    if _PREPOSITION.search(clause) or _TAKEN.search(clause):
        return False
    first = len(before) - len(clause)
    if clause and _RELATIVE.search(before[:first]) and not _NOUN_PHRASE.match(clause):
        return False
    rival_before = any(first <= rival < len(before) for rival in rivals)
    return not rival_before or _COORDINATED.search(clause) is not None


def _is_passing(before: str, after: str, kind: str, *, plural: bool) -> bool:
    before = before[-_ADJOINING:]
    if kind == "people" and _SOCIETY.match(after) and _OF_ALL.search(before):
        return False
    if _AFTER_PERSONAL.match(after) or _OFFICE.match(after):
        return True
    if kind == "people" and _ONE.search(before) and _NO_NOUN.match(after):
        return not (plural and _THE.search(before))
    if kind == "person":
        return False
    return bool(_BEFORE_PERSONAL.search(before) or _BEFORE_EXAMPLE.search(before))


def _in_apposition(sentence: str, start: int, names: Sequence[tuple[int, int]]) -> bool:
    """Whether the name says who "a Kazakh oligarch" before it is."""
    return any(
        (noun := _AFTER_PERSONAL.match(sentence[end:start])) is not None
        and sentence[end + noun.end() : start].strip() in ("", ",")
        for _, end in names
        if end < start <= end + _ADJOINING
    )


def _is_range_end(sentence: str, start: int, end: int, names: Sequence[tuple[int, int]]) -> bool:
    """Whether the name is one end of "from X to Y" and the other end is not the topic's."""
    offset = max(0, start - _REACH)
    near = sentence[offset:start]
    if (found := _BEFORE_RANGE.search(near)) is not None:
        if _FLOW.search(near[: found.start()]) or _TRAVELLED.search(found[1]):
            return False
        return not any(
            offset + found.start(1) <= first < offset + found.end(1) for first, _ in names
        )
    if _BEFORE_FROM.search(near) is None:
        return False
    found = _AFTER_TO.match(sentence[end : end + _REACH])
    return found is not None and not any(end <= first < end + found.end() for first, _ in names)


def _in_foreign_examples(before: str, rivals: Sequence[int]) -> bool:
    """Whether the name ends a row of examples that strangers begin."""
    if len(rivals) < _MIN_FOREIGN:
        return False
    ends = [found.end() for found in _EXAMPLES.finditer(before)]
    if not ends or re.search(r"[;:—–]", before[ends[-1] :]):
        return False
    return sum(ends[-1] <= rival < len(before) for rival in rivals) >= _MIN_FOREIGN


def _clause_before(before: str) -> str:
    ends = [match.end() for match in _CLAUSE.finditer(before)]
    if ends:
        return before[ends[-1] :]
    opening = _OPENING.match(before)
    return before[opening.end() :] if opening else before


def _in_foreign_list(sentence: str, start: int, end: int, names: Sequence[tuple[int, int]]) -> bool:
    """Whether the name is one of three or more, with two or more that are not the topic's."""
    items = [(start, end)]
    position = start
    while (found := _item_left(sentence, position)) is not None:
        items.append(found)
        position = found[0]
    position = end
    while (found := _item_right(sentence, position)) is not None:
        items.append(found)
        position = found[1]
    if len(items) < _MIN_LIST:
        return False
    ours = sum(
        any(name_start < last and first < name_end for name_start, name_end in names)
        for first, last in items
    )
    return len(items) - ours >= _MIN_FOREIGN


def _item_left(sentence: str, position: int) -> tuple[int, int] | None:
    before = re.sub(r"\bthe\s+$", "", sentence[:position], flags=re.IGNORECASE)
    separator = None
    for separator in _LIST_SEPARATOR.finditer(before, max(0, len(before) - 14)):
        if separator.end() == len(before):
            break
    if separator is None or separator.end() != len(before):
        return None
    item = _LIST_ITEM_LEFT.search(before[max(0, separator.start() - 60) : separator.start()])
    if item is None:
        return None
    offset = max(0, separator.start() - 60)
    return offset + item.start(1), separator.start()


def _item_right(sentence: str, position: int) -> tuple[int, int] | None:
    separator = _LIST_SEPARATOR.match(sentence, position)
    if separator is None:
        return None
    item = _LIST_ITEM_RIGHT.match(sentence[separator.end() : separator.end() + 60])
    if item is None:
        return None
    return separator.end(), separator.end() + item.end()
