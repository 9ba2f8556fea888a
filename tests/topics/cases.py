"""Small articles, one for each way in which a name can mislead. All invented."""

from __future__ import annotations

from dataclasses import dataclass

NOT_FLAGGED = ("none", "mention")
FLAGGED = ("substantial", "primary")


@dataclass(frozen=True)
class Case:
    """An article and the levels that a careful reader would accept."""

    name: str
    text: str
    levels: tuple[str, ...]
    title: str = ""
    countries: tuple[str, ...] | None = None


# Filler about somewhere else, so that a passing name stays a passing name.
ELSEWHERE = (
    "The Senate voted on Tuesday to send more artillery to Ukraine. Senior Republicans said that "
    "Washington had waited too long, and that Moscow would read any delay as weakness.\n\n"
    "European ministers meeting in Brussels promised to match the American offer. Germany said "
    "that its factories would deliver shells by the autumn, and Poland offered its railways.\n\n"
    "Critics in Congress replied that nobody had explained how the war would end. The Pentagon "
    "declined to comment on the number of advisers in Kyiv."
)

CASES = (
    # ------------------------------------------------------------ lookalikes: none
    Case(
        "Iraqi Turkmen",
        "Turkmen parties in Kirkuk accused the Kurdish bloc of rigging the vote for the provincial "
        "council.\n\nThe Turkmen, who make up the third largest group in Iraq, say that their "
        "villages around Tal Afar were never rebuilt. A Turkmen leader asked Ankara for help.",
        ("none",),
        "Iraq's Turkmen reject result of Kirkuk vote",
    ),
    Case(
        "Syrian Turkmen",
        "Russian jets struck Turkmen villages near the Turkish border on Sunday. Turkmen fighters "
        "in Latakia said that twelve people had died.\n\nTurkey regards the Turkmen as kin and "
        "has armed several of their brigades against Assad.",
        ("none",),
        "Strike on Turkmen mountain angers Ankara",
    ),
    Case(
        "ethnic Uzbeks and Tajiks in Afghanistan",
        "Abdul Rashid Dostum, the Uzbek general, returned to Mazar-i-Sharif from exile. Tajik "
        "commanders of the old Northern Alliance kept away.\n\nAfghanistan's Uzbeks and Tajiks "
        "have been shut out of the Taliban cabinet, in which Pashtuns hold nearly every post. An "
        "Uzbek mayor in Faryab was dismissed last month, and Tajik officers in Panjshir were held.",
        ("none",),
        "Afghanistan's minorities wait for a share of power",
    ),
    Case(
        "Afghan Badakhshan",
        "A landslide buried forty houses in Badakhshan, a province in the north-east of "
        "Afghanistan, officials in Kabul said. The Taliban sent two helicopters to Faizabad.",
        ("none",),
        "Landslide kills dozens in Badakhshan",
    ),
    Case(
        "East Turkestan and the Uyghurs",
        "Beijing has blamed the East Turkestan Islamic Movement for the attack in Urumqi. Uyghur "
        "groups abroad say that the movement hardly exists.\n\nThe Turkistan Islamic Party has "
        "fought in Syria since 2013.",
        ("none",),
        "The long shadow of East Turkestan",
    ),
    Case(
        "Turkey against Turkmenistan",
        "Turkey raised its rates again on Thursday. The Turkish lira fell, and Turks bought gold.",
        ("none",),
        "Turkey raises rates",
    ),
    Case(
        "given names and nouns",
        "Mary Osh of Manas, Illinois, read Kant on the train to Aral Street. Her dog Talas "
        "slept.\n\nStan, a neighbour, has stans of his own: he sings in a bar. OSH rules forbid "
        "smoking.",
        ("none",),
        "Mary's afternoon",
    ),
    Case(
        "Kazakh in Azerbaijan",
        "Armenian troops withdrew from four villages of the Kazakh district on the border with "
        "Azerbaijan. Residents of Tavush blocked the road to Kazakh in protest.\n\nPashinyan said "
        "that the Kazakh villages had never been Armenian.",
        ("none",),
        "Armenia hands four villages to Azerbaijan",
    ),
    Case(
        "Central African Republic",
        "Rebels attacked a town north of Bangui in the Central African Republic. UN peacekeepers "
        "from Rwanda drove them off.",
        ("none",),
        "Rebels attack town in Central African Republic",
    ),
    Case(
        "Central African Republic, misprinted",
        "Wagner guards President Touadera in the Central Asian Republic, where its men have held "
        "the gold mines near Bambari since 2018. Seleka fighters still hold the north.\n\nIn "
        "Bangui, the capital, Russian flags are sold at the roundabouts.",
        ("none",),
        "Wagner after Prigozhin",
    ),
    Case(
        "dogs",
        "The Central Asian shepherd dog is a large breed that needs space. Breeders say that "
        "puppies should meet other dogs early, and that the coat needs brushing.",
        ("none",),
        "Choosing a guardian: the Central Asian Shepherd",
    ),
    Case(
        "carpets",
        "A Turkmen carpet of the nineteenth century fetched 40,000 pounds at auction. Dealers "
        "prize Bokhara rugs for their deep red; the Kazak rug, from the Caucasus, sold below its "
        "estimate.",
        ("none",),
        "Carpets hold their price",
    ),
    Case(
        "a restaurant",
        "Samarkand, which opened in the arcade last month, serves lamb that falls from the bone. "
        "The chef learned his plov from his mother. The menu is short, the waiters are kind, and "
        "dinner for two is under sixty dollars.",
        NOT_FLAGGED,
        "Samarkand: a feast in Queens",
    ),
    Case(
        "a hotel and a novel",
        "Her second novel, Nights in Bukhara, follows a hotel pianist through wartime Lisbon. The "
        "prose is spare, the plot is thin and the chapters are short. The heroine never leaves "
        "the lobby.",
        NOT_FLAGGED,
        "Nights in Bukhara",
    ),
    Case(
        "art history",
        "The museum has hung thirty miniatures of the school of Bukhara beside Safavid albums. A "
        "curator points to the blue of Samarkand's tilework, which Timurid painters copied in "
        "manuscripts for a century.\n\nThe exhibition closes in May. The catalogue is superb.",
        NOT_FLAGGED,
        "The painters of the court",
    ),
    Case(
        "a cycling team",
        "Astana Qazaqstan controlled the peloton until the last climb, where its Italian rider "
        "attacked. Astana now leads the team standings. The stage was won in a sprint.",
        NOT_FLAGGED,
        "Vuelta, stage nine",
    ),
    Case(
        "the other stans",
        "Fighting spread from Waziristan to Baluchistan, and drones fell on Tatarstan and "
        "Dagestan.",
        ("none",),
        "A bad week from Pakistan to Russia",
    ),
    # ------------------------------------------------------------ mentions
    Case(
        "a list of countries",
        ELSEWHERE + "\n\nBrazil, Kazakhstan, Kenya and Norway abstained.",
        ("mention",),
        "Senate votes for more shells",
    ),
    Case(
        "a range of regions",
        ELSEWHERE + "\n\nInstability now stretches from the Balkans to Central Asia.",
        ("mention",),
        "Senate votes for more shells",
    ),
    Case(
        "the place of a meeting",
        "Putin and Modi spoke for an hour on the edge of a summit in Astana, and agreed to "
        "trade in rupees. India buys a third of its oil from Russia.\n\n" + ELSEWHERE,
        ("mention",),
        "Modi and Putin talk oil",
    ),
    Case(
        "the Astana process",
        "Russia, Turkey and Iran will hold another round of the Astana process on Syria. The "
        "Astana guarantors failed to stop the fighting in Idlib, and Damascus ignored them.\n\n"
        + ELSEWHERE,
        ("mention",),
        "Syria talks resume",
    ),
    Case(
        "a national suspected of a crime",
        "An Uzbek man was arrested in New York on Tuesday after a truck struck eight people on a "
        "bicycle path. Police said that the Uzbek national had rented it in New Jersey.\n\n"
        "The mayor called it an act of terror. Trump demanded an end to the visa lottery.",
        NOT_FLAGGED,
        "Truck attack in Manhattan",
    ),
    Case(
        "a biography",
        ELSEWHERE + "\n\nAnna Field is a fellow at the Center for the National Interest. She was a "
        "correspondent in Almaty and has written on Uzbekistan.",
        ("mention",),
        "The shells question",
    ),
    Case(
        "a match report",
        "Kairat Almaty held Real Madrid to a draw in the Champions League. The goalkeeper saved a "
        "penalty kick, and the striker from Kazakhstan hit the post before half-time. The "
        "coach praised his players, who had flown nine hours for the match.",
        NOT_FLAGGED,
        "Kairat hold Madrid to a goalless draw",
    ),
    Case(
        "a launch from Baikonur",
        "A Soyuz rocket carried two cosmonauts and a NASA astronaut to the International Space "
        "Station on Friday. The spacecraft lifted off from Baikonur in Kazakhstan and docked three "
        "hours later.\n\nThe crew will stay in orbit for eight months. NASA pays Roscosmos for no "
        "seats any more; the two agencies swap them.",
        NOT_FLAGGED,
        "Crew reaches space station",
    ),
    Case(
        "ethnic Kazakhs in Xinjiang",
        "Uyghurs and ethnic Kazakhs in Xinjiang were taken to camps, former detainees told the "
        "tribunal in London. Beijing denies it.\n\nA Kazakh woman said that she had been made to "
        "teach in one. The Uyghur witnesses described forced sterilisation.",
        NOT_FLAGGED,
        "Tribunal hears of camps in Xinjiang",
    ),
    Case(
        "wider formats alone",
        "Pakistan will attend the SCO meeting in Goa. India has chaired the Shanghai Cooperation "
        "Organization since last year, and the CSTO sent observers.",
        ("none",),
        "Bilawal to visit Goa",
    ),
    # ------------------------------------------------------------ flagged
    Case(
        "a brief",
        "Kyrgyzstan's parliament on Wednesday passed a law that labels groups with foreign money "
        "as agents. President Sadyr Zhaparov has a month to sign it.",
        ("primary",),
        "Kyrgyz parliament passes foreign agents law",
        ("KG",),
    ),
    Case(
        "all capitals and a typing error",
        "Police in Kazakstan detained a dozen people in the city of Almaty after a rally. The "
        "interior ministry said that they would be fined.",
        ("primary",),
        "KAZAKHSTAN POLICE BREAK UP RALLY",
        ("KZ",),
    ),
    Case(
        "one section of a long article",
        "\n\n".join([ELSEWHERE] * 4)
        + "\n\nThe view from Tashkent is different. Uzbekistan has refused to recognise the "
        "annexed provinces, and its banks stopped taking Russian cards in September. Mirziyoyev "
        "told his ministers to find other routes for cotton. The Uzbek government fears that its "
        "two million migrants in Russia will be sent to the front.\n\n"
        + "\n\n".join([ELSEWHERE] * 4),
        ("substantial",),
        "A year of shells",
        ("UZ",),
    ),
    Case(
        "Tajik migrants after an attack",
        "Russian police have raided hostels since the attack on Crocus City Hall. Tajik migrants "
        "say that they are beaten at checkpoints, and thousands have gone home. Tajikistan has "
        "protested to Moscow, which needs their labour and now fears them. Remittances make up "
        "almost half of Tajikistan's economy, and Dushanbe has few jobs to offer.\n\n" + ELSEWHERE,
        FLAGGED,
        "Moscow after the massacre",
        ("TJ",),
    ),
    Case(
        "Tajikistan and the Taliban",
        "Tajikistan has refused to recognise the Taliban. President Emomali Rahmon says that the "
        "Tajiks of Afghanistan must have a share of power, and his army has held exercises on the "
        "border with Badakhshan.\n\nDushanbe shelters leaders of the Panjshir resistance. The "
        "Taliban call this interference, and the Tajik ambassador has left Kabul.",
        ("primary",),
        "Tajikistan stands alone against the Taliban",
        ("TJ",),
    ),
    Case(
        "Turkmen gas for Iraq",
        "Turkmenistan will send gas to Iraq by way of Iran under a deal signed in Ashgabat. "
        "Turkmen officials said that deliveries would begin in the winter.\n\nBaghdad needs the "
        "Turkmen gas for its power stations, since Iran cannot supply enough.",
        ("primary",),
        "Turkmenistan and Iraq sign gas swap",
        ("TM",),
    ),
    Case(
        "the region as a whole",
        "Central Asia has learned to play its neighbours against each other. The region sells its "
        "metals to China, its labour to Russia and its smile to everyone else.\n\nNone of the "
        "Central Asian governments wants to choose. Washington should not ask them to.",
        ("primary",),
        "How Central Asia bargains",
        (),
    ),
    Case(
        "two states evenly",
        "Kyrgyzstan and Tajikistan have signed a treaty on their border, thirty-four years after "
        "the Soviet Union fell.\n\nIn Batken, where Kyrgyz villages burned in 2022, people are "
        "wary. In Isfara, on the Tajik side, the bazaar has opened again. Japarov and Rahmon "
        "will meet in Khujand.",
        ("primary",),
        "An end to the border war",
        ("KG", "TJ"),
    ),
    Case(
        "Cyrillic",
        "Президент Казахстана Касым-Жомарт Токаев заявил, что Астана не признает аннексию. "
        "Казахстанские банки прекратили обслуживание российских карт.",
        ("primary",),
        "Казахстан не признал аннексию",
        ("KZ",),
    ),
    Case(
        "German",
        "In Taschkent hat Präsident Mirsijojew die Wahl gewonnen. Usbekistan bleibt ein autoritär "
        "regierter Staat, und die usbekische Opposition lebt im Ausland.",
        ("primary",),
        "Wahl in Usbekistan",
        ("UZ",),
    ),
    # ------------------------------------------------------------ who speaks of whom
    Case(
        "one item of a round-up",
        "Georgia: Police used water cannon in Tbilisi for the hundredth night.\n\n"
        "Kyrgyzstan: Parliament voted to dissolve itself, clearing the way for early elections. "
        "The president denied that he would bring forward his own.\n\n"
        "Belarus: Fifty-two prisoners were freed after a visit by an American envoy.\n\n"
        "Moldova: Voters gave the ruling party a majority, to general surprise.",
        FLAGGED,
        "The week in Eurasia",
        ("KG",),
    ),
    Case(
        "the region goes on as the region and the five",
        "Central Asia has been found again. A dinner was given for the five presidents, and a "
        "number was put into the format.\n\n"
        "What do the five governments want? They do not want to be freed from Russia, to which "
        "pipelines and wages bind them. In the region they call it a third option.\n\n"
        "No American president has set foot in the region. Xi Jinping has come a dozen times.\n\n"
        "Central Asia is worth a visit, and the region would take note of one.",
        ("primary",),
        "A map, rolled up again",
        (),
    ),
    Case(
        "the region of another article is another region",
        "Gulf rulers who cheered the bombs now fear the answer. Iran has a treaty with Moscow "
        "and joined a bloc with India and Central Asia. It did not help.\n\n"
        "Every government in the region has asked Washington for assurances. The region's oil "
        "leaves through a strait. The five states of the region that export gas are nervous.",
        NOT_FLAGGED,
        "Iran counts its friends",
    ),
    Case(
        "a traveller is not the state that she visits",
        "She has stood on all of the fourteen highest mountains. Her training took her to Alaska "
        "and to Kyrgyzstan, where she spent two summers. She fell there and broke a wrist. She "
        "went back the next year.\n\nOn Nanga Parbat she lost two toes. Her next book will be "
        "about knitting, and her publisher in Oslo is worried.",
        NOT_FLAGGED,
        "She climbed all fourteen",
    ),
    Case(
        "trade between two states is about both",
        ELSEWHERE
        + "\n\nExports from Germany to Kyrgyzstan rose twelvefold after 2022. Kyrgyzstan sold the "
        "goods on, and its banks were put on a list. The government in Bishkek promised to "
        "comply, and parliament passed a law.\n\n" + ELSEWHERE,
        ("substantial",),
        "The case against more sanctions",
        ("KG",),
    ),
    Case(
        "states that end a row of strangers",
        "More than twenty leaders came, among them Iran's Pezeshkian, Turkey's Erdogan, Lukashenko "
        "of Belarus and the presidents of Kazakhstan and Uzbekistan. Most stayed for the parade.",
        NOT_FLAGGED,
        "Xi takes the salute",
    ),
    Case(
        "an exhibition of loans",
        "The curators have banned camels from this exhibition at the British Museum. The objects "
        "run from Nara to Sutton Hoo.\n\nTajikistan has sent a charred panel, and Uzbekistan the "
        "paintings of Afrasiab. Both are on loan for the first time. The catalogue is heavy, the "
        "gallery is dark, and the Buddha from Swat is no taller than a bottle.",
        NOT_FLAGGED,
        "Everything flows",
    ),
    Case(
        "the tenge stands for the state",
        "The tenge weakened past 540 to the dollar on Thursday, its lowest close on record. "
        "Dealers named cheap oil.\n\nThe National Bank kept its base rate at 18%. Inflation in "
        "Kazakhstan ran at 12.9%.",
        ("primary",),
        "Tenge touches record low",
        ("KZ",),
    ),
)
