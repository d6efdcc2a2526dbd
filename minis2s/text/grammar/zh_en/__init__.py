"""The Chinese-English grammar: its words, how a situation is said, and its rules."""

from minis2s.text.grammar.engine import Grammar, every_nth
from minis2s.text.grammar.zh_en import nested, nouns, rules, small_words, verbs
from minis2s.text.grammar.zh_en.situations import (
    ADJECTIVE_NOUN,
    VERB_OBJECT,
    VERB_PLACE,
)

GRAMMAR = Grammar(
    "Chinese without spaces: measure words, 的, 了, 把, 吗; gold alignment",
    ("zh", "en"),
    {
        "habit": rules.habit,
        "past": rules.past,
        "time-first": rules.time_first,
        "future": rules.future,
        "progressive": rules.progressive,
        "place": rules.place,
        "liking": rules.liking,
        "not-done": rules.not_done,
        "not": rules.negated,
        "modal": rules.modal,
        "question": rules.question,
        "what": rules.what,
        "who": rules.who,
        "where": rules.where,
        "state": rules.state,
        "comparison": rules.comparison,
        "relative-subject": nested.relative_subject,
        "relative-object": nested.relative_object,
        "ba": rules.ba,
        "because": nested.because,
    },
    {"relative-subject": 2, "relative-object": 2, "ba": 2},
    {
        ADJECTIVE_NOUN: every_nth(
            7,
            nouns.ADJECTIVES,
            nouns.NOUNS,
            lambda adjective, noun: noun.kind in adjective.kinds,
        ),
        VERB_OBJECT: every_nth(
            7,
            [*verbs.ACTIONS, *verbs.STATIVE, *verbs.DISPOSALS],
            [*nouns.NOUNS, *nouns.DRINKS],
            lambda verb, noun: noun.kind in verb.objects,
        ),
        VERB_PLACE: every_nth(
            3,
            verbs.ACTIVITIES,
            list(small_words.PLACES),
            lambda verb, place: place in verb.places,
        ),
    },
)
