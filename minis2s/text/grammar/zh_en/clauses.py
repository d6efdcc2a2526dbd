"""How each language says a situation.

Chinese order: subject, time, negation or modal, place, verb, object. English order:
subject, auxiliary, verb, object, place, time.
"""

from minis2s.text.grammar import english
from minis2s.text.grammar.engine import Word, Words, tag, within
from minis2s.text.grammar.zh_en import verbs
from minis2s.text.grammar.zh_en.phrases import Situation


def chinese_clause(said: Situation, *, time_first: bool = False) -> Words:
    """The Chinese sentence, with the time before or behind the subject."""
    subject = within("subject", said.subject.chinese())
    time = within("time", tag(said.time[0])) if said.time else ()
    front = (*time, *subject) if time_first else (*subject, *time)
    return (*front, *chinese_predicate(said))


def chinese_predicate(said: Situation) -> Words:
    """What follows subject and time."""
    if said.verb is None:
        degree = tag("不:not?be") if said.is_negated else tag("很?be")
        return (*degree, Word(said.state[0], ("state",)))
    place = within("place", tag(said.place[0])) if said.place else ()
    return (*_before_place(said), *place, *_verb_and_object(said))


def _before_place(said: Situation) -> Words:
    """Negation, modal verb, future, progressive."""
    negation = ()
    if said.is_negated:
        negation = tag("没:not+past") if said.tense == "past" else tag("不:not")
    modal = (Word(said.modal, ("modal",)),) if said.modal else ()
    aspect = {"future": "会:will", "progressive": "正在:aspect"}.get(said.tense, "")
    return (*negation, *modal, *tag(aspect))


def _verb_and_object(said: Situation) -> Words:
    """The verb, 了 where something was done, and the object."""
    verb, *fixed = tag(said.verb.chinese)
    is_done = said.tense == "past" and not said.is_negated
    thing = within("thing", said.thing.chinese()) if said.thing else ()
    return (verb, *(tag("了:past?verb") if is_done else ()), *fixed, *thing)


def english_clause(said: Situation) -> english.Clause:
    """The English parts."""
    return english.Clause(
        within("subject", said.subject.english()),
        **english_verb(said),
        rest=_english_rest(said),
        negation=tag("not:not") if said.is_negated else (),
    )


def be(said: Situation) -> str:
    """The form of "be" that agrees with the subject."""
    if said.subject.english()[0].text == "I":
        return "am"
    return "is" if said.subject.is_third else "are"


def english_verb(said: Situation) -> dict[str, Words]:
    """Auxiliary or finite verb, and what follows."""
    if said.verb is None:
        state = (Word(said.state[1], ("state",)),)
        return _parts(auxiliary=(Word(be(said), ("be",)),), tail=state)
    verb, is_third = said.verb.english, said.subject.is_third
    base = (Word(verb.base, ("verb",)),)
    do = tag("does?verb" if is_third else "do?verb")
    if said.modal:
        return _modal(said.modal, base, is_third=is_third)
    if said.tense == "future":
        return _parts(auxiliary=tag("will:will"), tail=base)
    if said.tense == "progressive":
        auxiliary = (Word(be(said), ("aspect",)),)
        return _parts(auxiliary=auxiliary, tail=(Word(verb.ing, ("verb",)),))
    if said.tense == "past":
        finite = (Word(verb.past, ("verb",), ("past",)),)
        return _parts(finite=finite, do=tag("did:past"), base=base)
    finite = Word(verb.third if is_third else verb.base, ("verb",))
    return _parts(finite=(finite,), do=do, base=base)


def _modal(modal: str, infinitive: Words, *, is_third: bool) -> dict[str, Words]:
    base, third, other = verbs.MODALS[modal]
    if not base:
        return _parts(auxiliary=tag(other), tail=infinitive)
    return _parts(
        finite=tag(third if is_third else base),
        do=tag("does?modal" if is_third else "do?modal"),
        base=tag(base),
        tail=(*tag(other), *infinitive),
    )


def _parts(**parts: Words) -> dict[str, Words]:
    return dict.fromkeys(("auxiliary", "finite", "do", "base", "tail"), ()) | parts


def _english_rest(said: Situation) -> Words:
    """The verb's own object or preposition, the object, place, time."""
    verb = said.verb
    preposition = verb.english.preposition if verb else ""
    thing = said.thing.english(is_subject=False) if said.thing else ()
    return (
        *(tag(verb.fixed) if verb else ()),
        *((Word(preposition, (), ("verb",)),) if preposition else ()),
        *within("thing", thing),
        *(within("place", tag(said.place[1])) if said.place else ()),
        *(within("time", tag(said.time[1])) if said.time else ()),
    )
