"""Chinese of the Chinese-English grammar: order, measure words, particles."""

import re

import pytest

from minis2s.text.grammar import make_examples
from minis2s.text.grammar.zh_en import nouns, small_words, verbs
from minis2s.text.tokenizers import split_words

TIMES = [
    "".join(part.split(":")[0].split("?")[0] for part in zh.split())
    for group in small_words.TIMES.values()
    for zh, _ in group
]


def of_rule(*rules):
    """Training examples of some rules."""
    return [e for e in make_examples("grammar-zh-en", "train") if e.rule in rules]


def everything():
    """The training examples."""
    return make_examples("grammar-zh-en", "train")


def test_chinese_has_no_spaces_and_its_own_marks():
    """A sentence is one run of characters and ends in 。 or ？."""
    for example in everything():
        assert re.fullmatch(r"[\u4e00-\u9fff，]+[。？]", example.src)


@pytest.mark.parametrize("noun", nouns.NOUNS, ids=str)
def test_every_noun_keeps_its_measure_word(noun):
    """Behind 一 or 这, before a noun or its adjective, stands the noun's measure."""
    adjectives = "|".join(a.attributive for a in nouns.ADJECTIVES if a.attributive)
    measures = "".join({n.measure for n in nouns.NOUNS})
    pattern = rf"[一两三这那]([{measures}])(?:{adjectives})?{noun.chinese}"
    found = [m for e in everything() for m in re.findall(pattern, e.src)]
    assert len(found) > 10
    longer = [n for n in nouns.NOUNS if n.chinese.startswith(noun.chinese)]
    assert set(found) <= {n.measure for n in longer}


def test_the_time_comes_before_the_verb_and_last_in_english():
    """昨天 is not behind the verb; "yesterday" is the last word."""
    for example in of_rule("past", "future", "habit"):
        first = min(i for t in TIMES if (i := example.src.find(t)) >= 0)
        assert first <= 9
        assert re.search(
            r"(day|morning|week|weekends|evening|night|tomorrow)\.$", example.tgt
        )


@pytest.mark.parametrize("rule", ["relative-subject", "relative-object"])
def test_a_relative_clause_stands_before_its_noun(rule):
    """的那 joins clause and noun; in English the noun comes first."""
    word = {"relative-subject": "who", "relative-object": "that"}[rule]
    for example in of_rule(rule):
        src, tgt = split_words(example.src), split_words(example.tgt)
        marker = re.search("的那", example.src).start()
        (t,) = [t for s, t in example.sure if s == marker]
        assert tgt[t] == word
        assert src[marker + 1] == "那"
        head = [t for s, t in example.sure if s == marker + 1]
        assert [tgt[t].lower() for t in head] == ["the"]
        assert head[0] < t


def test_past_and_its_negation():
    """了 says that it was done; 没 stands instead, and is "did" and "not"."""
    assert all("了" in example.src for example in of_rule("past"))
    for example in of_rule("not-done"):
        tgt = split_words(example.tgt)
        assert "了" not in example.src
        s = example.src.index("没")
        assert [tgt[t] for i, t in example.sure if i == s] == ["did", "not"]


def test_a_question_keeps_the_order_of_a_statement():
    """吗 at the end makes the question, where English moves its auxiliary."""
    for example in of_rule("question"):
        assert example.src.endswith("吗？")
        assert split_words(example.tgt)[0] in ("Do", "Does", "Did", "Will")


def test_what_is_asked_for_stays_in_its_place():
    """什么 and 谁 stand behind the verb; what and who come first."""
    for example in of_rule("what"):
        assert example.src.endswith(("什么？", "谁？"))
        assert example.tgt.startswith(("What did", "Who did"))


def test_the_verb_behind_an_object_of_ba_has_a_result():
    """把 comes with a definite object and a verb with its result, then 了."""
    results = "|".join(str(verb) for verb in verbs.DISPOSALS)
    for example in of_rule("ba"):
        assert re.search(
            rf"把(?:这|那|我的).*(?:(?:{results})了|放在.*了)。$", example.src
        )


def test_the_circumposition_is_one_preposition():
    """在 and 里 are both linked to "in"."""
    n_seen = 0
    for example in of_rule("place"):
        if "在公园里" in example.src:
            tgt = split_words(example.tgt)
            start = example.src.index("在公园里")
            words = [
                [tgt[t] for i, t in example.sure if i == s] for s in (start, start + 3)
            ]
            assert words == [["in"], ["in"]]
            n_seen += 1
    assert n_seen


def test_a_pronoun_takes_up_its_noun():
    """In "because" sentences 小红 is taken up by 她, 小明 by 他."""
    for example in of_rule("because"):
        if "因为小红" in example.src:
            assert "所以她" in example.src
        if "因为小明" in example.src:
            assert "所以他" in example.src
