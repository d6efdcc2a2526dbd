"""The exercises of lesson 07: dot products, their scale, and several heads."""

from minis2s.classroom.lesson07.backward import check_dot_backward
from minis2s.classroom.lesson07.forward import check_multi_head
from minis2s.classroom.lesson07.neighbours import check_neighbours
from minis2s.classroom.lesson07.pairs import check_heads_test
from minis2s.classroom.lesson07.scaled import check_scaled_weights
from minis2s.classroom.lesson07.split import check_split_heads

__all__ = [
    "check_dot_backward",
    "check_heads_test",
    "check_multi_head",
    "check_neighbours",
    "check_scaled_weights",
    "check_split_heads",
]
