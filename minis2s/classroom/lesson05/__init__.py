"""The exercises of lesson 05: one network reads, another writes."""

from minis2s.classroom.lesson05.backward import check_encoder_backward
from minis2s.classroom.lesson05.batches import check_batch_test
from minis2s.classroom.lesson05.ends import check_final_state
from minis2s.classroom.lesson05.greedy import check_greedy
from minis2s.classroom.lesson05.shift import check_shift
from minis2s.classroom.lesson05.suitcase import check_suitcase

__all__ = [
    "check_batch_test",
    "check_encoder_backward",
    "check_final_state",
    "check_greedy",
    "check_shift",
    "check_suitcase",
]
