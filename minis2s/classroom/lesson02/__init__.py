"""The exercises of lesson 02: softmax, cross-entropy, and backpropagation by hand."""

from minis2s.classroom.lesson02.backward import check_softmax_backward
from minis2s.classroom.lesson02.forward import check_gradient_on_paper, check_softmax
from minis2s.classroom.lesson02.loss import check_loss_backward
from minis2s.classroom.lesson02.proof import check_cheap_test, check_gradient_test

__all__ = [
    "check_cheap_test",
    "check_gradient_on_paper",
    "check_gradient_test",
    "check_loss_backward",
    "check_softmax",
    "check_softmax_backward",
]
