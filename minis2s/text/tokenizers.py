"""From a sentence to token ids and back: characters, words, SentencePiece subwords.

Three tokenizers behind one protocol. Each is learned from training text alone, holds
one vocabulary for both languages, and keeps four ids for itself. Text is brought to
Unicode's composed form (NFC) first, so that "ü" is one character wherever the file
was written.

What this does not do: the word tokenizer does not give back the spaces around
punctuation that the original had. Byte-pair encoding is a library's here; `bpe` is
the same from scratch.
"""

import io
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

from minis2s.config import InputError, TokenizerConfig

PAD_ID, UNK_ID, BOS_ID, EOS_ID = 0, 1, 2, 3
SPECIAL_PIECES = ("<pad>", "<unk>", "<s>", "</s>")
SPACE_MARK = "▁"  # SentencePiece writes a space so, at the front of the next piece
SPACE_LABEL = "␣"

# A CJK character is a word of its own: the script has no spaces to split at.
_CJK = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u3040-\u30ff\U00020000-\U0003ffff"
_WORD = re.compile(rf"[{_CJK}]|[^\W{_CJK}]+|[^\w\s]")
BYTE_PIECE = re.compile(r"<0x([0-9A-F]{2})>")
_NO_SPACE_BEFORE = re.compile(r" ([.,;:!?%)\]}»’”、。，；：！？）])")
_NO_SPACE_AFTER = re.compile(r"([(\[{«‘“]) ")
_WIDE = rf"[{_CJK}\u3000-\u303f\uff00-\uff60]"  # ideographs and full-width marks
_NO_SPACE_BETWEEN = re.compile(rf"(?<={_WIDE}) (?={_WIDE})")


def split_words(text: str) -> list[str]:
    """Words and punctuation marks of a sentence, without the spaces.

    >>> split_words("Ein Hund, der schläft.")
    ['Ein', 'Hund', ',', 'der', 'schläft', '.']
    >>> split_words("我爱你")
    ['我', '爱', '你']
    """
    return _WORD.findall(unicodedata.normalize("NFC", text))


@runtime_checkable
class Tokenizer(Protocol):
    """What every tokenizer can do. Ids carry neither BOS nor EOS."""

    kind: str
    lower: bool
    pieces: Sequence[str]

    def encode(self, text: str) -> list[int]:
        """Token ids of one sentence."""

    def decode(self, ids: Iterable[int]) -> str:
        """The sentence that token ids spell; special ids are left out."""

    def save(self) -> dict[str, bytes]:
        """File name -> content of everything needed to load it again."""


class _VocabularyTokenizer:
    """A list of strings and the way back; what the two simple tokenizers share."""

    kind: str

    def __init__(self, pieces: Sequence[str], *, lower: bool = False) -> None:
        self.pieces = tuple(pieces)
        self.lower = lower
        self._ids = {piece: i for i, piece in enumerate(self.pieces)}

    @classmethod
    def learn(
        cls,
        lines: Iterable[str],
        vocab_size: int,
        min_count: int,
        *,
        lower: bool = False,
    ) -> "_VocabularyTokenizer":
        """The most frequent units of the text, spaces first; ties go by code point."""
        count = Counter(unit for line in lines for unit in cls._split(line, lower))
        ranked = sorted(count.items(), key=lambda item: (-item[1], item[0]))
        spaces = [unit for unit, _ in ranked if unit.isspace()]
        others = [unit for unit, n in ranked if n >= min_count and not unit.isspace()]
        pieces = [*SPECIAL_PIECES, *spaces, *others]
        return cls(pieces[:vocab_size], lower=lower)

    @classmethod
    def _split(cls, text: str, lower: bool) -> list[str]:
        raise NotImplementedError

    def encode(self, text: str) -> list[int]:
        """Token ids of one sentence; what is not in the vocabulary is UNK."""
        return [self._ids.get(unit, UNK_ID) for unit in self._split(text, self.lower)]

    def _units(self, ids: Iterable[int]) -> list[str]:
        return [self.pieces[i] for i in ids if i not in (PAD_ID, BOS_ID, EOS_ID)]

    def save(self) -> dict[str, bytes]:
        """One JSON file with every piece."""
        spec = {"kind": self.kind, "lower": self.lower, "pieces": self.pieces}
        text = json.dumps(spec, ensure_ascii=False, indent=0)
        return {"tokenizer.json": text.encode()}


class CharTokenizer(_VocabularyTokenizer):
    """One token a character."""

    kind = "char"

    @classmethod
    def _split(cls, text: str, lower: bool) -> list[str]:
        return list(normalize(text, lower))

    def decode(self, ids: Iterable[int]) -> str:
        """The characters, side by side."""
        return "".join(self._units(ids))


class WordTokenizer(_VocabularyTokenizer):
    """One token a word or punctuation mark; rare words are unknown."""

    kind = "word"

    @classmethod
    def _split(cls, text: str, lower: bool) -> list[str]:
        return split_words(normalize(text, lower))

    def decode(self, ids: Iterable[int]) -> str:
        """The words with spaces between them, none before a comma or inside Chinese."""
        text = _NO_SPACE_BETWEEN.sub("", " ".join(self._units(ids)))
        text = _NO_SPACE_BEFORE.sub(r"\1", text)
        return _NO_SPACE_AFTER.sub(r"\1", text)


class SentencePieceTokenizer:
    """Subwords: frequent words whole, rare ones in parts, the unseen as bytes.

    Source: Kudo and Richardson 2018, "SentencePiece", arXiv:1808.06226; byte-pair
        merges after Sennrich et al. 2016, arXiv:1508.07909.
    """

    kind = "sentencepiece"

    def __init__(self, model: bytes, *, lower: bool = False) -> None:
        import sentencepiece  # here, because the special ids need no library

        self.lower = lower
        self._model = model
        self._processor = sentencepiece.SentencePieceProcessor()
        self._processor.load_from_serialized_proto(model)
        size = self._processor.get_piece_size()
        self.pieces = tuple(self._processor.id_to_piece(i) for i in range(size))

    @classmethod
    def learn(
        cls,
        lines: Iterable[str],
        vocab_size: int,
        min_count: int = 1,
        *,
        lower: bool = False,
    ) -> "SentencePieceTokenizer":
        """BPE merges of the training text; fewer than asked for if it is small.

        The 256 bytes and every character of the text have a piece, even if that makes
        more than were asked for. One thread, because the result must not depend on
        the machine.
        """
        import sentencepiece

        del min_count  # byte fallback leaves no piece too rare to spell
        text = [normalize(line, lower) for line in lines]
        alphabet = len({char for line in text for char in line})
        least = len(SPECIAL_PIECES) + 256 + alphabet + 1
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(text),
            model_writer=model,
            model_type="bpe",
            vocab_size=max(vocab_size, least),
            hard_vocab_limit=False,
            character_coverage=1.0,
            byte_fallback=True,
            normalization_rule_name="identity",
            max_sentence_length=1 << 20,
            num_threads=1,
            pad_id=PAD_ID,
            unk_id=UNK_ID,
            bos_id=BOS_ID,
            eos_id=EOS_ID,
            minloglevel=2,
        )
        return cls(model.getvalue(), lower=lower)

    @property
    def scores(self) -> dict[str, float]:
        """Piece -> score, in order of id; special pieces and bytes have none."""
        model = self._processor
        none = (model.is_control, model.is_unknown, model.is_byte)
        return {
            piece: model.get_score(i)
            for i, piece in enumerate(self.pieces)
            if not any(is_kind(i) for is_kind in none)
        }

    def encode(self, text: str) -> list[int]:
        """Token ids of one sentence."""
        return self._processor.encode(normalize(text, self.lower))

    def decode(self, ids: Iterable[int]) -> str:
        """The sentence; a run of spaces is one, and none is left at its ends."""
        kept = [int(i) for i in ids if i not in (PAD_ID, BOS_ID, EOS_ID)]
        return self._processor.decode(kept)

    def save(self) -> dict[str, bytes]:
        """SentencePiece's own model, and a note of its kind beside it."""
        spec = json.dumps({"kind": self.kind, "lower": self.lower})
        return {"tokenizer.json": spec.encode(), "tokenizer.model": self._model}


def normalize(text: str, lower: bool) -> str:
    """Composed form, and lower case if asked for: what every tokenizer does first."""
    text = unicodedata.normalize("NFC", text)
    return text.lower() if lower else text


KINDS = {
    kind.kind: kind for kind in (CharTokenizer, WordTokenizer, SentencePieceTokenizer)
}


def learn_tokenizer(
    config: TokenizerConfig, lines: Iterable[str], *, lower: bool = False
) -> Tokenizer:
    """Learn a tokenizer from the lines of both sides of the training text.

    Raises:
        InputError: if every line is blank.
    """
    lines = list(lines)
    if not any(line.strip() for line in lines):
        raise InputError("there is no text to learn a vocabulary from")
    kind = KINDS[config.kind]
    return kind.learn(lines, config.vocab_size, config.min_count, lower=lower)


def load_tokenizer(files: dict[str, bytes]) -> Tokenizer:
    """The tokenizer that `save` wrote.

    Raises:
        InputError: if the files do not describe a tokenizer.
    """
    try:
        tokenizer = _load(files)
        if tuple(tokenizer.pieces[:4]) != SPECIAL_PIECES:
            raise ValueError(f"its first pieces are not {' '.join(SPECIAL_PIECES)}")
        return tokenizer
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"the tokenizer files are damaged ({error!r})") from error


def _load(files: dict[str, bytes]) -> Tokenizer:
    spec = json.loads(files["tokenizer.json"])
    kind, lower = KINDS[spec["kind"]], spec["lower"]
    if not isinstance(lower, bool):
        raise TypeError(f"lower is {lower!r}")
    if kind is SentencePieceTokenizer:
        return kind(files["tokenizer.model"], lower=lower)
    pieces = spec["pieces"]
    if not all(isinstance(piece, str) for piece in pieces):
        raise TypeError("a piece is no string")
    if len(set(pieces)) < len(pieces):
        raise ValueError("a piece stands twice")
    return kind(pieces, lower=lower)


def label_pieces(tokenizer: Tokenizer, ids: Sequence[int]) -> list[str]:
    """A legible label for each token: its piece, EOS as `</s>`, a space as `␣`."""
    pieces = [tokenizer.pieces[i] for i in ids]
    return [SPACE_LABEL if piece.isspace() else piece for piece in pieces]


def word_groups(
    tokenizer: Tokenizer, ids: Sequence[int]
) -> tuple[list[str], list[int]]:
    """Which word each token belongs to, words being those of `split_words`.

    A token begins a new word if a space stands before it, or if joining it to the
    word so far would make two words. A space belongs to the word that follows it, and
    is `␣` if none does. Special tokens stand alone; a token is never cut.

    Returns:
        the words, and for every token the number of its word.
    """
    words: list[str] = []
    group: list[int] = []
    joinable = False
    for text, space_before, alone, n_tokens in _characters(tokenizer, ids):
        joins = joinable and not alone and (not space_before or not words[-1])
        if joins and _is_one_word(words[-1] + text):
            words[-1] += text
        else:
            words.append(text)
        joinable = not alone
        group += [len(words) - 1] * n_tokens
    return [word or SPACE_LABEL for word in words], group


def _is_one_word(text: str) -> bool:
    return len(split_words(text)) <= 1


def _characters(
    tokenizer: Tokenizer, ids: Sequence[int]
) -> Iterable[tuple[str, bool, bool, int]]:
    """Legible text, space before?, stands alone?, tokens used; byte runs are joined."""
    run, n_tokens = b"", 0
    for i in ids:
        piece = tokenizer.pieces[i]
        byte = tokenizer.kind == "sentencepiece" and BYTE_PIECE.fullmatch(piece)
        if byte:
            run, n_tokens = run + bytes.fromhex(byte[1]), n_tokens + 1
            text = run.decode(errors="ignore")
            if text:
                yield text.strip(), text.isspace(), False, n_tokens
                run, n_tokens = b"", 0
            continue
        if n_tokens:  # bytes that spell no character
            yield "�", False, True, n_tokens
            run, n_tokens = b"", 0
        text = piece.replace(SPACE_MARK, " ")
        alone = piece in SPECIAL_PIECES or tokenizer.kind == "word"
        yield text.strip(), text[:1].isspace(), alone, 1
    if n_tokens:
        yield "�", False, True, n_tokens
