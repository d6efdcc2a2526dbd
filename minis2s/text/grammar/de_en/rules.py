"""What the German-English grammar says: one rule for each thing that differs."""

from dataclasses import replace

from minis2s.text.grammar.de_en import nouns, small_words, verbs
from minis2s.text.grammar.de_en.clauses import english_clause, german_clause
from minis2s.text.grammar.de_en.phrases import WHO, Adjunct, Situation
from minis2s.text.grammar.de_en.situations import (
    ADJECTIVE_NOUN,
    CONJUNCTION_VERB,
    VERB_OBJECT,
    any_situation,
    any_verb,
    at_a_place,
    draw_asked,
    draw_person,
    draw_subject,
    in_a_state,
    in_time,
    negated,
    varied,
    with_modal,
    with_verb,
)
from minis2s.text.grammar.engine import (
    Derivation,
    Grammar,
    Word,
    Words,
    every_nth,
    mark,
    tag,
    within,
)

Pair = tuple[Words, Words]


def _statement(said: Situation) -> Pair:
    return (
        (*german_clause(said).verb_second(), *mark(".")),
        (*english_clause(said).statement(), *mark(".")),
    )


def _accusative(d: Derivation) -> Pair:
    """Der Koch kauft einen roten Hut."""
    return _statement(with_verb(d, d.one_of(verbs.TRANSITIVE)))


def _dative(d: Derivation) -> Pair:
    """Die Frau hilft dem kleinen Kind."""
    return _statement(in_time(d, with_verb(d, d.one_of(verbs.DATIVE))))


def _two_objects(d: Derivation) -> Pair:
    """Der Mann gibt der Frau einen Brief."""
    return _statement(in_time(d, with_verb(d, d.one_of(verbs.GIVING))))


def _negation(d: Derivation) -> Pair:
    """Der Koch kauft keinen Hut; er kauft den Hut nicht."""
    return _statement(negated(in_time(d, any_situation(d))))


def _copula(d: Derivation) -> Pair:
    """Die alte Frau ist müde."""
    said = in_a_state(d)
    return _statement(negated(said) if d.chance(30) else said)


def _place(d: Derivation) -> Pair:
    """Das Kind schläft im Garten."""
    said = in_time(d, with_verb(d, d.one_of(verbs.INTRANSITIVE)))
    said = replace(said, adjunct=at_a_place(d, small_words.WHERE))
    return _statement(negated(said) if d.chance(20) else said)


def _direction(d: Derivation) -> Pair:
    """Das Kind geht in den Garten."""
    said = in_time(d, with_verb(d, d.one_of(verbs.MOTION)))
    said = replace(said, adjunct=at_a_place(d, small_words.WHERE_TO))
    return _statement(negated(said) if d.chance(20) else said)


def _companion(d: Derivation) -> Pair:
    """Sie tanzt mit dem Kind; sie kauft einen Hut für mich."""
    if d.chance(50):
        verb = d.one_of(verbs.named("tanzen", "spielen"))
        preposition, kinds = small_words.WITH, frozenset({"person", "animal"})
    else:
        verb = d.one_of(verbs.named("kaufen", "schreiben"))
        preposition, kinds = small_words.FOR, frozenset({"person"})
    said = in_time(d, with_verb(d, verb))
    other = draw_person(d, preposition.case, said.subject, kinds)
    return _statement(replace(said, adjunct=Adjunct(preposition, other)))


def _separable(d: Derivation) -> Pair:
    """Die Lehrerin ruft den Koch an."""
    return _statement(with_verb(d, d.one_of(verbs.SEPARABLE)))


def _perfect(d: Derivation) -> Pair:
    """Die Lehrerin hat den Koch angerufen."""
    return _statement(replace(any_situation(d), tense="perfect"))


def _modal(d: Derivation) -> Pair:
    """Die Lehrerin will den Koch anrufen."""
    return _statement(with_modal(d, any_situation(d)))


def _time_inside(d: Derivation) -> Pair:
    """Der Koch kauft jeden Morgen einen Hut."""
    said = in_time(d, any_situation(d))
    return _statement(replace(said, time=d.one_of(small_words.TIMES[said.tense])))


def _time_first(d: Derivation) -> Pair:
    """Jeden Morgen kauft der Koch einen Hut."""
    said = in_time(d, any_situation(d))
    de, en = d.one_of(small_words.TIMES[said.tense])
    front = within("time", tag(de)), within("time", tag(en))
    return (
        (*german_clause(said).verb_second(front[0]), *mark(".")),
        (*front[1], *english_clause(said).statement(), *mark(".")),
    )


def _yes_no(d: Derivation) -> Pair:
    """Kauft der Koch den Hut?"""
    if d.chance(10):
        said = in_a_state(d, draw_asked(d, frozenset({"person", "animal"})))
    else:
        verb = any_verb(d)
        said = varied(d, with_verb(d, verb, draw_asked(d, verb.subjects)))
    if d.chance(35):  # without a time there is one "Lachst du?" and no other
        said = replace(said, time=d.one_of(small_words.TIMES[said.tense]))
    return (
        (*german_clause(said).verb_first(), *mark("?")),
        (*english_clause(said).question(), *mark("?")),
    )


def _who(d: Derivation) -> Pair:
    """Wer kauft den Hut?"""
    said = varied(d, with_verb(d, any_verb(d), WHO))
    return (
        (*german_clause(said).verb_second(), *mark("?")),
        (*english_clause(said).statement(), *mark("?")),
    )


def _what(d: Derivation) -> Pair:
    """Was kauft der Koch? Wem hilft er?"""
    verb = d.one_of([*verbs.OBJECT_VERBS, *verbs.DATIVE])
    said = varied(d, Situation(draw_subject(d, verb.subjects), verb))
    if verb in verbs.DATIVE:
        asked = "wem:asked", "who:asked"
    elif "person" in verb.objects and (len(verb.objects) == 1 or d.chance(50)):
        asked = "wen:asked", "who:asked"
    else:
        asked = "was:asked", "what:asked"
    return _asked(said, *asked)


def _why(d: Derivation) -> Pair:
    """Warum kauft der Koch den Hut?"""
    adverb = d.one_of([("warum", "why"), ("wann", "when"), ("wo", "where")])
    said = varied(d, any_situation(d))
    return _asked(said, *(f"{word}:asked" for word in adverb))


def _asked(said: Situation, de: str, en: str) -> Pair:
    return (
        (*german_clause(said).verb_second(tag(de)), *mark("?")),
        (*english_clause(said).question(tag(en)), *mark("?")),
    )


def _subordinate(d: Derivation, conjunction: str) -> Situation:
    """What happens in a subordinate clause; every second verb is separable."""
    separable = d.chance(50)
    said = with_verb(d, d.one_of(verbs.SEPARABLE)) if separable else any_situation(d)
    if conjunction != "wenn":
        said = varied(d, said)
    if said.verb in verbs.SEPARABLE:
        d.combine(CONJUNCTION_VERB, conjunction, str(said.verb))
    return said


def _short(d: Derivation) -> Situation:
    """A main clause that has a reason or a condition."""
    if d.chance(50):
        return replace(in_a_state(d), state=("glücklich", "happy"))
    return with_verb(d, d.one_of(verbs.named("lachen", "weinen", "warten")))


def _weil(d: Derivation) -> Pair:
    """Das Kind lacht, weil der Koch einen Hut kauft."""
    return _two_clauses(_short(d), "weil", _subordinate(d, "weil"))


def _dass(d: Derivation) -> Pair:
    """Das Kind weiß, dass der Koch einen Hut kauft."""
    main = with_verb(d, d.one_of(verbs.SAYING))
    return _two_clauses(main, "dass", _subordinate(d, "dass"))


def _two_clauses(main: Situation, conjunction: str, other: Situation) -> Pair:
    """Main clause and subordinate clause; only German writes a comma."""
    link = (Word(small_words.CONJUNCTIONS[conjunction], ("link",)),)
    de = within("other", german_clause(other).verb_final())
    en = within("other", english_clause(other).statement())
    return (
        (
            *german_clause(main).verb_second(),
            *tag(f", {conjunction}:link"),
            *de,
            *mark("."),
        ),
        (*english_clause(main).statement(), *link, *en, *mark(".")),
    )


def _wenn(d: Derivation) -> Pair:
    """Wenn der Koch einen Hut kauft, lacht das Kind."""
    other, main = _subordinate(d, "wenn"), _short(d)
    de = within("other", german_clause(other).verb_final())
    en = within("other", english_clause(other).statement())
    front = (*tag("wenn:link"), *de, *mark(","))
    return (
        (*german_clause(main).verb_second(front), *mark(".")),
        (
            *tag("if:link"),
            *en,
            *mark(","),
            *english_clause(main).statement(),
            *mark("."),
        ),
    )


GRAMMAR = Grammar(
    "German cases, verb positions, separable verbs, compounds; gold alignment",
    ("de", "en"),
    {
        "accusative": _accusative,
        "dative": _dative,
        "two-objects": _two_objects,
        "negation": _negation,
        "copula": _copula,
        "place": _place,
        "direction": _direction,
        "companion": _companion,
        "separable": _separable,
        "perfect": _perfect,
        "modal": _modal,
        "time-inside": _time_inside,
        "time-first": _time_first,
        "yes-no": _yes_no,
        "who": _who,
        "what": _what,
        "why": _why,
        "weil": _weil,
        "dass": _dass,
        "wenn": _wenn,
    },
    {"yes-no": 4, "weil": 2, "dass": 2, "wenn": 2},
    {
        ADJECTIVE_NOUN: every_nth(
            7,
            nouns.ADJECTIVES,
            [*nouns.NOUNS, *nouns.PLACES.values()],
            lambda adjective, noun: noun.kind in adjective.kinds,
        ),
        VERB_OBJECT: every_nth(
            7,
            [*verbs.OBJECT_VERBS, *verbs.GIVING],
            nouns.NOUNS,
            lambda verb, noun: noun.kind in verb.objects,
        ),
        CONJUNCTION_VERB: frozenset(
            (list(small_words.CONJUNCTIONS)[i % 3], str(verb))
            for i, verb in enumerate(verbs.SEPARABLE)
        ),
    },
)
