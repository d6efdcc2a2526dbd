"""Test: does a tokenizer keep everything that it is given?"""

import re
import unicodedata

from minis2s.classroom.write_test import Faulty, WriteTest
from minis2s.text.bpe import BPE

# --- tokenizers under test, as pairs of encode and decode ---


def _to_bytes(text):
    return list(text.encode())


def _from_bytes(ids):
    return bytes(ids).decode()


def _to_words(text):
    return re.findall(r" ?[^ ]+", text)


_BPE = BPE.learn(["Ein Hund schläft. Der Hut ist rot."], 11)


def _first(change, encode=_to_bytes, decode=_from_bytes):
    """A tokenizer that changes the text before it begins."""
    return (lambda text: encode(change(text))), decode


def _without_accents(text):
    split = unicodedata.normalize("NFD", text)
    return "".join(c for c in split if not unicodedata.combining(c))


def _known_alone(text):
    return "".join(c for c in text if c.isascii() or c in "äöüÄÖÜß")


def _spaced(text):
    return re.sub(r" +([.,?!])", r"\1", " ".join(re.findall(r"\w+|[^\w\s]", text)))


def _cut_short(text):
    return text.encode()[:50].decode(errors="ignore")


# --- tests of them ---


def _test(*texts):
    def keeps_everything(encode, decode):
        return all(decode(encode(text)) == text for text in texts)

    return keeps_everything


_PLAIN = "Drei Kinder bauen."
_ACCENTED = "Köche füttern Vögel."
_STRANGE = "Die 猫 heißt Łukasz ☂"
_HYPHEN = "Ein blau-weißes T-Shirt für 3,50 Euro."
_LONG = "Ein Mann steht auf einer Leiter und streicht die Decke der Küche gelb."

keeps_everything = _test(_PLAIN, _ACCENTED, _STRANGE, _HYPHEN, _LONG)
"""The published solution."""

check_round_trip = WriteTest(
    name="round_trip",
    lesson=1,
    section="4",
    minutes=10,
    difficulty=2,
    task="""Judge a test of a tokenizer: answer(encode, decode).

    tokens = encode(text) is a list, and decode(tokens) a text. The test accepts, by
    returning True or nothing, if no text loses anything on the way there and back; it
    rejects by returning False or raising an AssertionError. Texts have single spaces,
    none at their ends, and composed characters; more need not be kept.
    """,
    answer=keeps_everything,
    right={
        "by bytes": (_to_bytes, _from_bytes),
        "by words with their spaces": (_to_words, "".join),
        "by the package's merges": (_BPE.encode, _BPE.decode),
    },
    faulty={
        "spaces": Faulty(
            _first(lambda text: text.replace(" ", "")),
            "loses the spaces between words",
            look="How many words has the longest text of the test?",
            idea="What is between two words shows only where there are two.",
            code='"Drei Kinder" has a space to lose.',
        ),
        "lower": Faulty(
            _first(str.lower),
            "turns every capital into a small letter",
            look="Is a capital letter among the texts, and is it compared as one?",
            idea="German nouns begin with a capital.",
            code='decode(encode("Hund")) == "Hund", exactly.',
        ),
        "accents": Faulty(
            _first(_without_accents),
            "turns ä, ö, ü into a, o, u",
            look="Which letters of German does the test never use?",
            idea="Schon and schön are two words.",
            code='A text with letters such as those of "Köche füttern Vögel".',
        ),
        "strange": Faulty(
            _first(_known_alone),
            "drops characters that no German text has",
            look="What will a user type that the training text never held?",
            idea="Other scripts, other letters, a picture: unseen, and typed daily.",
            code='A text with characters such as "猫" and "Ł".',
        ),
        "hyphen": Faulty(
            _first(_spaced),
            "puts spaces around marks inside a word, as in T - Shirt",
            look="Where do the marks stand in the texts of the test?",
            idea="A full stop at the end is easy. Inside a word or a number it is not.",
            code='"T-Shirt" and "3,50".',
        ),
        "cut": Faulty(
            _first(_cut_short),
            "keeps no more than the first fifty bytes",
            look="How long is the longest text of the test?",
            idea="A limit shows only in a text that passes it.",
            code="A sentence of a dozen words, or a short one many times over.",
        ),
    },
    wrong={
        "accepts_all": lambda encode, decode: None,
        "rejects_right": _test(_PLAIN, "Zwei  Hunde"),
        "spaces": _test("Köche", "猫", "T-Shirt", "Donau" * 12),
        "lower": _test(*map(str.lower, (_PLAIN, _ACCENTED, _STRANGE, _HYPHEN, _LONG))),
        "accents": _test(_PLAIN, "Die 猫 ☂", "Ein T-Shirt", _LONG.replace("ü", "u")),
        "strange": _test(_PLAIN, _ACCENTED, _HYPHEN, _LONG),
        "hyphen": _test(_PLAIN, _ACCENTED, _STRANGE, _LONG),
        "cut": _test(_PLAIN, _ACCENTED, _STRANGE, _HYPHEN),
    },
    look="There and back: what has to be equal to what?",
    idea="One line is the test. Which texts it is tried on decides what it sees.",
    code="all(decode(encode(text)) == text for text in texts)",
    news="a word tokenizer fails this test by design. Since it cannot be undone, every "
    "score has to be computed on text, never on its tokens.",
)
