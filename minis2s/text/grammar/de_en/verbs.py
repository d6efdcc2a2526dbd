"""Verbs of the German-English grammar, by what they need around them.

English verbs whose past looks like their present (read, put, cut) are left out, so that
the English sentence, too, has one translation.
"""

import re
from dataclasses import dataclass

from minis2s.text.grammar import english, german


@dataclass(frozen=True)
class Verb:
    """A verb of both languages, and the kinds of nouns around it."""

    german: german.Verb
    english: english.Verb
    subjects: frozenset[str]
    objects: frozenset[str]

    def __str__(self) -> str:
        return self.german.infinitive


def _verbs(table: str, subjects: str = "person") -> list[Verb]:
    """Verbs of a table, where an entry may go on after a line break before "="."""
    entries = re.sub(r"\s+=", " =", table.strip()).splitlines()
    return [_verb(entry, subjects) for entry in entries]


def _verb(line: str, subjects: str) -> Verb:
    """A verb from "an|rufe rufst ..., angerufen = call calls called: person"."""
    de, _, en = line.partition("=")
    en, _, objects = en.partition(":")
    present, participle = de.split(",")
    prefix, _, present = present.rpartition("|")
    auxiliary, _, participle = participle.strip().rpartition(" ")
    return Verb(
        german.Verb(
            tuple(present.split()), participle, prefix.strip(), auxiliary == "ist"
        ),
        english.verb(en),
        frozenset(subjects.split()),
        frozenset(objects.split()),
    )


TRANSITIVE = [
    *_verbs(
        """
        kaufe kaufst kauft kaufen kauft, gekauft
            = buy buys bought: food paper clothes thing machine
        verkaufe verkaufst verkauft verkaufen verkauft, verkauft
            = sell sells sold: food paper clothes thing machine
        besuche besuchst besucht besuchen besucht, besucht
            = visit visits visited: person
        esse isst isst essen esst, gegessen = eat eats ate: food
        schreibe schreibst schreibt schreiben schreibt, geschrieben
            = write writes wrote: letter paper
        wasche wäschst wäscht waschen wascht, gewaschen
            = wash washes washed: animal clothes
        """
    ),
    *_verbs(
        """
        sehe siehst sieht sehen seht, gesehen
            = see sees saw: person animal thing machine
        suche suchst sucht suchen sucht, gesucht
            = look looks looked _for: person animal food thing
        finde findest findet finden findet, gefunden
            = find finds found: person animal food thing
        höre hörst hört hören hört, gehört = hear hears heard: person animal
        """,
        "person animal",
    ),
]
TRANSITIVE_SEPARABLE = _verbs(
    """
    an|rufe rufst ruft rufen ruft, angerufen = call calls called: person
    ab|hole holst holt holen holt, abgeholt = pick picks picked +up: person
    ein|lade lädst lädt laden ladet, eingeladen = invite invites invited: person
    an|sehe siehst sieht sehen seht, angesehen
        = look looks looked _at: person animal clothes thing machine
    auf|mache machst macht machen macht, aufgemacht = open opens opened: door
    zu|mache machst macht machen macht, zugemacht = close closes closed: door
    weg|werfe wirfst wirft werfen werft, weggeworfen
        = throw throws threw +away: food letter paper clothes thing
    auf|esse isst isst essen esst, aufgegessen = eat eats ate +up: food
    an|probiere probierst probiert probieren probiert, anprobiert
        = try tries tried +on: clothes
    mit|nehme nimmst nimmt nehmen nehmt, mitgenommen
        = take takes took +along: animal food letter paper clothes thing
    """
)
DATIVE = [
    *_verbs(
        """
        helfe hilfst hilft helfen helft, geholfen = help helps helped: person animal
        danke dankst dankt danken dankt, gedankt = thank thanks thanked: person
        zu|höre hörst hört hören hört, zugehört = listen listens listened _to: person
        """
    ),
    *_verbs(
        """
        folge folgst folgt folgen folgt, ist gefolgt
            = follow follows followed: person animal
        """,
        "person animal",
    ),
]
GIVING = _verbs(
    """
    gebe gibst gibt geben gebt, gegeben
        = give gives gave: food letter paper clothes thing
    zeige zeigst zeigt zeigen zeigt, gezeigt
        = show shows showed: animal letter paper clothes thing machine
        = send sends sent: paper clothes thing
    """
)
INTRANSITIVE = [
    *_verbs(
        """
        lache lachst lacht lachen lacht, gelacht = laugh laughs laughed
        weine weinst weint weinen weint, geweint = cry cries cried
        arbeite arbeitest arbeitet arbeiten arbeitet, gearbeitet = work works worked
        tanze tanzt tanzt tanzen tanzt, getanzt = dance dances danced
        """
    ),
    *_verbs(
        """
        schlafe schläfst schläft schlafen schlaft, geschlafen = sleep sleeps slept
        warte wartest wartet warten wartet, gewartet = wait waits waited
        spiele spielst spielt spielen spielt, gespielt = play plays played
        """,
        "person animal",
    ),
]
INTRANSITIVE_SEPARABLE = _verbs(
    """
    auf|stehe stehst steht stehen steht, ist aufgestanden = get gets got +up
    an|komme kommst kommt kommen kommt, ist angekommen = arrive arrives arrived
    zurück|komme kommst kommt kommen kommt, ist zurückgekommen = come comes came +back
    """
)
MOTION = _verbs(
    """
    gehe gehst geht gehen geht, ist gegangen = go goes went
    laufe läufst läuft laufen lauft, ist gelaufen = run runs ran
    komme kommst kommt kommen kommt, ist gekommen = come comes came
    """,
    "person animal",
)
SAYING = _verbs(
    """
    weiß weißt weiß wissen wisst, gewusst = know knows knew
    glaube glaubst glaubt glauben glaubt, geglaubt = believe believes believed
    sage sagst sagt sagen sagt, gesagt = say says said
    hoffe hoffst hofft hoffen hofft, gehofft = hope hopes hoped
    """
)


@dataclass(frozen=True)
class Modal:
    """A modal verb, and what English says instead: an auxiliary or a verb with "to"."""

    present: tuple[str, ...]
    finite: str
    third: str
    base: str = ""
    """Of an English verb; an auxiliary has none."""
    tail: str = ""
    """Before the infinitive."""
    can_be_negated: bool = True


MODALS = [
    Modal(("kann", "kannst", "kann", "können", "könnt"), "can", "can"),
    Modal(
        ("muss", "musst", "muss", "müssen", "müsst"),
        "must",
        "must",
        can_be_negated=False,
    ),
    Modal(
        ("will", "willst", "will", "wollen", "wollt"),
        "want:modal",
        "wants:modal",
        "want:modal",
        "to?verb",
    ),
    Modal(
        ("möchte", "möchtest", "möchte", "möchten", "möchtet"),
        "would",
        "would",
        tail="like:modal to?verb",
    ),
]
"""Müssen is not negated: "muss nicht" is "does not have to", not "must not"."""


OBJECT_VERBS = [*TRANSITIVE, *TRANSITIVE_SEPARABLE]
SEPARABLE = [
    verb
    for verb in (*TRANSITIVE_SEPARABLE, *INTRANSITIVE_SEPARABLE, *DATIVE)
    if verb.german.prefix
]


def named(*infinitives: str) -> list[Verb]:
    """Transitive and intransitive verbs by name."""
    return [v for v in (*TRANSITIVE, *INTRANSITIVE) if str(v) in infinitives]
