"""Requests to the reader to give, subscribe, join, follow or share.

Each pattern stands with words of which one must occur, so that most paragraphs
are done with after a few look-ups.
"""

from __future__ import annotations

import re

_OURS = r"(?:our|this|the|independent|quality|fearless|nonprofit|non-profit)"
_WORK = (
    r"(?:work|journalism|reporting|mission|newsroom|coverage|analysis|writers|site|website|outlet"
    r"|publication|magazine|project)"
)
_LETTER = (
    r"(?:newsletters?|mailing list|e-?mail (?:list|updates?)|(?:weekly|daily|monthly) (?:round-?up"
    r"|digest|update|briefing|e-?mail)|round-?up|e-?mail alerts|podcast|bulletin|digest)"
)
_GIFT = r"(?:donations?|gifts?|contributions?|pledge|support)"
_GOOD = (
    r"(?:value|valued|like|liked|enjoy|enjoyed|appreciate|appreciated|found|find|rely|depend"
    r"|believe|care|want|love|benefit|think|agree|share|got|can|read)"
)
_DO = (
    r"(?:consider|please|donat\w+|support\w*|subscrib\w*|sign up|join\w*|shar(?:e|ing)|help\w*"
    r"|give|giving|becom\w+|chip in|contribut\w+)"
)
_MONEY = (
    r"(?:[$€£]\s?\d|\b(?:an?|one|two|three|five|ten|twenty|\d+)"
    r" (?:dollars?|euros?|pounds?|coffee)\b)"
)
# What tells "would you …?" to a reader from the same in an interview.
_FAVOR = (
    rf"(?:{_MONEY}|\b(?:a|an|your|another) (?:\S+ ){{0,3}}(?:gift|donation|contribution|pledge)\b"
    rf"|\b(?:member|supporter|donor|subscriber)(?: (?:today|now|here|of us)\b|\W*$)"
    rf"|\bour (?:\w+ ){{0,2}}(?:{_WORK}|goal|drive|campaign|{_LETTER})\b"
    rf"|\bus(?: (?:today|now|with (?:a|your)|this (?:year|month|week|season))\b|\W*(?:[?!]|$)))"
)
_SENTENCE = r"(?:^|[.!?:]\W+)(?:please |so |then |and )*"

# Only the outlet itself says so, and only to its reader.
_PLAIN_REQUESTS: tuple[tuple[str, str], ...] = (
    (
        "help",
        rf"{_SENTENCE}help us\b.{{0,30}}\b(?:bring|give|offer|deliver|provide|tell) you\b"
        rf"|{_SENTENCE}help us (?:keep|continue) (?:reporting|publishing|covering|writing)\b",
    ),
    (
        "become",
        rf"{_SENTENCE}become an? us\b|(?:{_SENTENCE}|\b(?:will|would|won't) you )become an? "
        r"(?:sustaining |monthly |founding |paid |paying |annual |regular )*"
        r"(?:(?:supporter|donor|patron|subscriber|sustainer)\b|member (?:today|now|here|and help)\b"
        r"|member\W*$)",
    ),
    (
        "matched doubled tripled match double triple matching doubling",
        r"\b(?:your (?:\w+ ){0,3}(?:gifts?|donations?|contributions?|dollars?)"
        r"|(?:every|each) (?:\w+ ){0,3}(?:gift|donation|contribution|dollar) you (?:give|make))"
        r" (?:will be|is|are|gets?) (?:matched|doubled|tripled)\b"
        r"|\b(?:match|double|triple)(?:ing)? your (?:gift|donation|contribution|impact)\b",
    ),
    (
        "follow",
        r"\bfollow us (?:on|at|via) (?:social|twitter|x\b|facebook|bluesky|instagram|telegram"
        r"|youtube|linkedin|threads|mastodon|whatsapp|tiktok)|^\W*follow us\W*$",
    ),
    ("chip pitch", rf"{_SENTENCE}(?:chip|pitch) in \$?\d"),
    (
        "join",
        rf"{_SENTENCE}join (?:\w+ ){{0,3}}(?:[\d,.]+|thousands|hundreds)\b.{{0,40}}\bwho (?:\w+ )?"
        r"(?:get|receive|read|follow|support|fund)\b.{0,20}\b(?:our|us|this)\b",
    ),
    (
        "every everyone",
        r"\bif every(?:one)?\b[^.]{0,40}\b(?:read\w*|us|you)\b[^.]{0,40}"
        rf"\b(?:gave|give|gives|chipped in|donated|paid|pledged)\b[^.]{{0,40}}{_MONEY}",
    ),
    (
        "miss",
        r"\b(?:do(?:n't| not)|never) miss (?:our (?:\w+ ){0,2}(?:podcast|newsletter|events?|issue"
        r"|webinar|show|briefing|coverage|stories)|the next (?:issue|episode|edition))\b",
    ),
    (
        "podcast app",
        rf"{_SENTENCE}(?:listen to|subscribe to|download|try|follow|get) (?:our|us|the us)"
        r"(?: \w+)? (?:podcast|app)\b",
    ),
    (
        "tell forward pass",
        r"\btell (?:a friend|your friends) about (?:us|this)\b"
        r"|\b(?:forward|pass) (?:it|this)(?: \w+)? (?:on )?to a (?:friend|colleague)\b",
    ),
    ("tip", rf"{_SENTENCE}leave (?:us )?a tip\b"),
    ("share", r"^\W*(?:please )?share this (?:article|story|piece|post|page)\b"),
    (
        "thank thanks",
        rf"{_SENTENCE}(?:thanks|thank you)(?: so much| very much)? for (?:reading|subscribing)\b",
    ),
    (
        "enter submit leave sell share unsubscribe",
        r"\b(?:enter|submit|leave) your e-?mail\b|\bwe (?:will|'ll) never (?:share|sell) your\b"
        r"|\byou (?:can|may) unsubscribe\b|\bunsubscribe at any time\b",
    ),
)
# An appeal says so as a rule, but others may, too.
_REQUESTS: tuple[tuple[str, str], ...] = (
    (
        "consider considering",
        r"(?:^|[.!?:,;—–]\W+|\b(?:please|kindly|also|and|you(?:'ll| will| would| might| could)?) )"
        r"consider(?:ing)? (?:a|an|making|giving|becoming|donating|supporting|joining"
        rf"|subscribing)\b.{{0,60}}\b(?:{_GIFT}|donating|giving|member|supporter|donor|us|{_WORK}|{_LETTER})\b",
    ),
    (
        "make send give offer",
        rf"\b(?:make|send|give|offer) (?:us )?(?:a|an|your|the)\b.{{0,50}}\b{_GIFT}\b.{{0,40}}"
        r"\b(?:today|now|here|to us|to (?:our|support|help|keep)|this (?:year|month|season))\b",
    ),
    ("make give send", rf"{_SENTENCE}(?:make|give|send) (?:a|your)\b.{{0,40}}\b{_GIFT}\b"),
    (
        "donate give chip pitch contribute",
        rf"{_SENTENCE}(?:donate|give|chip in|pitch in|contribute)(?: (?:now|today|here|to (?:us"
        r"|our)|online|monthly|what you can|whatever you can|generously|(?:before|by) midnight)\b"
        r"|\W*$)",
    ),
    (
        "donate chip pitch subscribe sign support give contribute help",
        r"\b(?:please|can you|will you|would you|won't you)\b.{0,40}\b(?:donate|chip in|pitch in"
        r"|subscribe|sign up|support us(?! (?:in|on|against|when|if)\b)|contribute"
        r"|help us(?: out| today| now)?(?=\W*(?:[.?!]|$))|give (?:today|now|what|generously))\b",
    ),
    (
        "donate chip pitch subscribe sign give",
        r"\b(?:donate|chip in|pitch in|subscribe|sign up|give) (?:today|now|here|below)\b",
    ),
    (
        "subscribe sign signing subscribing register get",
        rf"\b(?:subscribe|sign up|signing up|subscribing|register)\b.{{0,40}}\b(?:our|free)\b"
        rf".{{0,40}}\b{_LETTER}|{_SENTENCE}(?:subscribe|sign up|register|get)\b.{{0,40}}"
        rf"\b(?:our|free|us|{_LETTER})\b",
    ),
    ("subscribe", r"(?:[.!?,;]| and) subscribe\W*$"),
    ("giving", rf"\bby giving (?:{_MONEY}|a gift|what you)"),
    (
        "matched doubled tripled twice",
        r"\b(?:every|each|all) (?:dollars?|gifts?|donations?|contributions?)"
        r" (?:is|are|will be|gets?|counts?)(?: now| being)? (?:matched|doubled|tripled|twice)\b"
        r"(?! by)",
    ),
    (
        "join",
        r"\b(?:subscribers|readers|members|supporters|donors)\b.*[.!?:;—–]\W*join them\b",
    ),
    (
        "inbox mailbox",
        r"\b(?:in|to|into) your (?:e-?mail )?(?:inbox|mailbox)\b"
        r"|\b(?:straight|directly|delivered|right)\b.{0,30}\b(?:your|the) (?:e-?mail )?inbox\b",
    ),
    ("delivered", r"\bdelivered to (?:you|your (?:door|e-?mail|phone))\b"),
    (
        "miss",
        r"\bdo(?:n't| not) miss (?:a beat|out\b|an? (?:issue|story|article|update|thing))"
        r"|\bnever miss (?:a|an|our)\b",
    ),
    (
        "become becoming",
        r"\bbecom(?:e|ing) an? (?:sustaining |monthly |founding |paid |paying |annual |regular )*"
        r"(?:member|supporter|donor|patron|subscriber|sustainer)\b(?! of (?:the |parliament|nato))",
    ),
    (
        "support supporting fund sustain back",
        r"(?<!would you )\b(?:support|supporting|fund|sustain|back) (?:our|this kind of|independent"
        rf"|fearless) (?:\w+ ){{0,2}}{_WORK}\b",
    ),
    (
        "support",
        rf"{_SENTENCE}support (?:us|(?:independent )?"
        r"(?:journalism|reporting))\b|\bsupport us (?:today|now|here|with|by|in our)\b",
    ),
    (
        "help",
        r"\bhelp us\b.{0,30}\b(?:keep|continue|reach|grow|raise|expand|produce|publish|bring|cover"
        r"|stay|remain|build|meet|sustain|spread|do more|tell more)\b",
    ),
    (
        "help",
        rf"{_SENTENCE}help (?:keep|sustain|fund|support|make) (?:{_OURS}|us\b).{{0,40}}"
        rf"\b(?:{_WORK}|alive|going|free|possible|independent)\b",
    ),
    (
        "your each every",
        rf"\b(?:your|each|every) (?:\S+ ){{0,3}}(?:{_GIFT}|generosity|subscription|membership"
        r"|dollars?)\b(?! of (?!any)).{0,80}\b(?:keeps?|helps?|makes?|allows?|enables?|ensures?"
        r"|funds?|sustains?|powers?|matters|counts|goes|will|is|are|can|means)\b.{0,80}"
        r"\b(?:us|we|our|possible|independent journalism|reporting|deductible)\b",
    ),
    (
        "deductible exempt",
        rf"\byour tax[- ](?:deductible|exempt)\b|\btax[- ](?:deductible|exempt)"
        rf" (?:year-end |end-of-year |monthly )?{_GIFT}\b.{{0,40}}\b(?:today|to us|to our)\b",
    ),
    (
        "if",
        rf"\bif you(?:'ve|'re| have| are)?(?: also| too)? {_GOOD}\b.{{0,120}}\b(?:{_WORK}|articles?"
        r"|stories|newsletter|piece|content|reading|donat\w+|gift|contribut\w+|subscri\w+|chip in"
        rf"|rely on us|what we do|us)\b.{{0,120}}\b{_DO}\b",
    ),
    (
        "if",
        r"\b(?:support us|donate|subscribe|chip in|join us)\b.{0,80}\bif you"
        r" (?:value|like|enjoy|appreciate|rely|believe|can)\b",
    ),
    (
        "thank thanks grateful",
        r"\bthank(?:s| you)(?: so much| very much)? for (?:reading|subscribing"
        r"|being (?:a|an|our|part)|(?:all )?your (?:\w+ )?(?:support|readership|generosity|trust"
        r"|interest|donations?|gifts?|contributions?|attention))"
        r"|\b(?:thank(?:s| you)|grateful) to (?:all )?(?:of )?(?:our|you,? our|you) (?:\w+ )?"
        r"(?:readers?|supporters?|donors?|members?|subscribers?)\b",
    ),
    (
        "we",
        r"\bwe(?:'d)? (?:hope|ask|invite|urge|encourage|would like|kindly ask|are asking|need"
        r"|want)\b.{0,30}\b(?:you|your|readers)\b.{0,60}\b(?:donat\w+|subscrib\w+|contribut\w+|gift"
        r"|giving|join (?:us|our)|share (?:this|it)|support (?:us|our)|help us|follow us"
        r"|sign up|(?:your|continued) support|consider (?:support|becom|join)\w*)\b",
    ),
    ("stand", rf"{_SENTENCE}stand with us\b"),
    (
        "you",
        r"\b(?:will|won't|would|can|can't|could) you (?:please )?(?:(?:donate|chip in|pitch in)\b"
        r"|(?:make|give|support|join|help|consider|become|stand with|match|spare|add|pledge)\b"
        rf"[^.?!,;]{{0,60}}?{_FAVOR})",
    ),
    ("ask asks", r"\bus asks? (?:you|for your)\b"),
    ("count counting", r"\b(?:we|us) (?:\w+ )?count(?:ing)? on you(?:r support|r help)?\b"),
    ("support", rf"\bsupport (?:it|us|them|our \w+) with (?:a|your) {_GIFT}\b"),
    ("keep keeps", r"\bkeeps? us (?:running|going|alive|free|independent|afloat|strong)\b"),
    (
        "readers people supporters donors",
        r"\b(?:readers|people|supporters|donors) like you (?:who |to )?(?:fund|make|keep|power|pay"
        r"|chip|give|donate|support|contribut|step)",
    ),
    (
        "you",
        rf"\byou can (?:make|give|send) (?:a|an|your) (?:\S+ )?{_GIFT} (?:at|through|on) \S+\.\w+",
    ),
    ("give", rf"{_SENTENCE}give the gift of\b"),
    (
        "rely relies depend depends",
        r"\b(?:we|us|our work|our journalism) (?:\w+ )?(?:rel(?:y|ies)|depends?) (?:\w+ )?on"
        r" (?:(?:\w+ )?(?:readers?|donations?|contributions?|supporters?|donors?)|you\b|your"
        r"|the (?:generosity|support))",
    ),
    (
        "follow",
        r"\bfollow (?:us|@\w+) (?:on|at|via)\b|^\W*follow us\W*$"
        r"|^\W*follow (?:us|@\w+)\b.{0,30}\b(?:social|twitter|facebook|bluesky|x)\b",
    ),
    (
        "like find join",
        r"^\W*(?:like|find|join) us on (?:facebook|twitter|x|instagram|bluesky|telegram|youtube"
        r"|linkedin|social)\b",
    ),
    (
        "join",
        rf"{_SENTENCE}join (?:(?:the )?us|our|thousands|the thousands|over|more than)\b.{{0,80}}"
        rf"\b(?:{_LETTER}|subscribers?|readers|members|community (?:of|today)|supporters|donors"
        r"|today)\b",
    ),
    (
        "subscribe sign donate support get newsletter newsletters join become stay",
        r"^\W*(?:subscribe|sign up|donate|support us|get our|newsletters?|join us|become a member"
        r"|stay (?:informed|in the loop|up to date|connected))\W*$",
    ),
    (
        "stay",
        r"\bstay (?:informed|up to date|in the loop|connected)\b.{0,60}"
        r"\b(?:our|subscribe|sign up|newsletter|inbox)\b",
    ),
)
_TABLE = tuple(
    (weight, triggers.split(), re.compile(pattern, re.IGNORECASE))
    for weight, requests in ((4.0, _PLAIN_REQUESTS), (3.0, _REQUESTS))
    for triggers, pattern in requests
)
_PLACES: dict[str, list[int]] = {}  # in the table, by the words there
for _place, _request in enumerate(_TABLE):
    for _word in _request[1]:
        _PLACES.setdefault(_word, []).append(_place)
ASKING_WORDS = frozenset(_PLACES)
"""Words of which every request has one."""


def asking_weight(text: str, tokens: frozenset[str]) -> float:
    """How plainly `text` puts such a request to its reader: 0, 3, or 4 if nobody else would.

    Args:
        text: a paragraph without quoted speech, with the outlet's own name replaced by "us".
        tokens: its lower-cased words of letters.
    """
    for place in sorted({place for word in ASKING_WORDS & tokens for place in _PLACES[word]}):
        weight, _, pattern = _TABLE[place]
        if pattern.search(text):
            return weight  # the plainest stand first
    return 0.0
