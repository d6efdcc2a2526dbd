"""The exercises of lesson 04: gates that hold, there and back."""

from minis2s.classroom.lesson04.backward import check_lstm_backward
from minis2s.classroom.lesson04.forward import check_lstm_step
from minis2s.classroom.lesson04.gru import check_gru_step
from minis2s.classroom.lesson04.half_life import check_half_life
from minis2s.classroom.lesson04.latch import check_latch
from minis2s.classroom.lesson04.proof import check_step_test

__all__ = [
    "check_gru_step",
    "check_half_life",
    "check_latch",
    "check_lstm_backward",
    "check_lstm_step",
    "check_step_test",
]
