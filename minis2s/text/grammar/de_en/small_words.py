"""Prepositions, pronouns, times: the small words of the German-English grammar."""

from dataclasses import dataclass


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


@dataclass(frozen=True)
class Pronoun:
    """A personal pronoun in the notation of `engine.tag`."""

    german: dict[str, str]
    """Case -> form; what would be ambiguous is left out."""
    subject: str
    object: str
    person: int
    """ich 0, du 1, er or sie 2, wir 3, ihr 4, sie (they) 5."""


ICH = Pronoun({"nom": "ich:p", "acc": "mich:p", "dat": "mir:p"}, "I:p", "me:p", 0)
DU = Pronoun({"nom": "du:p", "acc": "dich:p", "dat": "dir:p"}, "you:p", "you:p", 1)
IHR = Pronoun(
    {
        "nom": "ihr:p beide:two",
        "acc": "euch:p beide:two",
        "dat": "euch:p beiden:two",
    },
    "you:p two:two",
    "you:p two:two",
    4,
)
PRONOUNS = [
    ICH,
    DU,
    Pronoun({"nom": "er:p", "acc": "ihn:p", "dat": "ihm:p"}, "he:p", "him:p", 2),
    Pronoun({"nom": "sie:p", "dat": "ihr:p"}, "she:p", "her:p", 2),
    Pronoun({"nom": "wir:p", "acc": "uns:p", "dat": "uns:p"}, "we:p", "us:p", 3),
    IHR,
    Pronoun({"nom": "sie:p", "dat": "ihnen:p"}, "they:p", "them:p", 5),
]
"""Accusative "sie" is left out: it is "her" as well as "them"."""
SUBJECTS = [*PRONOUNS, ICH, DU, DU, IHR]
"""Those with a verb form of their own more often, so that each form is seen."""

POSSESSIVES = {"mein": "my", "dein": "your"}
NOT_OWNED = {
    *("Mann", "Frau", "Mädchen", "Junge", "Koch", "Bäcker", "Student"),
    *("Fußballspieler", "Busfahrerin"),
}
"""Nouns that mean something else behind "mein", as husband and wife, or sound odd."""

TIMES = {
    "present": [
        ("jeden:every Morgen:morning", "every:every morning:morning"),
        ("am:at?the Wochenende:weekend", "at:at the:the weekend:weekend"),
        ("jeden:every Tag:day", "every:every day:day"),
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
