"""What is known of each corpus by name: origin, terms, languages, splits, checksums.

Reading them is corpora.py's business.
"""

from dataclasses import dataclass, field

from minis2s.config import InputError
from minis2s.text import grammar, tasks


@dataclass(frozen=True)
class Card:
    """What there is to know about a corpus before reading it."""

    name: str
    about: str
    licence: str
    languages: tuple[str, ...]
    splits: dict[str, tuple[str, ...]]
    """Split -> the languages it exists in."""
    url: str = ""
    """Folder that the files come from; empty if nothing is fetched."""
    sha256: dict[str, str] = field(default_factory=dict)
    """File -> hash of its unpacked text; of a generated task, split -> of its pairs."""
    valid: str = "valid"
    """The split that choices are made on."""
    test: str = "test"
    """The split that results are published on."""


_ALL = ("de", "en", "fr", "cs")
_MULTI30K_SHA256 = {
    "test_2016_flickr.cs": "45adb85f688de8407fddcbe1b36dca15d12aab868149b337e2576f2d6d2ff8d8",
    "test_2016_flickr.de": "4be6b5b3236b79c25475c6bb829800a7ce559e9ba7a1f6c2394fe4d40be46d16",
    "test_2016_flickr.en": "399a4382932c1aadd3ceb9bef1008d388a64c76d4ae4e9d4728c6f4301cac182",
    "test_2016_flickr.fr": "cb3160d69b002bb638e66cc7612fcd56cb0af82eadc9c142dedc438afb885ef6",
    "train.cs": "2be68b38c8d586ff4f54eb13cc6e1baaaa053695b3f070d3038303a47f2268da",
    "train.de": "2c2b73fd2b548fbcde3a875e0a78d6ee94d498bfdee6bd3eae3945779e9ddf72",
    "train.en": "460a15fbd157e34a7a9957ee388c1ca247fe47af3ef25fb50442af6c274e0fc6",
    "train.fr": "5925a3c18f1587b6b54b87743106e6e8ab93618edb6f65d19eac0621f853a10d",
    "val.cs": "d53827e469b0a1ca8d57e9e26b2b64c4bc4b33f5479c7b03ae87ae5c882c3e33",
    "val.de": "660e09eb7e1da2f856ea13ee5ad3cf6d36b3d5b0b733c857e94c5747a3dfc660",
    "val.en": "1f2a23d992769b5b3d209b0a10dd0b77c08cceb1f20dfb97ed0aafa49d107227",
    "val.fr": "5304e444d842e962b2dda4d816b70b22a1765b15401642b7ca37a67477e708dc",
    "test_2017_flickr.de": "c3078bc3b36808bf9d20eb2347ed6137016179ef59ec0d2b9b8ecc3fb2880081",
    "test_2017_flickr.en": "ce1450ddc5ab0834502579d77a170849952e15a2938b34cc503bdc25ebb4fb98",
    "test_2017_flickr.fr": "6f3764e31dac41e9455e612958bcfd4e877c5e15cd66df2c2b2be6d9bd83e5b6",
    "test_2017_mscoco.de": "58277df3c75f92f7145a11b910b553d1cf82c439249d4dc237c899609eafac22",
    "test_2017_mscoco.en": "43051fdfa86fd5395182e718a94ca67b1b227b9f7c79596ff0f6b813216981d2",
    "test_2017_mscoco.fr": "39cde3f43f32b0a6bf29ce4917a46329ff32e53070c2fac87506695a740ae0a0",
    "test_2018_flickr.cs": "1db59fe6980c9b3f9bade65122a985e71150214837d76f4768a5a8384c0b2dc7",
    "test_2018_flickr.de": "39fcc8b3331d76fb42d648d019c6898b0d5e58baac87bc2a0bb93f44ec8db207",
    "test_2018_flickr.en": "4e585c2dd525911a6ea7730e9d0b516239af3f1b1ffae6a2130223cfb639f25e",
    "test_2018_flickr.fr": "234b4a887da0da4801a3e2c6f21336231ff7dd46daeb80cfa1b551c8bbb78239",
}
_TATOEBA_SHA256 = {
    "fra.txt": "0bb85dbaa1c896844649094d7eaf2e34bee34e84fe362b26ce7e8f2e12aae104",
}
_TASK_SHA256 = {
    "copy": {
        "train": "a931ea0724f928d27d840b7c6ae0b8c7e352a966787f3fff586c749cced050c0",
        "valid": "5746b1e209756d1846265274e603dc70d50d2a8464b0759efccb8d0970f9098a",
        "test": "c860d7653f8e46d0a81e81cb9298547fad74e096f15f42724b9f091101a2a6cb",
    },
    "reverse": {
        "train": "72e82f6ceaaa290f8ef6288a4105903b729a066c1a794569d84bc54d190726ac",
        "valid": "d65745fcaf3fe2c8a6f71bb10a50dc09a9bcfa8aac529e646874ac913d0ab42d",
        "test": "e3a8efea15693cff557a47da7079ef07b9265cf1fc36075a042a84f0934cd533",
    },
    "sort": {
        "train": "7c58d996a6dcb19c8964cb08d747cb5e2a4d4e680eb162ab888b694bf1023588",
        "valid": "7b226bbe4c9025348a04f2c05f6ddeeeb3772da7e2394add2f89589f25953a7b",
        "test": "1f0fde917cd500179f82b4b7272808ebe34efac7403f0bb5e4723dda4f8bd028",
    },
    "dates": {
        "train": "8b04066bdb41bb45c639b5b8208eb97757a7bbf32d1e611672e48c7c51651f95",
        "valid": "42b2493fccb72eaecd51eb6df5c7f04d199e6499de71fde4f9dbc3928a94bcd6",
        "test": "e18945751820a0602c01ddbc72894e2832e84ac6bc21158abe49ac99be61eb6d",
    },
    "numbers": {
        "train": "10b72c5854e3e477dd856b49837afb38e75998f68f4feec80d67803a265922fc",
        "valid": "ae873ab3b76d0066b1bcfdd981a45b19d50a917d1143e77ce801f7d8ab247386",
        "test": "3a0b4b93883dc4ad4ca67589f15f1a59f54305c564dd7c699554befa1da2ed8b",
    },
}

CARDS = {
    "multi30k": Card(
        "multi30k",
        "picture captions in four languages, 29,000 aligned for training",
        "no licence file; for non-commercial research and education: fetch, do not "
        "redistribute",
        _ALL,
        {
            "train": _ALL,
            "val": _ALL,
            "test_2016_flickr": _ALL,
            "test_2017_flickr": ("de", "en", "fr"),
            "test_2017_mscoco": ("de", "en", "fr"),
            "test_2018_flickr": _ALL,
        },
        url="https://raw.githubusercontent.com/multi30k/dataset/"
        "a3d2e0d26b56f3846f66a952536ffed4e401d05a/data/task1/raw/",
        sha256=_MULTI30K_SHA256,
        valid="val",
        test="test_2016_flickr",
    ),
    "tatoeba": Card(
        "tatoeba",
        "167,130 short English-French sentence pairs written by volunteers",
        "CC BY 2.0, attribution: tatoeba.org and www.manythings.org/anki",
        ("en", "fr"),
        dict.fromkeys(("train", "valid", "test"), ("en", "fr")),
        url="https://www.manythings.org/anki/",
        sha256=_TATOEBA_SHA256,
    ),
    "captions-de-en": Card(
        "captions-de-en",
        "60 German captions of our own, translated and aligned by hand",
        "CC0 1.0",
        ("de", "en"),
        {"test": ("de", "en")},
    ),
    **{
        name: Card(
            name,
            f"generated: {known.about}",
            "CC0 1.0",
            known.languages,
            dict.fromkeys(grammar.SPLIT_SIZES, known.languages),
        )
        for name, known in grammar.GRAMMARS.items()
    },
    **{
        name: Card(
            name,
            f"generated: {task.about}",
            "CC0 1.0",
            task.languages,
            dict.fromkeys(tasks.SPLIT_SIZES, task.languages),
            sha256=_TASK_SHA256[name],
        )
        for name, task in tasks.TASKS.items()
    },
}


def card(name: str) -> Card:
    """What is known of a corpus.

    Raises:
        InputError: if no corpus has this name.
    """
    if name not in CARDS:
        raise InputError(f"unknown corpus {name!r}; there are {', '.join(CARDS)}")
    return CARDS[name]
