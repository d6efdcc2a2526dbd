"""What is said: phrases in any case, and a situation that they have a part in."""

from dataclasses import dataclass

from minis2s.text.grammar import english, german
from minis2s.text.grammar.de_en import nouns, small_words, verbs
from minis2s.text.grammar.engine import Word, Words, tag


@dataclass(frozen=True)
class NounPhrase:
    """A determiner, perhaps an adjective, and a noun."""

    noun: nouns.Noun
    determiner: str
    """Stem in German: d, ein, kein, mein, dein; nothing before a bare plural."""
    adjective: nouns.Adjective | None
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
            nodes = (("not",), ("det",)) if is_kein else (("det",), ())
            said.append(Word(text, *nodes))
        if self.adjective:
            text = german.adjective(self.adjective.stem, self.determiner, case, gender)
            said.append(Word(text, ("adj",)))
        parts = self.noun.english[0].split()  # a compound says all of them
        text = self.noun.german.form(case, plural=self.is_plural)
        return (*said, Word(text, tuple(f"noun{i}" for i in range(len(parts)))))

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
        return {"d": "the", "": "", **small_words.POSSESSIVES}[self.determiner]


@dataclass(frozen=True)
class PronounPhrase:
    """A personal or interrogative pronoun."""

    pronoun: small_words.Pronoun

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
WHO = PronounPhrase(small_words.Pronoun({"nom": "wer:p"}, "who:p", "", 2))


@dataclass(frozen=True)
class Adjunct:
    """A preposition and what it governs."""

    preposition: small_words.Preposition
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
    verb: verbs.Verb | None = None
    """None: the subject is in a state."""
    state: tuple[str, str] = ("", "")
    """A predicative adjective in both languages."""
    tense: str = "present"
    """present, or perfect, which is the English past."""
    modal: verbs.Modal | None = None
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
