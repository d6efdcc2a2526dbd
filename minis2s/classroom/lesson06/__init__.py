"""The exercises of lesson 06: additive attention, there and back."""

from minis2s.classroom.lesson06.backward import check_additive_back
from minis2s.classroom.lesson06.by_hand import check_tanh_by_hand
from minis2s.classroom.lesson06.forward import check_additive
from minis2s.classroom.lesson06.proof import check_attention_test
from minis2s.classroom.lesson06.reader import check_backwards_reader
from minis2s.classroom.lesson06.scores import check_tanh_scores

__all__ = [
    "check_additive",
    "check_additive_back",
    "check_attention_test",
    "check_backwards_reader",
    "check_tanh_by_hand",
    "check_tanh_scores",
]
