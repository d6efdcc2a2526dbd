"""The exercises of lesson 03: a recurrent network, there and back through time."""

from minis2s.classroom.lesson03.backward import check_rnn_backward
from minis2s.classroom.lesson03.forward import check_rnn_forward, check_two_steps
from minis2s.classroom.lesson03.keep import check_kept_gradient
from minis2s.classroom.lesson03.proof import check_bptt_test
from minis2s.classroom.lesson03.shared import check_shared_weights

__all__ = [
    "check_bptt_test",
    "check_kept_gradient",
    "check_rnn_backward",
    "check_rnn_forward",
    "check_shared_weights",
    "check_two_steps",
]
