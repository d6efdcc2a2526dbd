"""Test: what the decoder reads, and what it has to answer."""

import numpy as np

from minis2s.classroom.write_test import Faulty, WriteTest
from minis2s.text.batching import pad
from minis2s.text.tokenizers import BOS_ID, EOS_ID, PAD_ID


def _by_lists(sentences):
    tgt_in = pad([[BOS_ID, *ids] for ids in sentences])
    return tgt_in, pad([[*ids, EOS_ID] for ids in sentences])


def _by_rolling(sentences):
    tgt_out = pad([[*ids, EOS_ID] for ids in sentences])
    tgt_in = np.roll(tgt_out, 1, axis=1)
    tgt_in[:, 0] = BOS_ID
    tgt_in[tgt_out == PAD_ID] = PAD_ID
    return tgt_in, tgt_out


def _by_slicing(sentences):
    tgt = pad([[BOS_ID, *ids, EOS_ID] for ids in sentences])
    return tgt[:, :-1], tgt[:, 1:]


def _start_alone(sentences):
    tgt_out = pad([[*ids, EOS_ID] for ids in sentences])
    tgt_in = tgt_out.copy()
    tgt_in[:, 0] = BOS_ID
    return tgt_in, tgt_out


def _unshifted(sentences):
    tgt = pad([[*ids, EOS_ID] for ids in sentences])
    return tgt, tgt.copy()


def _no_end(sentences):
    tgt_in = pad([[BOS_ID, *ids] for ids in sentences])
    return tgt_in, pad([[*ids, PAD_ID] for ids in sentences])


def _no_start(sentences):
    return pad(sentences), pad([[*ids[1:], EOS_ID] for ids in sentences])


def _rolled(sentences):
    tgt_in, tgt_out = _by_lists(sentences)
    tgt_in[:, 0] = tgt_out[:, -1]
    return tgt_in, tgt_out


def _both_ends(sentences):
    tgt = pad([[BOS_ID, *ids, EOS_ID] for ids in sentences])
    return tgt, tgt.copy()


def _sorted(sentences):
    return _by_lists(sorted(sentences, key=len))


def _test(sentences=((5, 6, 7), (8,), (9, 4)), parts=("in", "out"), wrong=False):
    """Both arrays, or one of them, beside rows that were written by hand."""

    def batch_is_right(make_batch):
        tgt_in, tgt_out = make_batch([list(ids) for ids in sentences])
        for k, ids in enumerate(sentences):
            n = len(ids) + 1
            if "in" in parts and tgt_in[k, :n].tolist() != [BOS_ID, *ids]:
                return False
            if "out" in parts and tgt_out[k, :n].tolist() != [*ids, EOS_ID]:
                return False
            if (
                "relation" in parts
                and (tgt_in[k, 1 : n - 1] != tgt_out[k, : n - 2]).any()
            ):
                return False
            if "end" in parts and EOS_ID not in tgt_out[k]:
                return False
            if "start" in parts and tgt_in[k, 0] != BOS_ID:
                return False
        return not wrong

    return batch_is_right


batch_is_right = _test()
"""The published solution."""

check_batch_test = WriteTest(
    name="batch_test",
    lesson=5,
    section="10",
    minutes=12,
    difficulty=3,
    task="""Judge a test of target batches: answer(make_batch).

    tgt_in, tgt_out = make_batch(sentences): from lists of ids without special ones to
    two arrays (batch, tgt_len), PAD_ID behind the shorter rows. The decoder reads
    tgt_in, and has to answer tgt_out; tgt_in begins with BOS_ID, tgt_out ends with
    EOS_ID, rows stay in order. What tgt_in holds where tgt_out is PAD_ID does not
    matter. The test accepts by returning True or nothing, and rejects by returning
    False or raising an AssertionError.
    """,
    answer=batch_is_right,
    right={
        "by lists": (_by_lists,),
        "by rolling": (_by_rolling,),
        "by slicing": (_by_slicing,),
    },
    faulty={
        "unshifted": Faulty(
            (_unshifted,),
            "has the decoder read at each step what it must answer",
            look="Which of the two arrays does the test look at?",
            idea="tgt_out may be perfect, and tgt_in the same array.",
            code="Compare tgt_in[k] with [BOS_ID, *ids], entry by entry.",
        ),
        "no_end": Faulty(
            (_no_end,),
            "never asks for EOS",
            look="What must be answered after the last word?",
            idea="A shift that is right can lack its last column.",
            code="Compare tgt_out[k] with [*ids, EOS_ID].",
        ),
        "no_start": Faulty(
            (_no_start,),
            "never asks for the first word, which is read instead of BOS",
            look="What stands in the first column of tgt_in?",
            idea="The relation of the two arrays holds here; their ends do not.",
            code="tgt_in[:, 0] == BOS_ID, and tgt_out[:, 0] is the first word.",
        ),
        "rolled": Faulty(
            (_rolled,),
            "starts with what was rolled over from the end of the row",
            look="What stands in the first column of tgt_in?",
            idea="Rolling an array brings its end to the front.",
            code="tgt_in[:, 0] == BOS_ID in every row.",
        ),
        "both_ends": Faulty(
            (_both_ends,),
            "puts BOS and EOS around the words, in both arrays, and shifts nothing",
            look="How many special ids has each row?",
            idea="With both ends in both rows, the decoder reads what it must answer.",
            code="tgt_in[k] is [BOS_ID, *ids], tgt_out[k] is [*ids, EOS_ID]: neither "
            "has both.",
        ),
        "start_alone": Faulty(
            (_start_alone,),
            "puts BOS in front, over the first word, and shifts nothing",
            look="What stands in the second column of tgt_in?",
            idea="A right start says nothing about the rest of the row.",
            code="Compare tgt_in[k] with [BOS_ID, *ids], entry by entry.",
        ),
        "sorted": Faulty(
            (_sorted,),
            "hands back the rows in order of their length",
            look="In which order are the sentences of the test?",
            idea="Rows that were sorted belong to other sources.",
            code="Sentences that are not in order of length.",
        ),
    },
    wrong={
        "accepts_all": lambda make_batch: None,
        "rejects_right": _test(wrong=True),
        "unshifted": _test(parts=("out",)),
        "no_end": _test(parts=("relation", "start")),
        "no_start": _test(parts=("relation", "end")),
        "start_alone": _test(parts=("out", "start")),
        "sorted": _test(sentences=((8,), (9, 4), (5, 6, 7))),
    },
    look="Three sentences of different lengths: are both arrays looked at, and both "
    "ends of each?",
    idea="Write down by hand what both rows of a short sentence must be.",
    code="[BOS_ID, *ids] beside the first len(ids) + 1 entries of tgt_in, and "
    "[*ids, EOS_ID] beside those of tgt_out.",
    news="three of these faults leave a loss near zero; of the others no loss tells.",
)
