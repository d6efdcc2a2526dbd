"""Byte-pair encoding from scratch, against its definition and against SentencePiece."""

import unicodedata
from pathlib import Path

import numpy as np
import pytest
import sentencepiece

from minis2s.config import InputError
from minis2s.specs.bpe import cut_probabilities
from minis2s.text.bpe import BPE, merge_word
from minis2s.text.bpe_learning import mark_words
from minis2s.text.tokenizers import SentencePieceTokenizer, load_tokenizer

MODELS = Path(__file__).parents[2] / "data" / "models"
ODD_LINES = [
    "",
    "   ",
    " ▁ ",
    "  zwei   Hunde ",
    "▁a▁▁b ▁c▁",
    "tab\tno\u00a0break\u3000wide\nline\x00null",
    "Gro\u0308ße, ÉTÉ, İstanbul",
    "🙂 im Haus👩‍👧 и 犬",
    "<s> </s><unk> <pad> <0x41>",
    "e\u0301\u0301 x\u0301",
]


@pytest.fixture(params=["de-en-lstm", "de-en-transformer"])
def shipped(request):
    """The tokenizer of a model that is shipped."""
    folder = MODELS / request.param
    names = ("tokenizer.json", "tokenizer.model")
    return load_tokenizer({name: (folder / name).read_bytes() for name in names})


def make_words(tokenizer, rng, n):
    """Distinct words, some near the vocabulary and some far from it."""
    pieces = list(tokenizer.scores)
    letters = [piece for piece in pieces if len(piece) == 1] + ["ø", "犬", "🙂"]
    words = set()
    while len(words) < n:
        units = (pieces, letters)[len(words) % 3 == 0]
        chosen = rng.integers(len(units), size=rng.integers(1, 7))
        words.add("".join(units[i] for i in chosen).replace("▁", ""))
    return sorted(words - {""})


def sentencepiece_pieces(tokenizer, text):
    """What the library makes of a text."""
    return [tokenizer.pieces[i] for i in tokenizer.encode(text)]


# --- SentencePiece's merges, applied by us ---


def test_same_pieces_as_sentencepiece_on_ten_thousand_words(shipped, rng):
    """Of 10,000 made-up words, each is cut as SentencePiece cuts it."""
    words, bpe = make_words(shipped, rng, 10_007), BPE.from_sentencepiece(shipped)
    assert len(words) > 10_000
    ours = [bpe.encode_word(f"▁{word}") for word in words]
    assert ours == [sentencepiece_pieces(shipped, word) for word in words]


@pytest.mark.parametrize("text", ODD_LINES)
def test_same_pieces_as_sentencepiece_on_odd_lines(shipped, text):
    """Odd spaces, marks in the text, open forms, emoji and bytes, as in the library."""
    pieces = BPE.from_sentencepiece(shipped).encode(text)
    assert pieces == sentencepiece_pieces(shipped, text)


def test_lower_case_is_the_tokenizers():
    """Merges of a tokenizer that lowers its text lower theirs."""
    tokenizer = SentencePieceTokenizer.learn(["Ein Hund. EIN HUND."], 300, lower=True)
    pieces = BPE.from_sentencepiece(tokenizer).encode("EIN Hund")
    assert pieces == sentencepiece_pieces(tokenizer, "ein hund")


def train_foreign_model(**changes):
    """A SentencePiece model that this project would not have learned."""
    text, model = ["abc abd bcd acd " * 3] * 3, []
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(text),
        model_writer=type(
            "Writer", (), {"write": lambda self, data: model.append(data)}
        )(),
        **{"vocab_size": 280, "hard_vocab_limit": False, "minloglevel": 2, **changes},
    )
    return SentencePieceTokenizer(b"".join(model))


@pytest.mark.parametrize(
    "changes",
    [
        {"model_type": "unigram", "byte_fallback": True},
        {"model_type": "bpe", "byte_fallback": False, "vocab_size": 13},
    ],
)
def test_other_models_are_refused(changes):
    """A unigram model has no merges to take, and one without bytes leaves gaps."""
    with pytest.raises(InputError, match="must be a BPE model with byte fallback"):
        BPE.from_sentencepiece(train_foreign_model(**changes))


# --- applying ---


def test_best_pair_first_then_leftmost():
    """Rank goes before place, place before nothing."""
    ranks = {("a", "a"): 1, ("a", "b"): 0}
    assert merge_word("aaab", ranks) == ["aa", "ab"]
    assert merge_word("aaaaa", ranks) == ["aa", "aa", "a"]


@pytest.mark.parametrize("n_merges", [0, 7, 1000])
@pytest.mark.parametrize("text", ODD_LINES)
def test_decoding_undoes_encoding(text, n_merges):
    """Pieces of any text, seen or not, spell its words again."""
    bpe = BPE.learn(["Zwei Hunde, ein Hund.", "die Hunde laufen"], n_merges)
    words = mark_words(unicodedata.normalize("NFC", text))
    spelled = "".join(words).replace("▁", " ").lstrip(" ")
    assert BPE.decode(bpe.encode(text)) == spelled


@pytest.mark.parametrize("text", ODD_LINES)
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_pieces_spell_what_sentencepiece_spells(shipped, rng, text, dropout):
    """The library reads our pieces as we do, however a word was cut."""
    pieces = BPE.from_sentencepiece(shipped).encode(text, dropout, rng)
    ids = [shipped.pieces.index(piece) for piece in pieces]
    assert BPE.decode(pieces) == shipped.decode(ids)


def test_pieces_are_learned_and_the_rest_is_bytes():
    """What was seen often is one piece; letters never seen are their bytes."""
    bpe = BPE.learn(["die Hunde"] * 3, n_merges=100)
    assert bpe.encode("die Hunde") == ["▁die", "▁Hunde"]
    assert bpe.encode("die ß") == ["▁die", "▁", "<0xC3>", "<0x9F>"]


def test_learning_in_lower_case():
    """Merges learned in lower case are applied in lower case."""
    bpe = BPE.learn(["Die Hunde", "die HUNDE"], n_merges=100, lower=True)
    assert bpe.encode("DIE Hunde") == ["▁die", "▁hunde"]


def test_text_that_looks_like_a_byte_is_text():
    """No piece is taken for a byte, though the text learned from was full of them."""
    text = "<0xC3> <0x9F>"
    bpe = BPE.learn([text] * 5, n_merges=1000)
    assert BPE.decode(bpe.encode(text)) == text


def test_bytes_that_spell_nothing():
    """Bytes that begin no character are replaced, and what follows stays."""
    assert BPE.decode(["▁a", "<0xC3>", "b", "<0x9F>"]) == "a�b�"


# --- dropout ---


def test_dropout_follows_the_papers_algorithm(rng, chi_square):
    """Cuts come as often as the algorithm says, where a merge gets a second chance."""
    ranks = {("c", "d"): 0, ("a", "b"): 1, ("b", "c"): 2, ("ab", "cd"): 3}
    exact = cut_probabilities("abcd", ranks, 0.3)
    cuts = [tuple(merge_word("abcd", ranks, 0.3, rng)) for _ in range(3001)]
    drawn = np.array([list(exact).index(cut) for cut in cuts])
    assert len(exact) == 6
    assert chi_square(drawn, np.array(list(exact.values()))) < 1


def test_no_dropout_is_the_ordinary_cut(shipped, rng):
    """With p = 0 nothing is drawn and nothing changes."""
    bpe, text = BPE.from_sentencepiece(shipped), "Zwei Köche, die kochen 🙂"
    assert bpe.encode(text, 0.0, rng) == bpe.encode(text)


def test_full_dropout_leaves_characters(shipped, rng):
    """With p = 1 every character is a piece, and an unknown one its bytes."""
    pieces = BPE.from_sentencepiece(shipped).encode("Zwei ø", 1.0, rng)
    assert pieces == [*"▁Zwei▁", "<0xC3>", "<0xB8>"]


@pytest.mark.parametrize("dropout", [-0.1, 1.1, float("nan")])
def test_dropout_is_a_probability(shipped, rng, dropout):
    """What lies outside 0 to 1 is refused."""
    with pytest.raises(InputError, match="dropout must be from 0 to 1, got"):
        BPE.from_sentencepiece(shipped).encode("Hund", dropout, rng)


def test_dropout_needs_a_generator(shipped):
    """Nothing is drawn from a hidden generator."""
    with pytest.raises(InputError, match=r"rng must be a generator if dropout is 0\.3"):
        BPE.from_sentencepiece(shipped).encode("Hund", 0.3)
