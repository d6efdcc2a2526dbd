"""How each language makes a clause of a situation; the order is still open.

The clauses themselves, and what can be done with them, are in german.py and english.py.
"""

from collections.abc import Iterable

from minis2s.text.grammar import english, german
from minis2s.text.grammar.de_en import verbs
from minis2s.text.grammar.de_en.phrases import (
    NounPhrase,
    Phrase,
    PronounPhrase,
    Situation,
)
from minis2s.text.grammar.engine import Word, Words, tag, within


def german_clause(said: Situation) -> german.Clause:
    """The German fields."""
    finite, end = _german_verb(said)
    return german.Clause(
        within("subject", said.subject.german("nom")),
        finite,
        _german_middle(said),
        end,
        is_separated=bool(end) and "particle" in end[0].sure and "verb" in finite.sure,
    )


def _german_verb(said: Situation) -> tuple[Word, Words]:
    """The finite verb, and what stands at the end of the clause."""
    person = said.subject.person
    if said.verb is None:
        return Word(german.agree(german.SEIN, person), ("verb",)), ()
    verb = said.verb.german
    nodes = ("verb", "particle") if verb.prefix else ("verb",)
    if said.modal:
        finite = Word(german.agree(said.modal.present, person), ("modal",))
        return finite, (Word(verb.infinitive, nodes),)
    if said.tense == "perfect":
        forms = german.SEIN if verb.moves else german.HABEN
        finite = Word(german.agree(forms, person), ("aux",))
        return finite, (Word(verb.participle, nodes),)
    finite = Word(german.agree(verb.present, person), ("verb",))
    return finite, (Word(verb.prefix, ("particle",)),) if verb.prefix else ()


def _german_middle(said: Situation) -> Words:
    """Pronouns, time, dative, accusative, negation, place."""
    phrases = [
        (phrase, within(role, phrase.german(case)))
        for role, phrase, case in (
            ("receiver", said.receiver, "dat"),
            ("thing", said.thing, "acc"),
        )
        if phrase
    ]
    return (
        *_joined(p for phrase, p in phrases if isinstance(phrase, PronounPhrase)),
        *(within("time", tag(said.time[0])) if said.time else ()),
        *_joined(p for phrase, p in phrases if isinstance(phrase, NounPhrase)),
        *(tag("nicht:not") if said.negation == "not" else ()),
        *(within("adjunct", said.adjunct.german()) if said.adjunct else ()),
        *((Word(said.state[0], ("state",)),) if said.state[0] else ()),
    )


def _joined(parts: Iterable[Words]) -> Words:
    return tuple(word for part in parts for word in part)


def english_clause(said: Situation) -> english.Clause:
    """The English parts."""
    return english.Clause(
        within("subject", said.subject.english("nom")),
        **_english_verb(said),
        rest=_english_rest(said),
        negation=(Word("not", (said.negation,)),) if said.negation else (),
    )


def _english_verb(said: Situation) -> dict[str, Words]:
    """Auxiliary or finite verb, and what follows."""
    is_third = said.subject.person == 2
    if said.verb is None:
        be = {0: "am", 2: "is"}.get(said.subject.person, "are")
        return _verb_parts(
            auxiliary=(Word(be, ("verb",)),), tail=(Word(said.state[1], ("state",)),)
        )
    verb = said.verb.english
    nodes = ("verb",)
    if said.verb.german.prefix and not verb.particle and not verb.preposition:
        nodes = ("verb", "particle")
    base = (Word(verb.base, nodes),)
    do = (Word("does" if is_third else "do", (), ("verb",)),)
    if said.modal:
        return _english_modal(said.modal, base, is_third=is_third)
    if said.tense == "perfect":
        past = (Word(verb.past, nodes, ("aux",)),)
        return _verb_parts(finite=past, do=tag("did:aux"), base=base)
    return _verb_parts(
        finite=(Word(verb.third if is_third else verb.base, nodes),), do=do, base=base
    )


def _english_modal(
    modal: verbs.Modal, infinitive: Words, *, is_third: bool
) -> dict[str, Words]:
    """An auxiliary such as "can", or a verb such as "want" before an infinitive."""
    tail = (*tag(modal.tail), *infinitive)
    if not modal.base:
        return _verb_parts(auxiliary=tag(f"{modal.finite}:modal"), tail=tail)
    return _verb_parts(
        finite=tag(modal.third if is_third else modal.finite),
        do=tag("does?modal" if is_third else "do?modal"),
        base=tag(modal.base),
        tail=tail,
    )


def _verb_parts(**parts: Words) -> dict[str, Words]:
    return dict.fromkeys(("auxiliary", "finite", "do", "base", "tail"), ()) | parts


def _english_rest(said: Situation) -> Words:
    """Receiver, object with the verb's small word, place, time."""
    verb = said.verb.english if said.verb else english.Verb("", "", "")
    # A preposition that German does not have belongs to the verb and says nothing.
    alone = said.verb and not said.verb.german.prefix
    nodes = ((), ("verb",)) if alone else (("particle",), ())
    preposition = (Word(verb.preposition, *nodes),) if verb.preposition else ()
    return (
        *preposition,
        *_english_phrase("receiver", said.receiver),
        *_english_phrase("thing", said.thing),
        *((Word(verb.particle, ("particle",)),) if verb.particle else ()),
        *(within("adjunct", said.adjunct.english()) if said.adjunct else ()),
        *(within("time", tag(said.time[1])) if said.time else ()),
    )


def _english_phrase(role: str, phrase: Phrase | None) -> Words:
    return within(role, phrase.english("acc")) if phrase else ()
