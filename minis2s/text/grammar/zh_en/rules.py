"""Sentences of one clause of the Chinese-English grammar."""

from dataclasses import replace

from minis2s.text.grammar.engine import Derivation, Word, Words, tag, within
from minis2s.text.grammar.zh_en import nouns, small_words, verbs
from minis2s.text.grammar.zh_en.clauses import chinese_clause, english_clause
from minis2s.text.grammar.zh_en.phrases import (
    WHAT,
    WHO,
    NounPhrase,
    Situation,
)
from minis2s.text.grammar.zh_en.situations import (
    ADJECTIVE_NOUN,
    VERB_OBJECT,
    VERB_PLACE,
    draw_action,
    draw_activity,
    draw_doing,
    draw_doing_that,
    draw_liking,
    draw_past,
    draw_subject,
    noun_phrase,
    of_kind,
    state_of,
    timed,
)

Pair = tuple[Words, Words]
STOP = (Word("。", ("stop",)),), (Word(".", ("stop",)),)
ASK = (Word("？", ("mark",)),), (Word("?", ("mark",)),)


def _statement(said: Situation, *, time_first: bool = False) -> Pair:
    zh, en = chinese_clause(said, time_first=time_first), english_clause(said)
    if not time_first:
        return (*zh, *STOP[0]), (*en.statement(), *STOP[1])
    time = within("time", tag(said.time[1]))
    rest = english_clause(replace(said, time=None)).statement()
    return (*zh, *STOP[0]), (*time, *rest, *STOP[1])


def habit(d: Derivation) -> Pair:
    """As in 他每天看一本书."""
    return _statement(timed(d, draw_doing(d), "habit"))


def past(d: Derivation) -> Pair:
    """As in 小明昨天买了一本书."""
    return _statement(draw_past(d))


def time_first(d: Derivation) -> Pair:
    """As in 昨天小明买了一本书."""
    tense = d.one_of(["habit", "past", "future"])
    said = draw_past(d) if tense == "past" else timed(d, draw_doing(d), tense)
    return _statement(said, time_first=True)


def future(d: Derivation) -> Pair:
    """As in 他明天会在公园里跑步."""
    return _statement(timed(d, draw_doing(d), "future"))


def progressive(d: Derivation) -> Pair:
    """As in 她正在画一只鸟."""
    at_once = Situation(draw_subject(d), d.one_of(verbs.ACTIVITIES))
    said = at_once if d.chance(35) else draw_action(d)
    return _statement(replace(said, tense="progressive"))


def place(d: Derivation) -> Pair:
    """As in 他们在教室里唱歌."""
    verb = d.one_of(verbs.ACTIVITIES)
    place = d.one_of(verb.places)
    d.combine(VERB_PLACE, str(verb), place)
    said = Situation(draw_subject(d), verb, place=small_words.PLACES[place])
    return _statement(timed(d, said, "habit") if d.chance(50) else said)


def liking(d: Derivation) -> Pair:
    """As in 我喜欢那只猫."""
    return _statement(draw_liking(d))


def not_done(d: Derivation) -> Pair:
    """As in 他昨天没买那本书."""
    return _statement(replace(timed(d, draw_doing_that(d), "past"), is_negated=True))


def negated(d: Derivation) -> Pair:
    """As in 她不喝茶；我不认识那位医生."""
    said = draw_liking(d) if d.chance(60) else draw_activity(d)
    return _statement(replace(said, is_negated=True))


def modal(d: Derivation) -> Pair:
    """As in 他想买一本书；她不能工作."""
    modal = d.one_of(list(verbs.MODALS))
    is_negated = modal != "必须" and d.chance(35)
    said = draw_doing_that(d) if is_negated else draw_doing(d)
    return _statement(replace(said, modal=modal, is_negated=is_negated))


def _asked(said: Situation) -> Pair:
    """A question with 吗, whose order is that of a statement."""
    first, *others = english_clause(said).question()
    asking = Word(first.text, first.sure, (*first.possible, "ask"))
    zh = (*chinese_clause(said), *tag("吗:ask"), *ASK[0])
    return zh, (asking, *others, *ASK[1])


def question(d: Derivation) -> Pair:
    """As in 你喜欢这本书吗?"""
    draws = (
        draw_liking,
        draw_past,
        lambda d: timed(d, draw_doing(d), "future"),
        lambda d: replace(draw_doing(d), modal="想"),
    )
    return _asked(d.one_of(draws)(d))


def what(d: Derivation) -> Pair:
    """As in 小明昨天买了什么?"""
    # Without its object 看 would be to read as well as to watch.
    verb = d.one_of([v for v in verbs.ACTIONS if v.chinese != "看:verb"])
    asks_who = d.one_of(sorted(verb.objects)) in ("person", "child")
    asked = WHO if asks_who else WHAT
    said = timed(d, Situation(draw_subject(d), verb), "past")
    zh = chinese_clause(replace(said, thing=asked))
    en = english_clause(said).question(within("thing", asked.english()))
    return (*zh, *ASK[0]), (*en, *ASK[1])


def who(d: Derivation) -> Pair:
    """As in 谁昨天买了那本书?"""
    said = d.one_of([draw_past, draw_liking])(d, WHO)
    return (
        (*chinese_clause(said), *ASK[0]),
        (*english_clause(said).statement(), *ASK[1]),
    )


def where(d: Derivation) -> Pair:
    """As in 他们在哪里唱歌?"""
    said = Situation(draw_subject(d), d.one_of(verbs.ACTIVITIES))
    zh = chinese_clause(replace(said, place=("在?asked 哪里:asked", "")))
    en = english_clause(said).question(within("place", tag("where:asked")))
    return (*zh, *ASK[0]), (*en, *ASK[1])


def state(d: Derivation) -> Pair:
    """As in 这本书很贵；我们不累."""
    if d.chance(50):
        subject = draw_subject(d)
        said = Situation(subject, state=d.one_of(list(nouns.STATES.items())))
    else:
        options = of_kind(
            "animal", "food", "text", "letter", "film", "clothes", "machine"
        )
        determiner = d.one_of(("this", "that", "these", "my"))
        is_plural = determiner in small_words.PLURAL
        said = state_of(d, NounPhrase(d.one_of(options), determiner, None, is_plural))
    return _statement(replace(said, is_negated=d.chance(35)))


def comparison(d: Derivation) -> Pair:
    """As in 这本书比那本书贵."""
    adjective = d.one_of([a for a in nouns.ADJECTIVES if a.comparative])
    options = of_kind(d.one_of(sorted(adjective.kinds)))
    first, second = (
        NounPhrase(d.one_of(options), determiner)
        for determiner in d.one_of([("this", "that"), ("that", "this")])
    )
    for noun in (first.noun, second.noun):
        d.combine(ADJECTIVE_NOUN, str(adjective), str(noun))
    *more, last = adjective.comparative.split()
    other = within("other", second.chinese()), within("other", second.english())
    zh = (
        *within("subject", first.chinese()),
        *tag("比:than"),
        *other[0],
        Word(adjective.chinese, ("state",)),
    )
    en = (
        *within("subject", first.english()),
        *tag("is?state"),
        *(Word(word, (), ("state",)) for word in more),
        Word(last, ("state",)),
        *tag("than:than"),
        *other[1],
    )
    return (*zh, *STOP[0]), (*en, *STOP[1])


def ba(d: Derivation) -> Pair:
    """As in 他把那本书放在桌子上了."""
    verb = verbs.PUT if d.chance(30) else d.one_of(verbs.DISPOSALS)
    noun = d.one_of(of_kind(*sorted(verb.objects)))
    d.combine(VERB_OBJECT, str(verb), str(noun))
    determiners = ("this", "that", "these", "those", "my")
    thing = noun_phrase(d, [noun], determiners)
    subject = draw_subject(d)
    place = d.one_of(small_words.SURFACES) if verb is verbs.PUT else ("", "")
    zh = (
        *within("subject", subject.chinese()),
        *tag("把"),
        *within("thing", thing.chinese()),
        *tag(verb.chinese),
        *within("place", tag(place[0])),
        *tag("了?verb"),
    )
    en = (
        *within("subject", subject.english()),
        *tag(verb.past),
        *within("thing", thing.english()),
        *tag(verb.particle),
        *within("place", tag(place[1])),
    )
    return (*zh, *STOP[0]), (*en, *STOP[1])
