"""Sentences of two clauses: relative clauses before their noun, and reasons."""

from dataclasses import replace

from minis2s.text.grammar.engine import Derivation, Word, tag, within
from minis2s.text.grammar.zh_en import nouns, small_words, verbs
from minis2s.text.grammar.zh_en.clauses import (
    be,
    chinese_clause,
    chinese_predicate,
    english_clause,
)
from minis2s.text.grammar.zh_en.phrases import (
    NounPhrase,
    Phrase,
    PronounPhrase,
    Situation,
)
from minis2s.text.grammar.zh_en.rules import STOP, Pair
from minis2s.text.grammar.zh_en.situations import (
    VERB_OBJECT,
    draw_activity,
    draw_liking,
    draw_past,
    draw_subject,
    of_kind,
    state_of,
    timed,
)


def relative_subject(d: Derivation) -> Pair:
    """As in 昨天买了一本书的那个学生很高兴."""
    is_plural = d.chance(30)
    head = NounPhrase(d.one_of(of_kind("person", "child")), "the", None, is_plural)
    draws = (
        draw_liking,
        draw_past,
        lambda d, subject: timed(d, draw_activity(d, subject), "habit"),
    )
    said = d.one_of(draws)(d, head)
    time = within("time", tag(said.time[0])) if said.time else ()
    who = english_clause(said).statement()[len(head.english()) :]
    clause = (*time, *chinese_predicate(said), *tag("的:who")), (*tag("who:who"), *who)
    likes_twice = said.verb in verbs.STATIVE
    return _about(d, head, clause, is_liked=not likes_twice and d.chance(50))


def relative_object(d: Derivation) -> Pair:
    """As in 小明昨天买的那本书很贵."""
    verb = d.one_of([v for v in verbs.ACTIONS if not v.objects & {"person", "drink"}])
    noun = d.one_of(of_kind(*sorted(verb.objects)))
    d.combine(VERB_OBJECT, str(verb), str(noun))
    head = NounPhrase(noun, "the", None, d.chance(30))
    said = timed(d, Situation(draw_subject(d, ("this", "these", "my")), verb), "past")
    zh = (
        *within("subject", said.subject.chinese()),
        *within("time", tag(said.time[0])),
        *tag(verb.chinese),
        *tag("的:that"),
    )
    en = (*tag("that:that"), *english_clause(said).statement())
    return _about(d, head, (zh, en), is_liked=d.chance(50))


def _about(d: Derivation, head: NounPhrase, clause: Pair, *, is_liked: bool) -> Pair:
    """Something is said of a noun with a relative clause, or somebody likes it."""
    inner = within("relative", clause[0]), within("relative", clause[1])
    zh = (*inner[0], *within("head", head.chinese()))
    en = (*within("head", head.english()), *inner[1])
    if is_liked:
        said = Situation(draw_subject(d), verbs.STATIVE[0], is_negated=d.chance(25))
        zh = (*chinese_clause(said), *zh)
        en = (*english_clause(said).statement(), *en)
    else:
        said = state_of(d, head)
        zh = (*zh, *chinese_predicate(said))
        en = (*en, Word(be(said), ("be",)), Word(said.state[1], ("state",)))
    return (*zh, *STOP[0]), (*en, *STOP[1])


def because(d: Derivation) -> Pair:
    """As in 因为小明很累，所以他不想工作."""
    subject = draw_subject(d, kinds=("person",))
    state = d.one_of(list(nouns.STATES.items()))
    reason = Situation(subject, state=state)
    is_happy = state[0] == "高兴"
    wish = replace(
        draw_activity(d, _again(subject)),
        modal="想" if is_happy else d.one_of(["想", "能"]),
        is_negated=not is_happy,
    )
    zh = (
        *tag("因为:because"),
        *within("reason", chinese_clause(reason)),
        Word("，", ("comma",)),
        *tag("所以?because"),
        *chinese_clause(wish),
    )
    en = (
        *tag("because:because"),
        *within("reason", english_clause(reason).statement()),
        Word(",", ("comma",)),
        *english_clause(wish).statement(),
    )
    return (*zh, *STOP[0]), (*en, *STOP[1])


def _again(subject: Phrase) -> Phrase:
    """The pronoun that takes up a subject."""
    if isinstance(subject, NounPhrase):
        again = "他们" if subject.is_plural else "他"
    else:
        again = subject.pronoun.again or subject.pronoun.chinese
    return PronounPhrase(next(p for p in small_words.PRONOUNS if p.chinese == again))
