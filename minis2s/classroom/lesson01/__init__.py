"""The exercises of lesson 01: merges, their order, round trips, and little padding."""

from minis2s.classroom.lesson01.apply import check_apply_bpe
from minis2s.classroom.lesson01.batches import check_batch_plan
from minis2s.classroom.lesson01.merges import check_join_pair, check_three_merges
from minis2s.classroom.lesson01.round_trip import check_round_trip

__all__ = [
    "check_apply_bpe",
    "check_batch_plan",
    "check_join_pair",
    "check_round_trip",
    "check_three_merges",
]
