"""Tokenizers: from a sentence to ids and back, and which word a token belongs to."""

import io
import json
import unicodedata

import pytest
import sentencepiece

from minis2s.config import InputError, TokenizerConfig
from minis2s.text.corpora import load
from minis2s.text.tokenizers import (
    BOS_ID,
    EOS_ID,
    KINDS,
    PAD_ID,
    SPECIAL_PIECES,
    UNK_ID,
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


def learn(kind, lines=LINES, **changes):
    """A tokenizer of this kind that keeps whatever it sees."""
    sizes = {"vocab_size": 400, "min_count": 1, **changes}
    return KINDS[kind].learn(lines, **sizes)


# --- learning ---


@pytest.mark.parametrize("kind", KINDS)
def test_special_ids(kind):
    """Padding, unknown, begin and end are 0, 1, 2, 3 in every tokenizer."""
    assert (PAD_ID, UNK_ID, BOS_ID, EOS_ID) == (0, 1, 2, 3)
    assert tuple(learn(kind).pieces[:4]) == ("<pad>", "<unk>", "<s>", "</s>")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", [*LINES, "Fremd!", "<s> <pad> </s>", "<unk>"])
def test_text_never_becomes_a_special_id(kind, text):
    """No text gives PAD, BOS or EOS, not even one that looks like them."""
    assert not {PAD_ID, BOS_ID, EOS_ID} & set(learn(kind, [*LINES, text]).encode(text))


@pytest.mark.parametrize(
    ("kind", "kept"), [("char", ["a", "b"]), ("word", ["aa", "b"])]
)
def test_min_count(kind, kept):
    """What is seen less often than asked for is not in the vocabulary."""
    tokenizer = learn(kind, ["aa", "b", "aa", "b", "c"], min_count=2)
    assert list(tokenizer.pieces[4:]) == kept


def test_min_count_leaves_spaces():
    """A space is in the vocabulary even if it was seen once."""
    assert learn("char", ["a b", "a"], min_count=2).pieces[4:] == (" ", "a")


@pytest.mark.parametrize("kind", ["char", "word"])
def test_most_frequent_come_first(kind):
    """Units are ranked by count, then by code point, whatever their order was."""
    lines = ["c b a", "b c", "c d"]
    pieces = [p for p in learn(kind, lines).pieces[4:] if p != " "]
    assert pieces == [p for p in learn(kind, lines[::-1]).pieces[4:] if p != " "]
    assert pieces == ["c", "b", "a", "d"]


@pytest.mark.parametrize("vocab_size", [401, 503, 809])
def test_sentencepiece_takes_what_was_asked_for(vocab_size):
    """Where the text is rich enough the vocabulary is exactly as large as asked."""
    lines = load("captions-de-en", "test", "de", "en").src
    tokenizer = learn("sentencepiece", lines, vocab_size=vocab_size)
    assert len(tokenizer.pieces) == vocab_size


@pytest.mark.parametrize("vocab_size", [4000, 8000])
def test_sentencepiece_is_clamped_on_small_text(vocab_size):
    """A text too small for so many merges gives fewer, and no complaint."""
    assert len(learn("sentencepiece", vocab_size=vocab_size).pieces) < 400


@pytest.mark.parametrize("vocab_size", [5, 256, 267])
def test_sentencepiece_always_has_bytes_and_letters(vocab_size):
    """However few pieces are asked for, all bytes and all letters seen are there."""
    pieces = set(learn("sentencepiece", ["Größe"], vocab_size=vocab_size).pieces)
    assert {f"<0x{byte:02X}>" for byte in range(256)} | set("Größe") <= pieces


def test_sentencepiece_learns_the_same_twice():
    """The same lines give the same model, byte for byte."""
    lines = load("captions-de-en", "test", "de", "en").tgt
    assert learn("sentencepiece", lines).save() == learn("sentencepiece", lines).save()


@pytest.mark.parametrize("kind", KINDS)
def test_learned_from_nothing_but_the_lines(kind):
    """Every piece but the special ones and the bytes occurs in the given lines."""
    text = "▁" + "▁".join(LINES).replace(" ", "▁")
    pieces = learn(kind).pieces[4 + 256 * (kind == "sentencepiece") :]
    assert all(piece.replace(" ", "▁") in text for piece in pieces)


@pytest.mark.parametrize("kind", KINDS)
def test_lines_may_be_an_iterator(kind):
    """Lines that can be read only once are enough."""
    config = TokenizerConfig(kind=kind, min_count=1)
    assert learn_tokenizer(config, iter(LINES)).save() == (
        learn_tokenizer(config, LINES).save()
    )


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


@pytest.mark.parametrize("text", LINES)
@pytest.mark.parametrize("kind", KINDS)
def test_round_trip(kind, text):
    """A sentence of known words comes back as it was, umlauts too."""
    tokenizer = learn(kind)
    assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.mark.parametrize(
    "text", ["我爱你", "ein 😀", "Ünseen", "a\u00a0b", "x\u2028y", "\x00"]
)
def test_unseen_text_is_spelt_in_bytes(text):
    """SentencePiece gives back what it never saw: Chinese, emoji, odd separators."""
    tokenizer = learn("sentencepiece")
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert UNK_ID not in ids


@pytest.mark.parametrize("text", ["  zwei  Köche ", "zwei Köche"])
def test_sentencepiece_keeps_one_space_of_many(text):
    """A run of spaces is one space, and none is left at the ends."""
    tokenizer = learn("sentencepiece")
    assert tokenizer.decode(tokenizer.encode(text)) == "zwei Köche"


@pytest.mark.parametrize(
    ("kind", "text", "want"),
    [("char", "Kxch", "K<unk>ch"), ("word", "Zwei Katzen.", "Zwei <unk>.")],
)
def test_unknown_units(kind, text, want):
    """A letter or word that was never seen becomes UNK, and is seen as such."""
    tokenizer = learn(kind)
    assert UNK_ID in tokenizer.encode(text)
    assert tokenizer.decode(tokenizer.encode(text)) == want


@pytest.mark.parametrize("kind", KINDS)
def test_decomposed_letters_are_the_same_letters(kind):
    """The letter o with dots behind it is "ö", in learning and in encoding."""
    apart = [unicodedata.normalize("NFD", line) for line in LINES]
    assert apart != LINES
    tokenizer = learn(kind)
    assert learn(kind, apart).save() == tokenizer.save()
    for line, same in zip(LINES, apart, strict=True):
        assert tokenizer.encode(same) == tokenizer.encode(line)


@pytest.mark.parametrize("kind", KINDS)
def test_lower(kind):
    """A lower-casing tokenizer makes no difference between "KÖCHE" and "Köche"."""
    tokenizer = learn(kind, lower=True)
    assert tokenizer.encode("ZWEI KÖCHE.") == tokenizer.encode("Zwei Köche.")
    assert tokenizer.decode(tokenizer.encode("ZWEI KÖCHE.")) == "zwei köche."


@pytest.mark.parametrize("kind", KINDS)
def test_case_is_kept_unless_lowered(kind):
    """By default "Zwei" and "zwei" are different."""
    assert learn(kind).encode("Zwei") != learn(kind).encode("zwei")


@pytest.mark.parametrize("kind", KINDS)
def test_decode_leaves_special_ids_out(kind):
    """PAD, BOS and EOS spell nothing, wherever they stand."""
    tokenizer = learn(kind)
    first, *rest = tokenizer.encode(LINES[0])
    ids = [BOS_ID, first, PAD_ID, *rest, EOS_ID, PAD_ID]
    assert tokenizer.decode(ids) == LINES[0]


@pytest.mark.parametrize("kind", KINDS)
def test_empty_text_has_no_tokens(kind):
    """An empty line encodes to nothing and nothing decodes to an empty line."""
    assert learn(kind).encode("") == []
    assert learn(kind).decode([]) == ""


def test_words_and_marks_join_as_in_print():
    """Spaces come back between words, not before a comma or inside brackets."""
    text = "Ein Hund (alt), zwei; drei: vier! „Ja.“ Nein?"
    tokenizer = learn("word", [text])
    assert tokenizer.decode(tokenizer.encode(text)).startswith(
        "Ein Hund (alt), zwei; drei: vier!"
    )


@pytest.mark.parametrize(
    "text", ["我爱你。", "“你好”，他说：好！", "𠀀𠀁", "用 GPU 学习"]
)
def test_words_of_chinese_come_back_without_spaces(text):
    """Between ideographs and full-width marks there are no spaces to come back."""
    tokenizer = WordTokenizer.learn([text], 31, min_count=1)
    assert tokenizer.decode(tokenizer.encode(text)) == text


# --- files ---


@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_saved_and_loaded_is_the_same(kind, lower):
    """A loaded tokenizer has the same pieces, ids, case and files."""
    tokenizer = learn(kind, lower=lower)
    again = load_tokenizer(tokenizer.save())
    assert type(again) is type(tokenizer)
    assert again.save() == tokenizer.save()
    assert (again.kind, again.lower, again.pieces) == (kind, lower, tokenizer.pieces)
    for text in [*LINES, "FREMD 我"]:
        assert again.encode(text) == tokenizer.encode(text)


@pytest.mark.parametrize("kind", KINDS)
def test_odd_pieces_survive_the_file(kind):
    """Quotes, backslashes, separators and emoji in the vocabulary come back."""
    tokenizer = learn(kind, ['a "b" \\ \u2028 😀 \t ü'])
    assert load_tokenizer(tokenizer.save()).pieces == tokenizer.pieces


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


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" \t\u00a0", []),
        ("Köche", ["Köche"]),
        ("Ko\u0308che", ["Köche"]),
        ("Er sagt: „Ja.“", ["Er", "sagt", ":", "„", "Ja", ".", "“"]),
        ("T-Shirt's 3,5", ["T", "-", "Shirt", "'", "s", "3", ",", "5"]),
        ("...", [".", ".", "."]),
        ("我爱你。", ["我", "爱", "你", "。"]),
        ("用GPU学3次", ["用", "GPU", "学", "3", "次"]),
        ("ひらカナ", ["ひ", "ら", "カ", "ナ"]),
        ("𠀀a", ["𠀀", "a"]),
        ("😀😀", ["😀", "😀"]),
        ("snake_case", ["snake_case"]),
    ],
)
def test_split_words(text, words):
    """Words, marks one by one, ideographs one by one, and no space."""
    assert split_words(text) == words


@pytest.fixture(scope="module")
def captions():
    """Our sixty captions, in both languages."""
    text = load("captions-de-en", "test", "de", "en")
    return [*text.src, *text.tgt]


@pytest.mark.parametrize("vocab_size", [350, 600, 4000])
def test_captions_group_into_their_words(captions, vocab_size):
    """Of all 120 captions the tokens group into exactly the words and the end."""
    tokenizer = learn("sentencepiece", captions, vocab_size=vocab_size)
    for line in captions:
        words, group = word_groups(tokenizer, [*tokenizer.encode(line), EOS_ID])
        assert words == [*split_words(line), "</s>"]
        assert group == sorted(group)
        assert set(group) == {*range(len(words))}


@pytest.mark.parametrize("kind", ["char", "word"])
def test_captions_group_alike_in_other_tokenizers(captions, kind):
    """Characters and words group into the same words as subwords do."""
    tokenizer = learn(kind, captions, vocab_size=1999)
    for line in captions:
        words, _ = word_groups(tokenizer, [*tokenizer.encode(line), EOS_ID])
        assert words == [*split_words(line), "</s>"]


def ids_of(tokenizer, *pieces):
    """The ids of named pieces."""
    return [tokenizer.pieces.index(piece) for piece in pieces]


@pytest.mark.parametrize(
    ("pieces", "words", "group"),
    [
        (["<0xC3>", "</s>"], ["�", "</s>"], [0, 1]),
        (["<0xE6>", "<0x88>", "</s>"], ["�", "</s>"], [0, 0, 1]),
        (["▁", "<0xE6>", "<0x88>", "x"], ["␣", "�", "x"], [0, 1, 1, 2]),
        (["x", "<0xC3>", "<0xB6>", "x"], ["xöx"], [0, 0, 0, 0]),
        (["x", "<0xC3>"], ["x", "�"], [0, 1]),
        (["<0xE6>", "<0x88>", "<0x91>", "<0x41>"], ["我", "A"], [0, 0, 0, 1]),
        (["▁", "▁", "x", "▁"], ["x", "␣"], [0, 0, 0, 1]),
        (["x", "<unk>", "x"], ["x", "<unk>", "x"], [0, 1, 2]),
        ([], [], []),
    ],
)
def test_groups_of_what_a_model_may_say(pieces, words, group):
    """Bytes that spell no character, stray spaces and UNK have labels too."""
    tokenizer = learn("sentencepiece", ["x x"])
    assert word_groups(tokenizer, ids_of(tokenizer, *pieces)) == (words, group)


def test_labels_of_pieces():
    """A subword's label is its piece: the space mark and the bytes can be seen."""
    tokenizer = learn("sentencepiece", ["x x"])
    ids = ids_of(tokenizer, "▁x", "<0xC3>", "▁", "</s>")
    assert label_pieces(tokenizer, ids) == ["▁x", "<0xC3>", "▁", "</s>"]


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
