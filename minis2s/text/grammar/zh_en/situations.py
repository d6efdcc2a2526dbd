"""Drawing a situation: who may do what, when and where, and how often.

A grammar knows nothing of the world, so that much of what it says is odd.
"""

from collections.abc import Sequence
from dataclasses import replace

from minis2s.text.grammar.engine import Derivation
from minis2s.text.grammar.zh_en import nouns, small_words, verbs
from minis2s.text.grammar.zh_en.phrases import (
    DrinkPhrase,
    NounPhrase,
    Phrase,
    PronounPhrase,
    Situation,
)

ADJECTIVE_NOUN, VERB_OBJECT, VERB_PLACE = "adjective-noun", "verb-object", "verb-place"
"""Kinds of combinations that are held out."""

OF_SUBJECT = ("this", "that", "these", "my", "your")
OF_OBJECT = ("this", "that", "these", "one", "one", "two", "three", "my")
"""Determiners, as likely as they stand here."""
OWNERS = ("my", "your")
"""Their 的 is not followed by that of an adjective."""


def noun_phrase(
    d: Derivation, options: Sequence[nouns.Noun], determiners: Sequence[str]
) -> NounPhrase:
    """One of the nouns behind one of the determiners that suit it."""
    noun = d.one_of(options)
    is_owned = str(noun) not in small_words.NOT_OWNED
    determiner = d.one_of([x for x in determiners if is_owned or x not in OWNERS])
    fitting = [
        adjective
        for adjective in nouns.ADJECTIVES
        if noun.kind in adjective.kinds
        and adjective.attributive
        and not (determiner in OWNERS and adjective.attributive.endswith("的"))
    ]
    chosen = d.one_of(fitting) if fitting and d.chance(35) else None
    if chosen:
        d.combine(ADJECTIVE_NOUN, str(chosen), str(noun))
    return NounPhrase(noun, determiner, chosen, determiner in small_words.PLURAL)


def of_kind(*kinds: str) -> list[nouns.Noun]:
    """Nouns of these kinds."""
    return [noun for noun in nouns.NOUNS if noun.kind in kinds]


def draw_subject(
    d: Derivation,
    determiners: Sequence[str] = OF_SUBJECT,
    kinds: Sequence[str] = ("person", "child"),
) -> Phrase:
    """Somebody: a pronoun, a name, or a noun."""
    if d.chance(60):
        return PronounPhrase(d.one_of([*small_words.PRONOUNS, *small_words.NAMES]))
    return noun_phrase(d, of_kind(*kinds), determiners)


def draw_other(d: Derivation, subject: Phrase) -> Phrase:
    """A pronoun or a name that does not overlap with the subject, as 我 and 我们 do."""
    options = [*small_words.PRONOUNS, *small_words.NAMES]
    if isinstance(subject, PronounPhrase):
        taken = subject.pronoun.chinese
        options = [p for p in options if p.chinese[0] != taken[0] or p.again]
        options = [p for p in options if p.chinese != taken]
    return PronounPhrase(d.one_of(options))


def draw_thing(
    d: Derivation, verb: verbs.Verb, subject: Phrase, *, with_number: bool = True
) -> Phrase | DrinkPhrase:
    """What a verb is done to."""
    if "person" in verb.objects and d.chance(25):
        return draw_other(d, subject)
    options = [
        *of_kind(*sorted(verb.objects)),
        *(nouns.DRINKS if "drink" in verb.objects else ()),
    ]
    noun = d.one_of(options)
    d.combine(VERB_OBJECT, str(verb), str(noun))
    if isinstance(noun, nouns.Drink):
        return DrinkPhrase(
            noun, d.one_of(["one", "two", "three"]) if with_number else ""
        )
    determiners = OF_OBJECT if with_number else ("this", "that", "these", "those")
    return noun_phrase(d, [noun], determiners)


def draw_action(d: Derivation, subject: Phrase | None = None) -> Situation:
    """Somebody does something to something."""
    subject, verb = subject or draw_subject(d), d.one_of(verbs.ACTIONS)
    return Situation(subject, verb, thing=draw_thing(d, verb, subject))


def draw_activity(d: Derivation, subject: Phrase | None = None) -> Situation:
    """Somebody does something that needs no further object, perhaps somewhere."""
    verb = d.one_of(verbs.ACTIVITIES)
    place = d.one_of(verb.places) if d.chance(50) else ""
    if place:
        d.combine(VERB_PLACE, str(verb), place)
    return Situation(
        subject or draw_subject(d),
        verb,
        place=small_words.PLACES[place] if place else None,
    )


def draw_liking(d: Derivation, subject: Phrase | None = None) -> Situation:
    """Somebody likes or knows somebody or something in particular."""
    verb = d.one_of([verbs.STATIVE[0], verbs.STATIVE[0], verbs.STATIVE[1]])
    subject = subject or draw_subject(d)
    thing = draw_thing(d, verb, subject, with_number=False)
    return Situation(subject, verb, thing=thing)


def draw_doing(d: Derivation, subject: Phrase | None = None) -> Situation:
    """Somebody does something, with an object or without."""
    return draw_activity(d, subject) if d.chance(35) else draw_action(d, subject)


def timed(d: Derivation, said: Situation, tense: str) -> Situation:
    """At a time that goes with the tense."""
    return replace(said, tense=tense, time=d.one_of(small_words.TIMES[tense]))


def draw_past(d: Derivation, subject: Phrase | None = None) -> Situation:
    """Something that was done; 了 goes with an object."""
    return timed(d, draw_action(d, subject), "past")


def state_of(d: Derivation, subject: NounPhrase) -> Situation:
    """A subject and an adjective that may be said of it; people have states."""
    if subject.noun.kind in ("person", "child"):
        return Situation(subject, state=d.one_of(list(nouns.STATES.items())))
    fitting = [
        adjective
        for adjective in nouns.ADJECTIVES
        if subject.noun.kind in adjective.kinds and adjective.chinese not in "红白"
    ]
    chosen = d.one_of(fitting)
    d.combine(ADJECTIVE_NOUN, str(chosen), str(subject.noun))
    return Situation(subject, state=(chosen.chinese, chosen.english))


def draw_doing_that(d: Derivation) -> Situation:
    """Something in particular is done, so that it can also be left undone."""
    if d.chance(35):
        return draw_activity(d)
    subject, verb = draw_subject(d), d.one_of(verbs.ACTIONS)
    thing = draw_thing(d, verb, subject, with_number=False)
    return Situation(subject, verb, thing=thing)
