"""Tokenizers: from a sentence to ids and back, and which word a token belongs to."""

import io
import json

import pytest
import sentencepiece

from minis2s.config import InputError, TokenizerConfig
from minis2s.text.tokenizers import (
    EOS_ID,
    SPECIAL_PIECES,
    CharTokenizer,
    SentencePieceTokenizer,
    WordTokenizer,
    label_pieces,
    learn_tokenizer,
    load_tokenizer,
    split_words,
    word_groups,
)

LINES = ["Zwei Köche, die kochen.", "Ein Hund läuft.", "Zwei Hunde laufen."]
KINDS = [CharTokenizer, WordTokenizer, SentencePieceTokenizer]


# --- learning ---


@pytest.mark.parametrize("kind", [CharTokenizer, WordTokenizer])
@pytest.mark.parametrize("vocab_size", [5, 6, 7, 11, 13])
def test_vocabulary_keeps_its_limit(kind, vocab_size):
    """No vocabulary is larger than asked for, even if spaces alone would fill it."""
    lines = ["a b\tc\u00a0d e\u2009f g h", "a b\tc\u00a0d e\u2009f g h"]
    pieces = kind.learn(lines, vocab_size, min_count=1).pieces
    assert len(pieces) == min(vocab_size, 4 + (12 if kind is CharTokenizer else 8))


@pytest.mark.parametrize("kind", ["char", "word", "sentencepiece"])
@pytest.mark.parametrize("lines", [[], ["", " \t"]])
def test_blank_text_teaches_nothing(kind, lines):
    """Without a single character there is no vocabulary to learn."""
    with pytest.raises(InputError, match="there is no text to learn a vocabulary from"):
        learn_tokenizer(TokenizerConfig(kind=kind), lines)


# --- there and back ---


@pytest.mark.parametrize(
    "text", ["我爱你。", "“你好”，他说：好！", "𠀀𠀁", "用 GPU 学习"]
)
def test_words_of_chinese_come_back_without_spaces(text):
    """Between ideographs and full-width marks there are no spaces to come back."""
    tokenizer = WordTokenizer.learn([text], 31, min_count=1)
    assert tokenizer.decode(tokenizer.encode(text)) == text


# --- files ---


def spec(**changes):
    """Files of a word tokenizer, with some entries of its JSON changed."""
    whole = {"kind": "word", "lower": False, "pieces": [*SPECIAL_PIECES, "ein"]}
    return {"tokenizer.json": json.dumps({**whole, **changes}).encode()}


def foreign_model():
    """A SentencePiece model whose special ids are the library's own."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(LINES),
        model_writer=model,
        vocab_size=37,
        model_type="bpe",
        minloglevel=2,
    )
    return model.getvalue()


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, "'tokenizer.json'"),
        ({"tokenizer.json": b"{"}, "JSONDecodeError"),
        ({"tokenizer.json": b'"\xff'}, "UnicodeDecodeError"),
        ({"tokenizer.json": b"[1]"}, "TypeError"),
        ({"tokenizer.json": b"[" * 100_000}, "RecursionError"),
        ({"tokenizer.json": b"{}"}, "KeyError"),
        (spec(kind="morse"), "'morse'"),
        (spec(kind=["word"]), "TypeError"),
        (spec(lower="no"), "lower is 'no'"),
        (spec(pieces=None), "TypeError"),
        (spec(pieces=[*SPECIAL_PIECES, 7]), "a piece is no string"),
        (spec(pieces=[*SPECIAL_PIECES, "ein", "ein"]), "a piece stands twice"),
        (spec(pieces=["ein"]), "first pieces are not <pad> <unk> <s> </s>"),
        (spec(pieces="abcdefg"), "first pieces are not"),
        (spec(kind="sentencepiece"), "'tokenizer.model'"),
        ({**spec(kind="sentencepiece"), "tokenizer.model": b""}, "RuntimeError"),
        ({**spec(kind="sentencepiece"), "tokenizer.model": b"junk"}, "RuntimeError"),
        (
            {**spec(kind="sentencepiece"), "tokenizer.model": foreign_model()},
            "first pieces are not",
        ),
    ],
)
def test_damaged_files_are_refused(files, reason):
    """Files that do not describe a tokenizer of ours are a clear complaint."""
    with pytest.raises(InputError, match=f"tokenizer files are damaged .*{reason}"):
        load_tokenizer(files)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.9, 0.99])
def test_cut_sentencepiece_model_is_refused(share):
    """A model that was cut is refused, wherever it was cut."""
    files = SentencePieceTokenizer.learn(LINES, 300).save()
    model = files["tokenizer.model"]
    files["tokenizer.model"] = model[: int(share * len(model))]
    with pytest.raises(InputError, match="the tokenizer files are damaged"):
        load_tokenizer(files)


# --- words and labels ---

TEXTS = [
    "Zwei Köche, die kochen.",
    "Zwei  Köche",
    " Zwei Köche",
    "Zwei\tKöche",
    "Zwei\u00a0Köche !",
    "Va\u202f! Zwei",
    "我爱你 😀, ja",
    "Preis: 3,50 Mark (alt)",
]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("kind", ["char", "sentencepiece"])
def test_word_groups_are_split_words(kind, text):
    """The words of the tokens are those of the sentence, whatever the space is."""
    lines = LINES if kind == "sentencepiece" else TEXTS
    config = TokenizerConfig(kind=kind, vocab_size=400, min_count=1)
    tokenizer = learn_tokenizer(config, lines)
    words, _ = word_groups(tokenizer, [*tokenizer.encode(text), EOS_ID])
    assert words == [*split_words(text), "</s>"]


@pytest.mark.parametrize("text", TEXTS)
def test_bytes_group_like_characters(text):
    """Characters that no piece has are spelt in bytes, and group just as well."""
    tokenizer = SentencePieceTokenizer.learn(["x"], 300)
    words, _ = word_groups(tokenizer, [*tokenizer.encode(text), EOS_ID])
    assert words == [*split_words(text), "</s>"]


def test_a_space_belongs_to_the_next_word():
    """A space is the first token of the word it stands before; a last one is alone."""
    tokenizer = CharTokenizer.learn(["a b "], 11, min_count=1)
    ids = [*tokenizer.encode("a b "), EOS_ID]
    assert word_groups(tokenizer, ids) == (["a", "b", "␣", "</s>"], [0, 1, 1, 2, 3])


@pytest.mark.parametrize("space", [" ", "\t", "\u00a0", "\u3000"])
def test_label_of_a_space_is_visible(space):
    """Every kind of space has a label that can be seen."""
    tokenizer = CharTokenizer.learn([f"a{space}"], 11, min_count=1)
    ids = [*tokenizer.encode(f"a{space}"), EOS_ID]
    assert label_pieces(tokenizer, ids) == ["a", "␣", "</s>"]


def test_a_token_is_never_cut():
    """A piece that spans two words is one label, and joins neither neighbour."""
    tokenizer = SentencePieceTokenizer.learn(["我爱 我爱 我爱 你"], 300)
    ids = tokenizer.encode("我爱你")
    assert [tokenizer.pieces[i] for i in ids] == ["▁我爱", "你"]
    assert word_groups(tokenizer, ids) == (["我爱", "你"], [0, 1])
