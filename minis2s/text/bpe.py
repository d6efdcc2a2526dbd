"""Byte-pair encoding from scratch: applying merges, undoing them, and leaving some out.

A word begins as single characters. Again and again its best pair of neighbours is
joined, until no pair of neighbours is among the merges. Which merges there are, and
which is better, was learned from text (`bpe_learning`): what was joined first there is
joined first here.

Pieces follow SentencePiece's convention. A space is `▁` at the front of the word that
it stands before, the first word has one too, and no piece reaches into the next word.
A character that was never seen becomes the bytes of its UTF-8 form, `<0xF0>` and so on.
`BPE.from_sentencepiece` takes the merges of SentencePiece's own model, and then gives
SentencePiece's own pieces.

Left out: a queue of pairs for each word. Looking at every pair in every step takes time
that grows with the square of a word's length, which words of a language do not notice.

Sources: Sennrich, Haddow and Birch 2016, "Neural Machine Translation of Rare Words with
    Subword Units", arXiv:1508.07909; Kudo and Richardson 2018, "SentencePiece",
    arXiv:1808.06226; Provilkov, Emelianenko and Voita 2020, "BPE-Dropout",
    arXiv:1910.13267.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from minis2s.config import InputError
from minis2s.text.bpe_learning import Pair, count_words, learn_bpe, mark_words
from minis2s.text.tokenizers import (
    BYTE_PIECE,
    SPACE_MARK,
    SentencePieceTokenizer,
    normalize,
)


def merge_word(
    word: Iterable[str],
    ranks: Mapping[Pair, int],
    dropout: float = 0.0,
    rng: np.random.Generator | None = None,
) -> list[str]:
    """Join the best pair of neighbours until none can be joined.

    With dropout every pair that could be joined is left out of a step with probability
    p, anew in each step; the word is done when nothing is left to join.

    >>> ranks = {("e", "n"): 0, ("d", "en"): 1, ("d", "e"): 2}
    >>> merge_word("baden", ranks)
    ['b', 'a', 'den']
    >>> merge_word("baden", ranks, dropout=1.0, rng=np.random.default_rng())
    ['b', 'a', 'd', 'e', 'n']

    Args:
        word: its characters.
        ranks: pair -> rank; the lowest is joined first, of equals the leftmost.
        dropout: p, from 0 to 1.
        rng: where the draws come from; needed unless p is 0.

    Source: Provilkov et al. 2020, algorithm 1.
    """
    pieces = list(word)
    while True:
        candidates = [
            (ranks[pair], i)
            for i, pair in enumerate(pairwise(pieces))
            if pair in ranks and (not dropout or rng.random() >= dropout)
        ]
        if not candidates:
            return pieces
        _, i = min(candidates)
        pieces[i : i + 2] = [pieces[i] + pieces[i + 1]]


@dataclass(frozen=True)
class BPE:
    """What turns a sentence into pieces."""

    ranks: Mapping[Pair, int]
    """Pair -> rank; the lowest is joined first."""
    alphabet: frozenset[str]
    """Characters that are pieces; any other is spelled in bytes."""
    lower: bool = False
    """Whether text is brought to lower case first."""

    @classmethod
    def learn(
        cls, lines: Iterable[str], n_merges: int, *, lower: bool = False
    ) -> "BPE":
        """Merges and alphabet of a text.

        >>> bpe = BPE.learn(["der Hund und der Hut"], n_merges=6)
        >>> bpe.encode("der Hundehut")
        ['▁der', '▁Hu', 'n', 'de', '<0x68>', 'u', 't']

        Args:
            lines: the text.
            n_merges: how many merges; fewer if the text has nothing left to join.
            lower: whether text is brought to lower case, here and later.
        """
        counts = count_words(lines, lower=lower)
        merges = learn_bpe(counts, n_merges)
        ranks = {pair: rank for rank, pair in enumerate(merges)}
        return cls(ranks, frozenset("".join(counts)), lower=lower)

    @classmethod
    def from_sentencepiece(cls, tokenizer: SentencePieceTokenizer) -> "BPE":
        """The merges of a SentencePiece model.

        SentencePiece keeps no pairs: it joins two neighbours if it has a piece for
        both together, the piece with the best score first. So each way to cut a piece
        into two pieces is a merge, and all of them have the rank of that piece.

        Raises:
            InputError: if the model has no byte-pair merges or no bytes.
        """
        ranks = _merge_ranks(tokenizer)
        pairs = {
            (piece[:cut], piece[cut:]): rank
            for piece, rank in ranks.items()
            for cut in range(1, len(piece))
            if piece[:cut] in ranks and piece[cut:] in ranks
        }
        alphabet = frozenset(piece for piece in ranks if len(piece) == 1)
        return cls(pairs, alphabet, lower=tokenizer.lower)

    def encode(
        self, text: str, dropout: float = 0.0, rng: np.random.Generator | None = None
    ) -> list[str]:
        """The pieces of one sentence.

        Args:
            text: the sentence.
            dropout: probability that a merge is left out of a step, from 0 to 1.
            rng: where the draws come from; needed unless dropout is 0.

        Raises:
            InputError: if dropout is no probability, or has no generator.
        """
        check_dropout(dropout)
        if dropout and rng is None:
            raise InputError(f"rng must be a generator if dropout is {dropout}")
        words = mark_words(normalize(text, self.lower))
        return [p for word in words for p in self.encode_word(word, dropout, rng)]

    def encode_word(
        self, word: str, dropout: float = 0.0, rng: np.random.Generator | None = None
    ) -> list[str]:
        """The pieces of one word of `mark_words`."""
        pieces: list[str] = []
        for piece in merge_word(word, self.ranks, dropout, rng):
            known = len(piece) > 1 or piece in self.alphabet
            pieces += [piece] if known else spell_bytes(piece)
        return pieces

    @staticmethod
    def decode(pieces: Iterable[str]) -> str:
        """The sentence that pieces spell; bytes that spell no character are `�`.

        >>> BPE.decode(["▁der", "▁Hu", "n", "de", "<0x68>", "u", "t"])
        'der Hundehut'
        """
        text = bytearray()
        for piece in pieces:
            byte = BYTE_PIECE.fullmatch(piece)
            text += bytes.fromhex(byte[1]) if byte else piece.encode()
        spelled = text.decode(errors="replace").replace(SPACE_MARK, " ")
        return spelled.lstrip(" ")


def spell_bytes(char: str) -> list[str]:
    """The bytes of a character's UTF-8 form, each as a piece.

    >>> spell_bytes("ß")
    ['<0xC3>', '<0x9F>']
    """
    return [f"<0x{byte:02X}>" for byte in char.encode()]


def check_dropout(dropout: float) -> None:
    """Refuse what is no probability.

    Raises:
        InputError: if dropout is below 0 or above 1.
    """
    if not 0 <= dropout <= 1:
        raise InputError(f"dropout must be from 0 to 1, got {dropout!r}")


def _merge_ranks(tokenizer: SentencePieceTokenizer) -> dict[str, int]:
    """Piece -> rank; SentencePiece's BPE scores the piece of rank r with -r."""
    scores = tokenizer.scores
    is_bpe = list(scores.values()) == [-rank for rank in range(len(scores))]
    if not (is_bpe and any(map(BYTE_PIECE.fullmatch, tokenizer.pieces))):
        raise InputError("tokenizer must be a BPE model with byte fallback")
    return {piece: rank for rank, piece in enumerate(scores)}
