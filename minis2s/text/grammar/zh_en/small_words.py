"""Determiners, pronouns, places and times of the Chinese-English grammar."""

from dataclasses import dataclass

DETERMINERS = {
    "this": ("这", "this"),
    "that": ("那", "that"),
    "these": ("这些", "these"),
    "those": ("那些", "those"),
    "my": ("我的", "my"),
    "your": ("你的", "your"),
    "one": ("一", "a"),
    "two": ("两", "two"),
    "three": ("三", "three"),
}
NOT_OWNED = {"女孩", "男孩", "警察"}
"""Nouns that sound odd behind "my"."""
PLURAL = {"these", "those", "two", "three"}
WITHOUT_MEASURE = {"these", "those", "my", "your"}


@dataclass(frozen=True)
class Pronoun:
    """A personal pronoun or a name."""

    chinese: str
    subject: str
    object: str
    is_third: bool = False
    """Whether an English verb takes its ending."""
    again: str = ""
    """The pronoun that a name is taken up by."""


PRONOUNS = [
    Pronoun("我", "I", "me"),
    Pronoun("你", "you", "you"),
    Pronoun("他", "he", "him", is_third=True),
    Pronoun("她", "she", "her", is_third=True),
    Pronoun("我们", "we", "us"),
    Pronoun("他们", "they", "them"),
]
"""你们 is left out, since English does not tell it from 你, and so are 她们 and 它."""
NAMES = [
    Pronoun("小明", "Xiaoming", "Xiaoming", is_third=True, again="他"),
    Pronoun("小红", "Xiaohong", "Xiaohong", is_third=True, again="她"),
]

PLACES = {
    "公园": ("在:in 公园:park 里:in", "in:in the?park park:park"),
    "图书馆": ("在:in 图书馆:library 里:in", "in:in the?library library:library"),
    "教室": ("在:in 教室:room 里:in", "in:in the?room classroom:room"),
    "办公室": ("在:in 办公室:office 里:in", "in:in the?office office:office"),
    "学校": ("在:at 学校:school", "at:at school:school"),
    "家": ("在:at 家:home", "at:at home:home"),
    "树": ("在:under 树:tree 下:under", "under:under the?tree tree:tree"),
    "桥": ("在:on 桥:bridge 上:on", "on:on the?bridge bridge:bridge"),
}
"""在 before a place and, if need be, where exactly behind it: both are the preposition.
A school and a home need no 里."""
SURFACES = [
    ("在:on 桌子:table 上:on", "on:on the?table table:table"),
    ("在:on 椅子:chair 上:on", "on:on the?chair chair:chair"),
    ("在:in 盒子:box 里:in", "in:in the?box box:box"),
]
"""Where things are put."""


TIMES = {
    "habit": [
        ("每:every 天:day", "every:every day:day"),
        ("每:every 天?every 早上:morning", "every:every morning:morning"),
        ("周末:weekend", "on?weekend weekends:weekend"),
        ("晚上:evening", "in?evening the?evening evening:evening"),
    ],
    "past": [
        ("昨天:yesterday", "yesterday:yesterday"),
        ("上:last 周:week", "last:last week:week"),
        ("今天:this 早上:morning", "this:this morning:morning"),
        ("昨天:last 晚上:night", "last:last night:night"),
    ],
    "future": [
        ("明天:tomorrow", "tomorrow:tomorrow"),
        ("下:next 周:week", "next:next week:week"),
        ("今天:this 晚上:evening", "this:this evening:evening"),
    ],
}
"""Tense of English -> expressions of both languages. Chinese has no tense; the time
says what English must say with the verb as well."""
