"""German of the German-English grammar: agreement, case, endings, verb positions."""

import re

import pytest

from minis2s.text.grammar import german, make_examples
from minis2s.text.grammar.de_en import nouns, verbs
from minis2s.text.grammar.engine import tag
from minis2s.text.tokenizers import split_words

ALL_VERBS = [
    *verbs.TRANSITIVE,
    *verbs.TRANSITIVE_SEPARABLE,
    *verbs.DATIVE,
    *verbs.GIVING,
    *verbs.INTRANSITIVE,
    *verbs.INTRANSITIVE_SEPARABLE,
    *verbs.MOTION,
    *verbs.SAYING,
]
FINITE = {
    *(form for verb in ALL_VERBS for form in verb.german.present),
    *(verb.german.prefix + form for verb in ALL_VERBS for form in verb.german.present),
    *(form for modal in verbs.MODALS for form in modal.present),
    *german.HABEN,
    *german.SEIN,
}
SUBJECTS = {"ich": 0, "du": 1, "er": 2, "wir": 3}


def of_rule(*rules):
    """Training examples of some rules."""
    return [e for e in make_examples("grammar-de-en", "train") if e.rule in rules]


@pytest.mark.parametrize(
    ("case", "gender", "forms"),
    [
        ("nom", "m", "der ein kein roter rote rot+er"),
        ("acc", "m", "den einen keinen roten roten"),
        ("dat", "m", "dem einem keinem roten roten"),
        ("nom", "f", "die eine keine rote rote"),
        ("dat", "f", "der einer keiner roten roten"),
        ("acc", "n", "das ein kein rotes rote"),
        ("dat", "p", "den einen keinen roten roten"),
    ],
)
def test_articles_and_endings(case, gender, forms):
    """The table of a school grammar: der, ein, kein; ein roter, der rote."""
    der, ein, kein, after_ein, after_der = forms.split()[:5]
    assert german.determiner("d", case, gender) == der
    assert german.determiner("ein", case, gender) == ein
    assert german.determiner("kein", case, gender) == kein
    assert german.adjective("rot", "ein", case, gender) == after_ein
    assert german.adjective("rot", "d", case, gender) == after_der


@pytest.mark.parametrize(
    ("case", "want"), [("nom", "rote"), ("acc", "rote"), ("dat", "roten")]
)
def test_an_adjective_without_a_determiner_is_strong(case, want):
    """Rote Äpfel, mit roten Äpfeln."""
    assert german.adjective("rot", "", case, "p") == want
    assert german.determiner("", case, "p") == ""


@pytest.mark.parametrize(
    ("noun", "case", "plural", "want"),
    [
        (german.Noun("Apfel", "Äpfel", "m"), "dat", True, "Äpfeln"),
        (german.Noun("Auto", "Autos", "n"), "dat", True, "Autos"),
        (german.Noun("Frau", "Frauen", "f"), "dat", True, "Frauen"),
        (german.Noun("Apfel", "Äpfel", "m"), "acc", True, "Äpfel"),
        (german.Noun("Junge", "Jungen", "m", weak=True), "nom", False, "Junge"),
        (german.Noun("Junge", "Jungen", "m", weak=True), "acc", False, "Jungen"),
        (
            german.Noun("Student", "Studenten", "m", weak=True),
            "dat",
            False,
            "Studenten",
        ),
    ],
)
def test_nouns_in_their_cases(noun, case, plural, want):
    """The dative plural ends in -n where it can, a weak noun in every other case."""
    assert noun.form(case, plural=plural) == want


def test_a_clause_in_three_orders():
    """The finite verb is second, first or last, where it takes back its prefix."""
    finite, prefix = tag("ruft:verb an:prefix")
    clause = german.Clause(
        tag("er"), finite, tag("heute nicht"), (prefix,), is_separated=True
    )

    def text(words):
        return " ".join(word.text for word in words)

    assert text(clause.verb_second()) == "er ruft heute nicht an"
    assert text(clause.verb_second(tag("gestern"))) == "gestern ruft er heute nicht an"
    assert text(clause.verb_first()) == "ruft er heute nicht an"
    assert text(clause.verb_final()) == "er heute nicht anruft"
    assert clause.verb_final()[-1].sure == ("verb", "prefix")


@pytest.mark.parametrize("verb", ALL_VERBS, ids=str)
def test_every_verb_has_its_endings(verb):
    """Ich -e, du -st, er -t, wir -en, ihr -t, but for weiß; s, ß and z swallow an s."""
    ich, du, er, wir, ihr = verb.german.present
    if str(verb) != "wissen":
        assert ich.endswith("e")
        assert er.endswith("t")
    assert du.endswith(("st", "zt", "ßt"))
    assert wir.endswith("en")
    assert ihr.endswith("t")
    assert verb.german.participle.startswith(verb.german.prefix)
    assert verb.german.participle[-1] in "tn"


def test_english_verbs_tell_the_past_from_the_present():
    """No base form is a past form, so that the English side has one translation."""
    assert all(verb.english.base != verb.english.past for verb in ALL_VERBS)


@pytest.mark.parametrize("rule", ["weil", "dass"])
def test_a_subordinate_clause_ends_in_its_finite_verb(rule):
    """After weil and dass the finite verb is last."""
    for example in of_rule(rule):
        clause = re.fullmatch(rf"[^,]+, {rule} (.*)\.", example.src)[1]
        assert clause.split()[-1] in FINITE


def test_a_clause_with_wenn_ends_in_its_verb_and_the_main_verb_follows():
    """Wenn ... verb, verb ...: the clause takes the first place of the sentence."""
    for example in of_rule("wenn"):
        front, main = re.fullmatch(r"Wenn (.*), (.*)\.", example.src).groups()
        assert front.split()[-1] in FINITE
        assert main.split()[0] in FINITE


def test_a_question_begins_with_its_verb():
    """Kauft er ...? and not: er kauft ...?"""
    for example in of_rule("yes-no"):
        first = split_words(example.src)[0]
        assert first[0].lower() + first[1:] in FINITE
        assert example.src.endswith("?")


def test_what_comes_first_is_followed_by_the_verb():
    """A time in the first place takes the subject's; the verb stays second."""
    for example in of_rule("time-first"):
        words = split_words(example.src)
        assert words[1] in FINITE or words[2] in FINITE


def test_pronouns_agree_with_their_verb():
    """Behind ich, du, er, wir stands the verb's form of that person."""
    rows = [verb.german.present for verb in ALL_VERBS]
    rows += [modal.present for modal in verbs.MODALS] + [german.HABEN, german.SEIN]
    n_seen = 0
    for example in of_rule("accusative", "dative", "modal", "perfect", "copula"):
        pronoun, verb = split_words(example.src)[:2]
        if pronoun.lower() in SUBJECTS:
            person = SUBJECTS[pronoun.lower()]
            assert any(row[person] == verb for row in rows)
            n_seen += 1
    assert n_seen > 100


def test_a_separated_prefix_stands_at_the_end():
    """Er ruft ... an: the prefix is the last word of a main clause."""
    prefixes = {verb.german.prefix for verb in verbs.SEPARABLE}
    for example in of_rule("separable"):
        assert split_words(example.src)[-2] in prefixes


def test_both_parts_of_a_separable_verb_are_linked_to_its_translation():
    """Ruft ... an: both words are calls; holt ... ab: one picks, one up."""
    for example in of_rule("separable"):
        src, tgt = split_words(example.src), split_words(example.tgt)
        if src[-2] == "an" and "calls" in tgt:
            ruft, calls = src.index("ruft"), tgt.index("calls")
            assert {(ruft, calls), (len(src) - 2, calls)} <= set(example.sure)
        if src[-2] == "ab":
            assert (len(src) - 2, tgt.index("up")) in example.sure


def test_a_compound_is_linked_to_both_of_its_words():
    """Fußballspieler is football and player."""
    compounds = [noun for noun in nouns.NOUNS if " " in noun.english[0]]
    assert len(compounds) >= 5
    for example in of_rule("accusative"):
        src, tgt = split_words(example.src), split_words(example.tgt)
        for noun in compounds:
            if str(noun) in src and noun.english[0].split()[1] in tgt:
                s = src.index(str(noun))
                linked = {tgt[t] for i, t in example.sure if i == s}
                assert linked == set(noun.english[0].split())


def test_nicht_and_kein_are_not():
    """Each negated sentence has one of them, surely linked to "not" or "cannot"."""
    for example in of_rule("negation"):
        src, tgt = split_words(example.src), split_words(example.tgt)
        (s,) = [i for i, w in enumerate(src) if w == "nicht" or w.startswith("kein")]
        assert [tgt[t] for i, t in example.sure if i == s] == ["not"]


@pytest.mark.parametrize(
    ("rule", "case"),
    [("place", "dat"), ("direction", "acc")],
    ids=["where", "where to"],
)
def test_two_way_prepositions_take_their_case(rule, case):
    """Auf der Brücke, but auf die Brücke; im Garten, but in den Garten."""
    articles = {"dat": {"dem", "der", "einem", "einer"}, "acc": {"den", "die", "das"}}
    articles["acc"] |= {"einen", "eine", "ein"}
    n_seen = 0
    for example in of_rule(rule):
        words = split_words(example.src)
        for i, word in enumerate(words):
            if word in ("auf", "unter", "hinter"):
                assert words[i + 1] in articles[case]
                n_seen += 1
    assert n_seen > 50
