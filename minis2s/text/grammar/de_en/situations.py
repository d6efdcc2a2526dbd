"""Drawing a situation: who may do what to whom, and how often.

The choices keep sentences unambiguous and free of the worst nonsense; a grammar knows
nothing of the world, so that much of what it says is odd.
"""

from collections.abc import Sequence
from dataclasses import replace

from minis2s.text.grammar.de_en import nouns, small_words, verbs
from minis2s.text.grammar.de_en.phrases import (
    Adjunct,
    NounPhrase,
    Phrase,
    PronounPhrase,
    Situation,
)
from minis2s.text.grammar.engine import Derivation

ADJECTIVE_NOUN, VERB_OBJECT, CONJUNCTION_VERB = (
    "adjective-noun",
    "verb-object",
    "conjunction-separable",
)
"""Kinds of combinations that are held out."""


def noun_phrase(
    d: Derivation, options: Sequence[nouns.Noun], determiners: Sequence[str]
) -> NounPhrase:
    """One of the nouns behind one of the determiners that suit it."""
    noun = d.one_of(options)
    owned = str(noun) not in small_words.NOT_OWNED
    determiner = d.one_of([x for x in determiners if owned or x in ("d", "ein")])
    fitting = [a for a in nouns.ADJECTIVES if noun.kind in a.kinds]
    chosen = d.one_of(fitting) if d.chance(35) else None
    if chosen:
        d.combine(ADJECTIVE_NOUN, str(chosen), str(noun))
    is_plural = d.chance(30)
    if is_plural and determiner == "ein":
        determiner = ""
    return NounPhrase(noun, determiner, chosen, is_plural)


OF_SUBJECT = ("d", "d", "d", "d", "ein", "mein", "dein")
OF_OBJECT = ("d", "d", "d", "ein", "ein", "ein", "mein", "dein")
DEFINITE = ("d", "d", "mein", "dein")
"""Stems of determiners, as likely as they stand here."""


def _of_kind(kinds: frozenset[str]) -> list[nouns.Noun]:
    return [noun for noun in nouns.NOUNS if noun.kind in kinds]


def draw_subject(d: Derivation, kinds: frozenset[str]) -> Phrase:
    """Somebody who acts; most persons are pronouns."""
    if "person" in kinds and d.chance(60):
        return PronounPhrase(d.one_of(small_words.SUBJECTS))
    phrase = noun_phrase(d, _of_kind(kinds), OF_SUBJECT)
    # "Men laugh" is true of all men, "the men laugh" of those that were meant.
    return phrase if phrase.determiner else replace(phrase, determiner="d")


def draw_asked(d: Derivation, kinds: frozenset[str]) -> Phrase:
    """Somebody of whom one asks: hardly oneself."""
    subject = draw_subject(d, kinds)
    return PronounPhrase(small_words.DU) if subject.person == 0 else subject


def draw_person(
    d: Derivation, case: str, subject: Phrase, kinds: frozenset[str]
) -> Phrase:
    """A person or an animal in a case, and someone else than the subject."""
    if d.chance(30):
        # "wir" and "mich" in one sentence would overlap, and so would "ihr" and "dich".
        others = [
            pronoun
            for pronoun in small_words.PRONOUNS
            if case in pronoun.german and pronoun.person % 3 != subject.person % 3
        ]
        return PronounPhrase(d.one_of(others))
    return noun_phrase(d, _of_kind(kinds & {"person", "animal"}), DEFINITE)


def draw_thing(d: Derivation, verb: verbs.Verb, subject: Phrase) -> Phrase:
    """What a verb is done to; people may be pronouns."""
    if "person" in verb.objects and d.chance(25):
        return draw_person(d, "acc", subject, verb.objects)
    phrase = noun_phrase(d, _of_kind(verb.objects), OF_OBJECT)
    d.combine(VERB_OBJECT, str(verb), str(phrase.noun))
    return phrase


def with_verb(
    d: Derivation, verb: verbs.Verb, subject: Phrase | None = None
) -> Situation:
    """A situation of a verb and what it needs."""
    subject = subject or draw_subject(d, verb.subjects)
    if verb in verbs.GIVING:
        receiver = draw_person(d, "dat", subject, frozenset({"person"}))
        return Situation(
            subject, verb, receiver=receiver, thing=draw_thing(d, verb, subject)
        )
    if verb in verbs.DATIVE:
        receiver = draw_person(d, "dat", subject, verb.objects)
        return Situation(subject, verb, receiver=receiver)
    if verb.objects:
        return Situation(subject, verb, thing=draw_thing(d, verb, subject))
    return Situation(subject, verb)


def in_a_state(d: Derivation, subject: Phrase | None = None) -> Situation:
    """Somebody is tired, hungry, ..."""
    subject = subject or draw_subject(d, frozenset({"person", "animal"}))
    return Situation(subject, state=d.one_of(list(nouns.STATES.items())))


VERBS = (
    verbs.OBJECT_VERBS,
    verbs.OBJECT_VERBS,
    verbs.DATIVE,
    verbs.GIVING,
    [*verbs.INTRANSITIVE, *verbs.INTRANSITIVE_SEPARABLE],
)
"""Classes of verbs, as likely as each other; with an object counts double."""


def any_verb(d: Derivation) -> verbs.Verb:
    """Any verb but one of motion or saying."""
    return d.one_of(d.one_of(VERBS))


def any_situation(d: Derivation) -> Situation:
    """A situation of any such verb."""
    return with_verb(d, any_verb(d))


def negated(said: Situation) -> Situation:
    """Not so: an indefinite object takes "kein"."""
    thing = said.thing
    if isinstance(thing, NounPhrase) and thing.determiner in ("ein", ""):
        thing = replace(thing, determiner="kein")
    return replace(said, thing=thing, is_negated=True)


def in_time(d: Derivation, said: Situation) -> Situation:
    """Present or perfect."""
    return replace(said, tense="perfect") if d.chance(40) else said


def with_modal(d: Derivation, said: Situation) -> Situation:
    """Able, obliged or willing, or not."""
    said = replace(said, modal=d.one_of(verbs.MODALS))
    return negated(said) if said.modal.can_be_negated and d.chance(25) else said


def varied(d: Derivation, said: Situation) -> Situation:
    """Present, perfect, or with a modal verb."""
    return with_modal(d, said) if d.chance(25) else in_time(d, said)


def at_a_place(
    d: Derivation, prepositions: Sequence[small_words.Preposition]
) -> Adjunct:
    """A preposition with one of its places."""
    preposition = d.one_of(prepositions)
    places = [nouns.PLACES[name] for name in preposition.nouns]
    phrase = noun_phrase(d, places, ("d", "d", "d", "ein"))
    determiner = phrase.determiner or "ein"
    return Adjunct(preposition, replace(phrase, determiner=determiner, is_plural=False))
