"""All exhibits, room by room."""

from minis2s.museum.attention import ATTENTION
from minis2s.museum.data import DATA
from minis2s.museum.decoding import DECODING
from minis2s.museum.exhibit import Exhibit
from minis2s.museum.loss import LOSS
from minis2s.museum.measuring import MEASURING
from minis2s.museum.recurrence import RECURRENCE
from minis2s.museum.training import TRAINING
from minis2s.museum.transformer import TRANSFORMER

ROOMS: dict[str, tuple[Exhibit, ...]] = {
    "Attention": ATTENTION,
    "Recurrence, encoder and decoder": RECURRENCE,
    "Transformer": TRANSFORMER,
    "Loss": LOSS,
    "Training": TRAINING,
    "Data": DATA,
    "Decoding": DECODING,
    "Measuring": MEASURING,
}
"""Title of a room -> what is shown there."""

EXHIBITS = tuple(exhibit for room in ROOMS.values() for exhibit in room)
