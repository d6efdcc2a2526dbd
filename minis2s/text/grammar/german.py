"""German morphology and word order, as tables and three positions of the verb.

A clause is a row of fields: what comes first, the finite verb, the middle, and the
rest of the verb. A statement has the finite verb second, a question first, and a
subordinate clause last, where a separable verb comes together again.

What this does not do: genitive, passive, preterite, relative clauses, the polite Sie.

Source: the topological fields of Drach 1937, "Grundgedanken der deutschen Satzlehre".
"""

from dataclasses import dataclass

from minis2s.text.grammar.engine import Word, Words

# Columns: masculine, feminine, neuter, plural. "-" is no ending.
DEFINITE = {
    "nom": "der die das die",
    "acc": "den die das die",
    "dat": "dem der dem den",
}
INDEFINITE_ENDING = {
    "nom": "- e - e",
    "acc": "en e - e",
    "dat": "em er em en",
}
ADJECTIVE_ENDING = {
    "definite": {
        "nom": "e e e en",
        "acc": "en e e en",
        "dat": "en en en en",
    },
    "indefinite": {
        "nom": "er e es en",
        "acc": "en e es en",
        "dat": "en en en en",
    },
    "none": {
        "nom": "er e es e",
        "acc": "en e es e",
        "dat": "em er em en",
    },
}
CONTRACTIONS = {
    ("in", "dem"): "im",
    ("in", "das"): "ins",
    ("zu", "dem"): "zum",
    ("zu", "der"): "zur",
}

HABEN = ("habe", "hast", "hat", "haben", "habt")
SEIN = ("bin", "bist", "ist", "sind", "seid")


def _cell(table: dict[str, str], case: str, gender: str) -> str:
    return table[case].split()["mfnp".index(gender)].strip("-")


def determiner(stem: str, case: str, gender: str) -> str:
    """An article or a possessive in its form; the definite article has the stem "d".

    >>> determiner("d", "dat", "f"), determiner("kein", "acc", "m")
    ('der', 'keinen')
    """
    if stem == "d":
        return _cell(DEFINITE, case, gender)
    return stem and stem + _cell(INDEFINITE_ENDING, case, gender)


def adjective(stem: str, after: str, case: str, gender: str) -> str:
    """An adjective with its ending, which depends on the determiner before it.

    >>> [adjective("rot", after, "nom", "m") for after in ("d", "ein", "")]
    ['rote', 'roter', 'roter']
    """
    kind = {"d": "definite", "": "none"}.get(after, "indefinite")
    return stem + _cell(ADJECTIVE_ENDING[kind], case, gender)


@dataclass(frozen=True)
class Noun:
    """A noun in the nominative, singular and plural."""

    singular: str
    plural: str
    gender: str
    """m, f or n."""
    weak: bool = False
    """Whether every singular form but the nominative ends in -n or -en."""

    def form(self, case: str, *, plural: bool) -> str:
        """The noun in a case.

        >>> junge = Noun("Junge", "Jungen", "m", weak=True)
        >>> junge.form("dat", plural=False)
        'Jungen'
        """
        if plural:
            adds_n = case == "dat" and self.plural[-1] not in "ns"
            return self.plural + "n" * adds_n
        if self.weak and case != "nom":
            return self.singular + ("n" if self.singular.endswith("e") else "en")
        return self.singular


@dataclass(frozen=True)
class Verb:
    """A verb: what agrees with the subject, and what stands at the end."""

    present: tuple[str, ...]
    """With ich, du, er, wir, ihr; sie has the form of wir."""
    participle: str
    """With its prefix."""
    prefix: str = ""
    """Of a separable verb."""
    moves: bool = False
    """Whether the perfect is made with sein."""

    @property
    def infinitive(self) -> str:
        """With its prefix; the form of wir is the infinitive of every verb here."""
        return self.prefix + self.present[3]


def agree(forms: tuple[str, ...], person: int) -> str:
    """The form of a person: ich 0, du 1, er 2, wir 3, ihr 4, sie 5.

    >>> agree(SEIN, 5)
    'sind'
    """
    return forms[3] if person == 5 else forms[person]


@dataclass(frozen=True)
class Clause:
    """A clause whose fields are filled and whose order is still open."""

    subject: Words
    finite: Word
    middle: Words
    """Objects, time, negation, place."""
    end: Words
    """The rest of the verb: a prefix, a participle, an infinitive."""
    is_separated: bool = False
    """Whether the end is the finite verb's own prefix."""

    def verb_second(self, front: Words = ()) -> Words:
        """A statement. What comes first is the subject, or takes its place there."""
        if front:
            return (*front, *self.verb_first())
        return (*self.subject, self.finite, *self.middle, *self.end)

    def verb_first(self) -> Words:
        """A question, or what follows when something else comes first."""
        return (self.finite, *self.subject, *self.middle, *self.end)

    def verb_final(self) -> Words:
        """A subordinate clause; a separated prefix joins its verb."""
        verb = (*self.end, self.finite)
        if self.is_separated:
            (prefix,) = self.end
            whole = prefix.text + self.finite.text
            verb = (Word(whole, self.finite.sure + prefix.sure),)
        return (*self.subject, *self.middle, *verb)
