"""The English side of both grammars: the article, and a clause with its auxiliaries.

English turns a statement into a question or a negation with an auxiliary; where the
verb has none, "do" steps in and the verb loses its ending.
"""

from dataclasses import dataclass

from minis2s.text.grammar.engine import Word, Words


def article(following: str) -> str:
    """The indefinite article before a word.

    >>> article("old"), article("new")
    ('an', 'a')
    """
    return "an" if following[0] in "aeiou" else "a"


@dataclass(frozen=True)
class Verb:
    """The forms of an English verb, and the small word that belongs to it."""

    base: str
    third: str
    """With he, she, it."""
    past: str
    ing: str = ""
    particle: str = ""
    """Stands behind the object: picks the child up."""
    preposition: str = ""
    """Stands before its object: looks at him."""


def verb(forms: str) -> Verb:
    """A verb from one line: base, third person, past, and what else it has.

    >>> verb("look looks looked looking _at").preposition
    'at'
    >>> verb("pick picks picked +up").particle
    'up'
    """
    plain = [form for form in forms.split() if form[0] not in "+_"]
    small = {form[0]: form[1:] for form in forms.split() if form[0] in "+_"}
    return Verb(*plain, particle=small.get("+", ""), preposition=small.get("_", ""))


@dataclass(frozen=True)
class Clause:
    """A clause whose verb is in place and whose order is still open."""

    subject: Words
    auxiliary: Words
    """can, will, is, ...; nothing if the verb has none of its own."""
    finite: Words
    """The verb as it is without any auxiliary."""
    do: Words
    """do, does or did: the auxiliary of a verb that has none."""
    base: Words
    """The verb as it is after "do"."""
    tail: Words
    """What follows an auxiliary or the verb: an infinitive, an adjective."""
    rest: Words
    """Objects, place and time."""
    negation: Words = ()

    def statement(self) -> Words:
        """Subject, verb, the rest: the cook (does not) buy(s) the apple."""
        if self.auxiliary:
            verb = (*_negate(self.auxiliary, self.negation), *self.tail)
        elif self.negation:
            verb = (*self.do, *self.negation, *self.base, *self.tail)
        else:
            verb = (*self.finite, *self.tail)
        return (*self.subject, *verb, *self.rest)

    def question(self, asked: Words = ()) -> Words:
        """What is asked for, the auxiliary, the subject, the rest."""
        auxiliary = self.auxiliary or self.do
        verb = self.tail if self.auxiliary else (*self.base, *self.tail)
        return (*asked, *auxiliary, *self.subject, *self.negation, *verb, *self.rest)


def _negate(auxiliary: Words, negation: Words) -> Words:
    """An auxiliary and "not", which after "can" is one word with it."""
    if not negation or auxiliary[-1].text != "can":
        return (*auxiliary, *negation)
    can, no = auxiliary[-1], negation[0]
    return (Word("cannot", (*can.sure, *no.sure), (*can.possible, *no.possible)),)
