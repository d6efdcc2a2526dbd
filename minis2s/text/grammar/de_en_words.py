"""The words of the German-English grammar, and which of them go together.

Each English word has one German word and each German word one English word, so that a
sentence has one translation in either direction. English verbs whose past looks like
their present (read, put, cut) are left out for the same reason.
"""

import re
from dataclasses import dataclass

from minis2s.text.grammar import english, german


@dataclass(frozen=True)
class Noun:
    """A noun of both languages."""

    german: german.Noun
    english: tuple[str, str]
    """Singular and plural."""
    kind: str
    """What it names: verbs and adjectives choose by it."""

    def __str__(self) -> str:
        return self.german.singular


@dataclass(frozen=True)
class Verb:
    """A verb of both languages, and the kinds of nouns around it."""

    german: german.Verb
    english: english.Verb
    subjects: frozenset[str]
    objects: frozenset[str]

    def __str__(self) -> str:
        return self.german.infinitive


@dataclass(frozen=True)
class Adjective:
    """An adjective of both languages."""

    german: str
    stem: str
    """What an ending is added to: "müde" and "teuer" lose a vowel."""
    english: str
    kinds: frozenset[str]
    """Of nouns that it may describe."""

    def __str__(self) -> str:
        return self.german


def _nouns(kind: str, table: str) -> list[Noun]:
    """Nouns of one kind; an asterisk marks a weak one."""
    nouns = []
    for line in table.strip().splitlines():
        de, en = (side.strip().split(", ") for side in line.split("="))
        article, singular = de[0].split()
        gender = {"der": "m", "die": "f", "das": "n"}[article]
        weak = singular.endswith("*")
        noun = german.Noun(singular.rstrip("*"), de[1], gender, weak)
        nouns.append(Noun(noun, tuple(en), kind))
    return nouns


NOUNS = [
    *_nouns(
        "person",
        """
        der Mann, Männer = man, men
        die Frau, Frauen = woman, women
        das Kind, Kinder = child, children
        das Mädchen, Mädchen = girl, girls
        der Junge*, Jungen = boy, boys
        der Koch, Köche = cook, cooks
        die Lehrerin, Lehrerinnen = teacher, teachers
        die Ärztin, Ärztinnen = doctor, doctors
        der Bäcker, Bäcker = baker, bakers
        der Student*, Studenten = student, students
        die Freundin, Freundinnen = friend, friends
        der Fußballspieler, Fußballspieler = football player, football players
        die Busfahrerin, Busfahrerinnen = bus driver, bus drivers
        """,
    ),
    *_nouns(
        "animal",
        """
        der Hund, Hunde = dog, dogs
        die Katze, Katzen = cat, cats
        das Pferd, Pferde = horse, horses
        der Vogel, Vögel = bird, birds
        """,
    ),
    *_nouns(
        "food",
        """
        der Apfel, Äpfel = apple, apples
        die Birne, Birnen = pear, pears
        das Ei, Eier = egg, eggs
        die Kartoffel, Kartoffeln = potato, potatoes
        """,
    ),
    *_nouns(
        "paper",
        """
        der Brief, Briefe = letter, letters
        das Buch, Bücher = book, books
        das Bilderbuch, Bilderbücher = picture book, picture books
        """,
    ),
    *_nouns(
        "clothes",
        """
        der Hut, Hüte = hat, hats
        die Jacke, Jacken = jacket, jackets
        das Hemd, Hemden = shirt, shirts
        der Lederschuh, Lederschuhe = leather shoe, leather shoes
        """,
    ),
    *_nouns(
        "door",
        """
        die Tür, Türen = door, doors
        das Fenster, Fenster = window, windows
        das Gartentor, Gartentore = garden gate, garden gates
        """,
    ),
    *_nouns(
        "thing",
        """
        der Ball, Bälle = ball, balls
        die Blume, Blumen = flower, flowers
        der Küchentisch, Küchentische = kitchen table, kitchen tables
        das Bild, Bilder = picture, pictures
        """,
    ),
    *_nouns(
        "machine",
        """
        das Auto, Autos = car, cars
        das Fahrrad, Fahrräder = bicycle, bicycles
        die Uhr, Uhren = clock, clocks
        """,
    ),
]

PLACES = {
    str(noun): noun
    for noun in _nouns(
        "place",
        """
        der Garten, Gärten = garden, gardens
        die Küche, Küchen = kitchen, kitchens
        das Haus, Häuser = house, houses
        der Park, Parks = park, parks
        die Schule, Schulen = school, schools
        der Wald, Wälder = forest, forests
        die Brücke, Brücken = bridge, bridges
        der Bahnhof, Bahnhöfe = station, stations
        der Baum, Bäume = tree, trees
        """,
    )
}


@dataclass(frozen=True)
class Preposition:
    """A preposition of both languages, and the case that it asks for here."""

    german: str
    case: str
    english: str
    """In the notation of `engine.tag`."""
    nouns: tuple[str, ...] = ()
    """Places that it goes with."""


WHERE = [
    Preposition("in", "dat", "in:prep", ("Garten", "Küche", "Haus", "Park", "Schule")),
    Preposition("auf", "dat", "on:prep", ("Brücke",)),
    Preposition("unter", "dat", "under:prep", ("Baum", "Brücke")),
    Preposition("hinter", "dat", "behind:prep", ("Haus", "Schule", "Baum")),
    Preposition(
        "vor", "dat", "in?prep front:prep of?prep", ("Haus", "Schule", "Bahnhof")
    ),
    Preposition("neben", "dat", "next:prep to?prep", ("Baum", "Brücke", "Bahnhof")),
]
WHERE_TO = [
    Preposition("in", "acc", "into:prep", ("Garten", "Küche", "Haus", "Park", "Wald")),
    Preposition("auf", "acc", "onto:prep", ("Brücke",)),
    Preposition("unter", "acc", "under:prep", ("Baum", "Brücke")),
    Preposition("hinter", "acc", "behind:prep", ("Haus", "Schule", "Baum")),
    Preposition("zu", "dat", "to:prep", ("Bahnhof", "Brücke", "Schule")),
]
WITH = Preposition("mit", "dat", "with:prep")
FOR = Preposition("für", "acc", "for:prep")


def _adjectives(table: str) -> list[Adjective]:
    rows = [line.replace("=", ":").split(":") for line in table.strip().splitlines()]
    return [
        Adjective(*_stem(de.strip()), en.strip(), frozenset(kinds.split()))
        for de, en, kinds in rows
    ]


def _stem(entry: str) -> tuple[str, str]:
    """An adjective and its stem, which a bar separates where they differ."""
    adjective, _, stem = entry.partition("|")
    return adjective, stem or adjective


ADJECTIVES = _adjectives(
    """
    alt = old: person animal paper clothes door thing machine place
    jung = young: person animal
    klein = small: person animal food paper clothes door thing machine place
    groß = big: animal food paper clothes door thing machine place
    neu = new: paper clothes door thing machine place
    rot = red: clothes door thing machine
    schön = beautiful: animal clothes thing machine place
    teuer|teur = expensive: food paper clothes thing machine
    freundlich = friendly: person animal
    müde|müd = tired: person animal
    """
)

STATES = {"müde": "tired", "krank": "ill", "hungrig": "hungry", "glücklich": "happy"}
"""Adjectives behind a form of sein, where German has no ending either."""


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
        treffe triffst trifft treffen trefft, getroffen = meet meets met: person
        esse isst isst essen esst, gegessen = eat eats ate: food
        schreibe schreibst schreibt schreiben schreibt, geschrieben
            = write writes wrote: paper
        wasche wäschst wäscht waschen wascht, gewaschen
            = wash washes washed: animal clothes machine
        repariere reparierst repariert reparieren repariert, repariert
            = repair repairs repaired: machine door
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
        = throw throws threw +away: food paper clothes thing
    auf|esse isst isst essen esst, aufgegessen = eat eats ate +up: food
    an|probiere probierst probiert probieren probiert, anprobiert
        = try tries tried +on: clothes
    mit|nehme nimmst nimmt nehmen nehmt, mitgenommen
        = take takes took +along: animal food paper clothes thing
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
    gebe gibst gibt geben gebt, gegeben = give gives gave: food paper clothes thing
    zeige zeigst zeigt zeigen zeigt, gezeigt
        = show shows showed: animal paper clothes thing machine
    schicke schickst schickt schicken schickt, geschickt
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


@dataclass(frozen=True)
class Pronoun:
    """A personal pronoun in the notation of `engine.tag`."""

    german: dict[str, str]
    """Case -> form; what would be ambiguous is left out."""
    subject: str
    object: str
    person: int
    """ich 0, du 1, er or sie 2, wir 3, ihr 4, sie (they) 5."""


PRONOUNS = [
    Pronoun({"nom": "ich:p", "acc": "mich:p", "dat": "mir:p"}, "I:p", "me:p", 0),
    Pronoun({"nom": "du:p", "acc": "dich:p", "dat": "dir:p"}, "you:p", "you:p", 1),
    Pronoun({"nom": "er:p", "acc": "ihn:p", "dat": "ihm:p"}, "he:p", "him:p", 2),
    Pronoun({"nom": "sie:p", "dat": "ihr:p"}, "she:p", "her:p", 2),
    Pronoun({"nom": "wir:p", "acc": "uns:p", "dat": "uns:p"}, "we:p", "us:p", 3),
    Pronoun(
        {
            "nom": "ihr:p beide:two",
            "acc": "euch:p beide:two",
            "dat": "euch:p beiden:two",
        },
        "you:p two:two",
        "you:p two:two",
        4,
    ),
    Pronoun({"nom": "sie:p", "dat": "ihnen:p"}, "they:p", "them:p", 5),
]
"""Accusative "sie" is left out: it is "her" as well as "them"."""

POSSESSIVES = {"mein": "my", "dein": "your"}
NOT_OWNED = {
    "Mann",
    "Frau",
    "Mädchen",
    "Junge",
    "Koch",
    "Bäcker",
    "Student",
    "Fußballspieler",
    "Busfahrerin",
}
"""Nouns that mean something else behind "mein", as husband and wife, or sound odd."""

TIMES = {
    "present": [
        ("jeden:every Morgen:morning", "every:every morning:morning"),
        ("am:at?the Wochenende:weekend", "at:at the:the weekend:weekend"),
        ("manchmal:sometimes", "sometimes:sometimes"),
        ("am:in?the Abend:evening", "in:in the:the evening:evening"),
    ],
    "perfect": [
        ("gestern:yesterday", "yesterday:yesterday"),
        ("am:on Montag:monday", "on:on Monday:monday"),
        ("letzte:last Woche:week", "last:last week:week"),
        ("heute:today Morgen:morning", "this:today morning:morning"),
    ],
}
"""Tense -> expressions of both languages, in the notation of `engine.tag`."""

CONJUNCTIONS = {"weil": "because", "dass": "that", "wenn": "if"}

OBJECT_VERBS = [*TRANSITIVE, *TRANSITIVE_SEPARABLE]
SEPARABLE = [
    verb
    for verb in (*TRANSITIVE_SEPARABLE, *INTRANSITIVE_SEPARABLE, *DATIVE)
    if verb.german.prefix
]
