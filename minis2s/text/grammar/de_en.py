"""German and English: one situation, said by the rules of each.

A rule draws a situation (who does what to whom, when and where), has each language
make a clause of it, and chooses the order of the clause. The choices are limited so
that each sentence has one translation in either direction: see de_en_words.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from minis2s.text.grammar import de_en_words as words
from minis2s.text.grammar import english, german
from minis2s.text.grammar.engine import (
    Derivation,
    Grammar,
    Word,
    Words,
    every_seventh,
    mark,
    tag,
    within,
)

ADJECTIVE_NOUN, VERB_OBJECT, CONJUNCTION_VERB = (
    "adjective-noun",
    "verb-object",
    "conjunction-separable",
)


@dataclass(frozen=True)
class NounPhrase:
    """A determiner, perhaps an adjective, and a noun."""

    noun: words.Noun
    determiner: str
    """Stem in German: d, ein, kein, mein, dein; nothing before a bare plural."""
    adjective: words.Adjective | None
    is_plural: bool

    @property
    def person(self) -> int:
        """As a subject: er 2, sie (they) 5."""
        return 5 if self.is_plural else 2

    def german(self, case: str) -> Words:
        """The phrase in a case; "kein" says the negation and helps with the article."""
        gender = "p" if self.is_plural else self.noun.german.gender
        said = []
        if self.determiner:
            text = german.determiner(self.determiner, case, gender)
            is_kein = self.determiner == "kein"
            said.append(Word(text, *((("not",), ("det",)) if is_kein else (("det",),))))
        if self.adjective:
            text = german.adjective(self.adjective.stem, self.determiner, case, gender)
            said.append(Word(text, ("adj",)))
        nodes = tuple(f"noun{i}" for i in range(len(self.noun.english[0].split())))
        text = self.noun.german.form(case, plural=self.is_plural)
        return (*said, Word(text, nodes))

    def english(self, case: str) -> Words:
        """The phrase, the same in every case."""
        del case
        parts = self.noun.english[self.is_plural].split()
        said = [Word(part, (f"noun{i}",)) for i, part in enumerate(parts)]
        if self.adjective:
            said.insert(0, Word(self.adjective.english, ("adj",)))
        determiner = self._english_determiner(said[0].text)
        return (*((Word(determiner, ("det",)),) if determiner else ()), *said)

    def _english_determiner(self, following: str) -> str:
        if self.determiner in ("ein", "kein"):
            return "" if self.is_plural else english.article(following)
        return {"d": "the", "": "", **words.POSSESSIVES}[self.determiner]


@dataclass(frozen=True)
class PronounPhrase:
    """A personal or interrogative pronoun."""

    pronoun: words.Pronoun

    @property
    def person(self) -> int:
        """That of ich 0, du 1, er or sie 2, wir 3, ihr 4, sie (they) 5."""
        return self.pronoun.person

    def german(self, case: str) -> Words:
        """The form of a case."""
        return tag(self.pronoun.german[case])

    def english(self, case: str) -> Words:
        """The form of a subject, or that of every other case."""
        return tag(self.pronoun.subject if case == "nom" else self.pronoun.object)


Phrase = NounPhrase | PronounPhrase
WHO = PronounPhrase(words.Pronoun({"nom": "wer:p"}, "who:p", "", 2))


@dataclass(frozen=True)
class Adjunct:
    """A preposition and what it governs."""

    preposition: words.Preposition
    phrase: Phrase

    def german(self) -> Words:
        """With preposition and article in one, where German has a word for them."""
        case = self.preposition.case
        first, *others = self.phrase.german(case)
        whole = german.CONTRACTIONS.get((self.preposition.german, first.text))
        if whole:
            return (Word(whole, ("prep",), first.sure), *others)
        return (Word(self.preposition.german, ("prep",)), first, *others)

    def english(self) -> Words:
        """The preposition, then the phrase."""
        return (*tag(self.preposition.english), *self.phrase.english("acc"))


@dataclass(frozen=True)
class Situation:
    """Who does what to whom, when and where: all that both languages say."""

    subject: Phrase
    verb: words.Verb | None = None
    """None: the subject is in a state."""
    state: tuple[str, str] = ("", "")
    """A predicative adjective in both languages."""
    tense: str = "present"
    """present, or perfect, which is the English past."""
    modal: words.Modal | None = None
    is_negated: bool = False
    receiver: Phrase | None = None
    """In the dative."""
    thing: Phrase | None = None
    """In the accusative."""
    time: tuple[str, str] | None = None
    adjunct: Adjunct | None = None

    @property
    def negation(self) -> str:
        """The node that says it: a "kein" in the object, or a word of its own."""
        if not self.is_negated:
            return ""
        has_kein = (
            isinstance(self.thing, NounPhrase) and self.thing.determiner == "kein"
        )
        return "thing.not" if has_kein else "not"


# --- each language makes a clause of it ---


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


def _joined(parts: Sequence[Words]) -> Words:
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
    modal: words.Modal, infinitive: Words, *, is_third: bool
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


# --- drawing a situation ---


def _noun_phrase(
    d: Derivation, nouns: Sequence[words.Noun], determiners: Sequence[str]
) -> NounPhrase:
    noun = d.one_of(nouns)
    owned = str(noun) not in words.NOT_OWNED
    determiner = d.one_of([x for x in determiners if owned or x in ("d", "ein")])
    fitting = [a for a in words.ADJECTIVES if noun.kind in a.kinds]
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


def _subject(d: Derivation, kinds: frozenset[str]) -> Phrase:
    if "person" in kinds and d.chance(50):
        return PronounPhrase(d.one_of(words.PRONOUNS))
    nouns = [noun for noun in words.NOUNS if noun.kind in kinds]
    return _noun_phrase(d, nouns, OF_SUBJECT)


def _person(d: Derivation, case: str, subject: Phrase, kinds: frozenset[str]) -> Phrase:
    """A person or an animal in a case, and someone else than the subject."""
    if d.chance(30):
        # "wir" and "mich" in one sentence would overlap, and so would "ihr" and "dich".
        others = [
            pronoun
            for pronoun in words.PRONOUNS
            if case in pronoun.german and pronoun.person % 3 != subject.person % 3
        ]
        return PronounPhrase(d.one_of(others))
    nouns = [noun for noun in words.NOUNS if noun.kind in kinds & {"person", "animal"}]
    return _noun_phrase(d, nouns, DEFINITE)


def _thing(d: Derivation, verb: words.Verb, subject: Phrase) -> Phrase:
    """What a verb is done to; people may be pronouns."""
    if "person" in verb.objects and d.chance(25):
        return _person(d, "acc", subject, verb.objects)
    nouns = [noun for noun in words.NOUNS if noun.kind in verb.objects]
    phrase = _noun_phrase(d, nouns, OF_OBJECT)
    d.combine(VERB_OBJECT, str(verb), str(phrase.noun))
    return phrase


def _with_verb(d: Derivation, verb: words.Verb) -> Situation:
    """A situation of a verb and what it needs."""
    subject = _subject(d, verb.subjects)
    if verb in words.GIVING:
        receiver = _person(d, "dat", subject, frozenset({"person"}))
        return Situation(
            subject, verb, receiver=receiver, thing=_thing(d, verb, subject)
        )
    if verb in words.DATIVE:
        receiver = _person(d, "dat", subject, verb.objects)
        return Situation(subject, verb, receiver=receiver)
    if verb.objects:
        return Situation(subject, verb, thing=_thing(d, verb, subject))
    return Situation(subject, verb)


def _state(d: Derivation) -> Situation:
    subject = _subject(d, frozenset({"person", "animal"}))
    return Situation(subject, state=d.one_of(list(words.STATES.items())))


VERBS = (
    words.OBJECT_VERBS,
    words.OBJECT_VERBS,
    words.DATIVE,
    words.GIVING,
    [*words.INTRANSITIVE, *words.INTRANSITIVE_SEPARABLE],
)
"""Classes of verbs, as likely as each other; with an object counts double."""


def _any(d: Derivation) -> Situation:
    return _with_verb(d, d.one_of(d.one_of(VERBS)))


def _negate(said: Situation) -> Situation:
    """Not so: an indefinite object takes "kein"."""
    thing = said.thing
    if isinstance(thing, NounPhrase) and thing.determiner in ("ein", ""):
        thing = replace(thing, determiner="kein")
    return replace(said, thing=thing, is_negated=True)


def _in_time(d: Derivation, said: Situation) -> Situation:
    """Present or perfect."""
    return replace(said, tense="perfect") if d.chance(40) else said


def _with_modal(d: Derivation, said: Situation) -> Situation:
    said = replace(said, modal=d.one_of(words.MODALS))
    return _negate(said) if said.modal.can_be_negated and d.chance(25) else said


def _varied(d: Derivation, said: Situation) -> Situation:
    """Present, perfect, or with a modal verb."""
    return _with_modal(d, said) if d.chance(25) else _in_time(d, said)


def _at(d: Derivation, prepositions: Sequence[words.Preposition]) -> Adjunct:
    preposition = d.one_of(prepositions)
    nouns = [words.PLACES[name] for name in preposition.nouns]
    phrase = _noun_phrase(d, nouns, ("d", "d", "d", "ein"))
    determiner = phrase.determiner or "ein"
    return Adjunct(preposition, replace(phrase, determiner=determiner, is_plural=False))


# --- rules ---


def _statement(said: Situation) -> tuple[Words, Words]:
    return (
        (*german_clause(said).verb_second(), *mark(".")),
        (*english_clause(said).statement(), *mark(".")),
    )


def _accusative(d: Derivation) -> tuple[Words, Words]:
    """Der Koch kauft einen roten Hut."""
    return _statement(_with_verb(d, d.one_of(words.TRANSITIVE)))


def _dative(d: Derivation) -> tuple[Words, Words]:
    """Die Frau hilft dem kleinen Kind."""
    return _statement(_in_time(d, _with_verb(d, d.one_of(words.DATIVE))))


def _two_objects(d: Derivation) -> tuple[Words, Words]:
    """Der Mann gibt der Frau einen Brief."""
    return _statement(_in_time(d, _with_verb(d, d.one_of(words.GIVING))))


def _negation(d: Derivation) -> tuple[Words, Words]:
    """Der Koch kauft keinen Hut; er kauft den Hut nicht."""
    return _statement(_negate(_in_time(d, _any(d))))


def _copula(d: Derivation) -> tuple[Words, Words]:
    """Die alte Frau ist müde."""
    said = _state(d)
    return _statement(_negate(said) if d.chance(30) else said)


def _place(d: Derivation) -> tuple[Words, Words]:
    """Das Kind schläft im Garten."""
    said = _in_time(d, _with_verb(d, d.one_of(words.INTRANSITIVE)))
    said = replace(said, adjunct=_at(d, words.WHERE))
    return _statement(_negate(said) if d.chance(20) else said)


def _direction(d: Derivation) -> tuple[Words, Words]:
    """Das Kind geht in den Garten."""
    said = _in_time(d, _with_verb(d, d.one_of(words.MOTION)))
    said = replace(said, adjunct=_at(d, words.WHERE_TO))
    return _statement(_negate(said) if d.chance(20) else said)


def _companion(d: Derivation) -> tuple[Words, Words]:
    """Sie tanzt mit dem Kind; sie kauft einen Hut für mich."""
    if d.chance(50):
        verb = d.one_of(
            [v for v in words.INTRANSITIVE if str(v) in ("tanzen", "spielen")]
        )
        preposition, kinds = words.WITH, frozenset({"person", "animal"})
    else:
        verb = d.one_of(
            [v for v in words.TRANSITIVE if str(v) in ("kaufen", "schreiben")]
        )
        preposition, kinds = words.FOR, frozenset({"person"})
    said = _in_time(d, _with_verb(d, verb))
    other = _person(d, preposition.case, said.subject, kinds)
    return _statement(replace(said, adjunct=Adjunct(preposition, other)))


def _separable(d: Derivation) -> tuple[Words, Words]:
    """Die Lehrerin ruft den Koch an."""
    return _statement(_with_verb(d, d.one_of(words.SEPARABLE)))


def _perfect(d: Derivation) -> tuple[Words, Words]:
    """Die Lehrerin hat den Koch angerufen."""
    return _statement(replace(_any(d), tense="perfect"))


def _modal(d: Derivation) -> tuple[Words, Words]:
    """Die Lehrerin will den Koch anrufen."""
    return _statement(_with_modal(d, _any(d)))


def _time_inside(d: Derivation) -> tuple[Words, Words]:
    """Der Koch kauft jeden Morgen einen Hut."""
    said = _in_time(d, _any(d))
    return _statement(replace(said, time=d.one_of(words.TIMES[said.tense])))


def _time_first(d: Derivation) -> tuple[Words, Words]:
    """Jeden Morgen kauft der Koch einen Hut."""
    said = _in_time(d, _any(d))
    de, en = d.one_of(words.TIMES[said.tense])
    front = within("time", tag(de)), within("time", tag(en))
    return (
        (*german_clause(said).verb_second(front[0]), *mark(".")),
        (*front[1], *english_clause(said).statement(), *mark(".")),
    )


def _yes_no(d: Derivation) -> tuple[Words, Words]:
    """Kauft der Koch den Hut?"""
    said = _state(d) if d.chance(10) else _varied(d, _any(d))
    return (
        (*german_clause(said).verb_first(), *mark("?")),
        (*english_clause(said).question(), *mark("?")),
    )


def _who(d: Derivation) -> tuple[Words, Words]:
    """Wer kauft den Hut?"""
    said = replace(_varied(d, _any(d)), subject=WHO)
    return (
        (*german_clause(said).verb_second(), *mark("?")),
        (*english_clause(said).statement(), *mark("?")),
    )


def _what(d: Derivation) -> tuple[Words, Words]:
    """Was kauft der Koch? Wem hilft er?"""
    verb = d.one_of([*words.OBJECT_VERBS, *words.DATIVE])
    said = _varied(d, Situation(_subject(d, verb.subjects), verb))
    if verb in words.DATIVE:
        asked = "wem:asked", "who:asked"
    elif "person" in verb.objects and (len(verb.objects) == 1 or d.chance(50)):
        asked = "wen:asked", "who:asked"
    else:
        asked = "was:asked", "what:asked"
    return _asked(said, *asked)


def _why(d: Derivation) -> tuple[Words, Words]:
    """Warum kauft der Koch den Hut?"""
    adverb = d.one_of([("warum", "why"), ("wann", "when"), ("wo", "where")])
    said = _varied(d, _any(d))
    return _asked(said, *(f"{word}:asked" for word in adverb))


def _asked(said: Situation, de: str, en: str) -> tuple[Words, Words]:
    return (
        (*german_clause(said).verb_second(tag(de)), *mark("?")),
        (*english_clause(said).question(tag(en)), *mark("?")),
    )


def _subordinate(d: Derivation, conjunction: str) -> Situation:
    """What happens in a subordinate clause; every second verb is separable."""
    separable = d.chance(50)
    said = _with_verb(d, d.one_of(words.SEPARABLE)) if separable else _any(d)
    if conjunction != "wenn":
        said = _varied(d, said)
    if separable:
        d.combine(CONJUNCTION_VERB, conjunction, str(said.verb))
    return said


def _short(d: Derivation) -> Situation:
    """A main clause that has a reason or a condition."""
    if d.chance(50):
        return replace(_state(d), state=("glücklich", "happy"))
    verbs = [v for v in words.INTRANSITIVE if str(v) in ("lachen", "weinen", "warten")]
    return _with_verb(d, d.one_of(verbs))


def _weil(d: Derivation) -> tuple[Words, Words]:
    """Das Kind lacht, weil der Koch einen Hut kauft."""
    return _two_clauses(_short(d), "weil", _subordinate(d, "weil"))


def _dass(d: Derivation) -> tuple[Words, Words]:
    """Das Kind weiß, dass der Koch einen Hut kauft."""
    main = _with_verb(d, d.one_of(words.SAYING))
    return _two_clauses(main, "dass", _subordinate(d, "dass"))


def _two_clauses(
    main: Situation, conjunction: str, other: Situation
) -> tuple[Words, Words]:
    """Main clause and subordinate clause; only German writes a comma."""
    link = (Word(words.CONJUNCTIONS[conjunction], ("link",)),)
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


def _wenn(d: Derivation) -> tuple[Words, Words]:
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
    {"yes-no": 2, "weil": 2, "dass": 2, "wenn": 2},
    {
        ADJECTIVE_NOUN: every_seventh(
            words.ADJECTIVES,
            [*words.NOUNS, *words.PLACES.values()],
            lambda adjective, noun: noun.kind in adjective.kinds,
        ),
        VERB_OBJECT: every_seventh(
            [*words.OBJECT_VERBS, *words.GIVING],
            words.NOUNS,
            lambda verb, noun: noun.kind in verb.objects,
        ),
        CONJUNCTION_VERB: frozenset(
            (list(words.CONJUNCTIONS)[i % 3], str(verb))
            for i, verb in enumerate(words.SEPARABLE)
        ),
    },
)
