"""Nouns, adjectives and places of the German-English grammar.

Each English word has one German word and each German word one English word, so that a
sentence has one translation in either direction. Where German has a feminine form, one
of the two stands here.
"""

from dataclasses import dataclass

from minis2s.text.grammar import german


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
    *_nouns("letter", "der Brief, Briefe = letter, letters"),
    *_nouns(
        "paper",
        """
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
    alt = old: person animal letter paper clothes door thing machine place
    jung = young: person animal
    klein = small: person animal food letter paper clothes door thing machine place
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
