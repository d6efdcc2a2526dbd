"""What is said: phrases of a noun, and a situation with its time, place and object."""

from dataclasses import dataclass

from minis2s.text.grammar import english
from minis2s.text.grammar.engine import Word, Words, tag
from minis2s.text.grammar.zh_en import nouns, small_words, verbs


@dataclass(frozen=True)
class NounPhrase:
    """A determiner with its measure word, perhaps an adjective, and a noun."""

    noun: nouns.Noun
    determiner: str
    """A key of `small_words.DETERMINERS`, or "the" behind a relative clause."""
    adjective: nouns.Adjective | None = None
    is_plural: bool = False

    @property
    def is_third(self) -> bool:
        """Whether an English verb takes its ending."""
        return not self.is_plural

    def chinese(self) -> Words:
        """这本有趣的书: the measure word and 的 only help to say their neighbour."""
        said = list(_chinese_determiner(self.determiner, is_plural=self.is_plural))
        is_counted = self.determiner not in small_words.WITHOUT_MEASURE
        if is_counted and not (self.determiner == "the" and self.is_plural):
            said.append(Word(self.noun.measure, (), ("noun",)))
        if self.adjective:
            stem = self.adjective.attributive.removesuffix("的")
            said.append(Word(stem, ("adj",)))
            if stem != self.adjective.attributive:
                said.append(Word("的", (), ("adj",)))
        return (*said, Word(self.noun.chinese, ("noun",)))

    def english(self, *, is_subject: bool = True) -> Words:
        """This interesting book."""
        del is_subject
        noun = self.noun.english[self.is_plural]
        said = [Word(part, ("noun",)) for part in noun.split()]
        if self.adjective:
            said.insert(0, Word(self.adjective.english, ("adj",)))
        return (*_english_determiner(self.determiner, said[0].text), *said)


def _chinese_determiner(name: str, *, is_plural: bool) -> Words:
    if name == "the":
        return (Word("那些" if is_plural else "那", ("det",)),)
    text = small_words.DETERMINERS[name][0]
    if text.endswith("的"):
        return Word(text[:-1], ("det",)), Word("的", (), ("det",))
    return (Word(text, ("det",)),)


def _english_determiner(name: str, following: str) -> Words:
    text = "the" if name == "the" else small_words.DETERMINERS[name][1]
    return (Word(english.article(following) if text == "a" else text, ("det",)),)


@dataclass(frozen=True)
class DrinkPhrase:
    """A drink, counted by its vessel or not counted at all."""

    noun: nouns.Drink
    determiner: str
    """one, two, three, or nothing."""

    def chinese(self) -> Words:
        """两杯茶: here the measure word is a word of its own."""
        drink = Word(self.noun.chinese, ("noun",))
        if not self.determiner:
            return (drink,)
        number = Word(small_words.DETERMINERS[self.determiner][0], ("det",))
        return (number, Word(self.noun.measure, ("vessel",)), drink)

    def english(self, *, is_subject: bool = True) -> Words:
        """Two cups of tea."""
        del is_subject
        drink = Word(self.noun.english, ("noun",))
        if not self.determiner:
            return (drink,)
        vessel = self.noun.vessel[self.determiner in small_words.PLURAL]
        number = _english_determiner(self.determiner, vessel)
        return (*number, Word(vessel, ("vessel",)), Word("of", (), ("noun",)), drink)


@dataclass(frozen=True)
class PronounPhrase:
    """A personal or interrogative pronoun, or a name."""

    pronoun: small_words.Pronoun

    @property
    def is_third(self) -> bool:
        """Whether an English verb takes its ending."""
        return self.pronoun.is_third

    def chinese(self) -> Words:
        """The same everywhere."""
        return (Word(self.pronoun.chinese, ("noun",)),)

    def english(self, *, is_subject: bool = True) -> Words:
        """I or me."""
        text = self.pronoun.subject if is_subject else self.pronoun.object
        return (Word(text, ("noun",)),)


Phrase = NounPhrase | PronounPhrase
WHO = PronounPhrase(small_words.Pronoun("谁", "who", "who", is_third=True))
WHAT = PronounPhrase(small_words.Pronoun("什么", "what", "what"))


@dataclass(frozen=True)
class Situation:
    """Who does what, when and where: all that both languages say."""

    subject: Phrase
    verb: verbs.Verb | None = None
    """None: the subject is in a state."""
    state: tuple[str, str] = ("", "")
    """A predicative adjective in both languages."""
    tense: str = "habit"
    """habit, past, future or progressive: what Chinese says with 了, 会 or 正在."""
    modal: str = ""
    is_negated: bool = False
    thing: Phrase | DrinkPhrase | None = None
    place: tuple[str, str] | None = None
    time: tuple[str, str] | None = None


def both(expression: tuple[str, str]) -> tuple[Words, Words]:
    """A fixed expression in Chinese and in English."""
    return tag(expression[0]), tag(expression[1])
