"""What is odd about a text is counted, and dropped only if that is asked for."""

import numpy as np
import pytest

from minis2s.config import InputError
from minis2s.text import corpora
from minis2s.text.corpora import ParallelText
from minis2s.text.quality import (
    DROPPED,
    describe,
    drop_pairs,
    find_leaks,
    find_oddities,
)


def text_of(*pairs):
    """A text of these pairs."""
    return ParallelText([s for s, _ in pairs], [t for _, t in pairs], "")


@pytest.fixture
def captions():
    """Pairs of ours, all in order, as a list that may be spoilt."""
    text = corpora.load("captions-de-en", "test", "de", "en")
    return list(zip(text.src, text.tgt, strict=True))


def oddities(pairs, src="de", tgt="en"):
    """Name -> numbers, of what was found at all."""
    found = find_oddities(text_of(*pairs), src, tgt)
    return {name: numbers.tolist() for name, numbers in found.items() if len(numbers)}


def after(pairs, *numbers):
    """Numbers of pairs that were appended to these."""
    return [len(pairs) + i for i in numbers]


# --- what is found ---


def test_a_good_text_has_no_oddity(captions):
    """Nothing is said of pairs that are in order."""
    assert oddities(captions) == {}


def test_repeated_pairs(captions):
    """All but the first of equal pairs; the space around and NFC do not count."""
    s, t = captions[5]
    ring = ("Der Bär schläft.", "The bear sleeps.")
    apart = ("Der Ba\u0308r schläft.", "The bear sleeps.")
    pairs = [*captions, (f" {s}\t", f"{t}\u00a0"), ring, apart, (s, t)]
    assert oddities(pairs) == {"repeated": after(captions, 0, 2, 3)}


def test_ambiguous_sources(captions):
    """An earlier source with another target counts; with the same it is repeated."""
    s, t = captions[5]
    pairs = [*captions, (s, "A man sits there."), (s, t), (s, "A man sits there.")]
    assert oddities(pairs) == {
        "ambiguous": after(captions, 0),
        "repeated": after(captions, 1, 2),
    }


def test_equal_sides_are_copied_unless_they_are_a_name(captions):
    """A sentence that is its own translation is odd; one word or a number is not."""
    s, _ = captions[5]
    pairs = [*captions, ("Berlin", "Berlin"), (f"{s} ", s), ("1984", "1984")]
    assert oddities(pairs) == {
        "copied": after(captions, 1),
        "ambiguous": after(captions, 1),
    }


def test_equal_sides_without_spaces():
    """A Chinese sentence is more than one word."""
    assert "copied" in oddities([("我喜欢狗", "我喜欢狗"), ("猫", "a cat")], "zh", "en")


def test_lopsided_pairs(captions):
    """Three times as long as the other, beyond the usual ratio and ten characters."""
    s, t = captions[5]
    pairs = [*captions, ("@@", t), (s, "A dog."), ("Ja.", "Yes, it is."), (s * 4, t)]
    assert oddities(pairs)["lopsided"] == after(captions, 0, 1, 3)


def test_the_usual_ratio_of_a_text_is_not_lopsided():
    """Short lines mean long ones in a text where they always do."""
    pairs = [
        (f"狗在街上等{i}", f"The dog is waiting out in street number {i}.")
        for i in range(7)
    ]
    pairs.append(
        ("今天狗在街上等一只猫和一匹马，可是猫没有来", "A dog waits in the street.")
    )
    assert oddities(pairs, "zh", "en") == {"lopsided": [7]}


def test_swapped_pairs(captions):
    """They are found, and not called foreign on top of it."""
    for i in (3, 50):
        captions[i] = captions[i][::-1]
    assert oddities(captions) == {"swapped": [3, 50]}


def test_both_sides_in_one_language(captions):
    """A source that is English like its target."""
    tgt = "A woman with a big umbrella is waiting for the bus in the rain."
    captions[7] = ("In the rain, a woman under an umbrella waits for a bus.", tgt)
    assert oddities(captions) == {"one_language": [7]}


def test_foreign_lines(captions):
    """A side in a third language is told by script or by small words."""
    captions[11] = (captions[11][0], "Deux chiens courent dans le pré avec une fille.")
    captions[13] = ("Две собаки бегут по траве.", captions[13][1])
    assert oddities(captions) == {"foreign_src": [13], "foreign_tgt": [11]}


def test_languages_the_wrong_way_round(captions):
    """Files that belong to each other's flag: most lines of both sides are foreign."""
    found = oddities([pair[::-1] for pair in captions])
    assert found.keys() == {"foreign_src", "foreign_tgt"}
    assert all(len(numbers) > len(captions) / 2 for numbers in found.values())


@pytest.mark.parametrize("tgt", ["en", "en-GB"])
def test_equal_languages_may_be_copied(captions, tgt):
    """A headline may be its own sentence, and the sides are alike."""
    pairs = [(t, t if i % 2 else t[: len(t) // 2]) for i, (_, t) in enumerate(captions)]
    assert oddities(pairs, "en", tgt) == {}


@pytest.mark.parametrize("blank", [("", ""), (" ", "a b c"), ("a b", "\u00a0\t")])
def test_blank_pairs_are_not_looked_at(captions, blank):
    """They are counted, and that is all; the numbers of the others count them, too."""
    pairs = [blank, blank, *captions, captions[0]]
    assert oddities(pairs) == {"blank": [0, 1], "repeated": after(captions, 2)}
    assert oddities([blank, blank]) == {"blank": [0, 1]}


def test_leaks(captions):
    """Training pairs with a line of the validation text, on the same side."""
    train = text_of(*captions[:11], ("", ""))
    s, t = captions[3]
    valid = text_of((f"{s} ", "x"), ("y", captions[7][1]), (t, s), ("", ""))
    assert find_leaks(train, valid).tolist() == [3, 7]


# --- what is said ---


def test_one_sentence_for_each_oddity():
    """With the count, and the number of the first line or pair."""
    found = {
        "repeated": np.array([4, 6]),
        "swapped": np.array([], dtype=int),
        "foreign_tgt": np.array([0]),
    }
    assert describe(found, 31, "de", "en") == [
        "2 of 31 pairs repeat an earlier pair word for word (first: line 5)",
        "1 of 31 pairs seems to have a target that is not en (first: line 1)",
    ]
    assert describe(found, 31, "de", "en", unit="pair")[0].endswith("(first: pair 5)")


def test_every_oddity_has_its_words(captions):
    """No name that can be found is without a sentence."""
    text = text_of(*captions)
    names = [*find_oddities(text, "de", "en"), "leaked"]
    found = {name: np.array([1, 2]) for name in names}
    said = describe(found, 31, "de", "en")
    assert len(set(said)) == len(names) == 10
    assert not any("{" in sentence for sentence in said)


# --- what is dropped ---


def test_drop_pairs(captions):
    """What is named in DROPPED goes, counted once; the rest keeps its order."""
    s, t = captions[5]
    captions[9] = captions[9][::-1]
    pairs = [*captions, (s, t), (s, "Something else."), (s, s), captions[9], ("@@", t)]
    text = text_of(*pairs)
    cleaned, n_dropped = drop_pairs(text, find_oddities(text, "de", "en"))
    assert n_dropped == {"repeated": 2, "copied": 1, "lopsided": 1, "swapped": 1}
    assert tuple(n_dropped) == DROPPED
    kept = [*captions[:9], *captions[10:], (s, "Something else.")]
    assert list(zip(cleaned.src, cleaned.tgt, strict=True)) == kept


def test_cleaned_text_is_named_by_what_is_left(tmp_path, captions):
    """Its sha256 is that of a file which never held the dropped pairs."""
    path = tmp_path / "a.tsv"
    path.write_text("".join(f"{s}\t{t}\n" for s, t in captions), encoding="utf-8")
    text = text_of(*captions, captions[5])
    cleaned, _ = drop_pairs(text, find_oddities(text, "de", "en"))
    assert cleaned == corpora.read_tsv(path)


def test_nothing_to_drop(captions):
    """A good text stays as it is, and the counts say so."""
    text = text_of(*captions)
    cleaned, n_dropped = drop_pairs(text, find_oddities(text, "de", "en"))
    assert (cleaned.src, cleaned.tgt) == (text.src, text.tgt)
    assert set(n_dropped.values()) == {0}


def test_nothing_left():
    """A text of copies alone is refused."""
    text = text_of(("ein Hund", "ein Hund"), ("zwei Hunde", "zwei Hunde"))
    with pytest.raises(InputError, match="no pair is left after dropping the odd"):
        drop_pairs(text, find_oddities(text, "de", "en"))
