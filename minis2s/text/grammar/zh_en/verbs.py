"""Verbs of the Chinese-English grammar, by what they need around them.

A verb with several English meanings is several entries, told apart by their objects:
看 a book is to read, 看 a film is to watch. So is "play", which is 打, 踢 or 弹.
"""

from dataclasses import dataclass

from minis2s.text.grammar import english
from minis2s.text.grammar.engine import table_rows


@dataclass(frozen=True)
class Verb:
    """A verb of both languages, perhaps with an object of its own."""

    chinese: str
    """In the notation of `engine.tag`: the verb and what it always has behind it."""
    english: english.Verb
    fixed: str
    """The same object in English."""
    objects: frozenset[str]
    """Kinds of nouns that it takes."""
    places: tuple[str, ...] = ()
    """Where it happens, if it has no other object."""

    def __str__(self) -> str:
        chinese = "".join(word.partition(":")[0] for word in self.chinese.split())
        return f"{chinese}/{self.english.base}"  # one may be two in the other language


def _verbs(table: str) -> list[Verb]:
    return [
        Verb(f"{chinese}:verb", english.verb(en), "", frozenset(objects.split()))
        for chinese, en, objects in table_rows(table)
    ]


ACTIONS = _verbs(
    """
    买 | buy buys bought buying | food text press flower clothes machine thing
    卖 | sell sells sold selling | food text press flower clothes machine thing
    看 | read reads read reading | text letter press
    看 | watch watches watched watching | film
    写 | write writes wrote writing | text letter
    吃 | eat eats ate eating | food
    喝 | drink drinks drank drinking | drink
    画 | draw draws drew drawing | animal flower thing
    洗 | wash washes washed washing | clothes
    修 | repair repairs repaired repairing | machine door
    找 | look looks looked looking _for | person child animal letter machine thing
    借 | borrow borrows borrowed borrowing | text press machine thing
    帮助 | help helps helped helping | person child
    等 | wait waits waited waiting _for | person child
    """
)
STATIVE = _verbs(
    """
    喜欢 | like likes liked | person child animal food text film flower clothes drink
    认识 | know knows knew | person child
    """
)
ACTIVITIES = [
    Verb(
        chinese,
        english.verb(en),
        fixed,
        frozenset(),
        tuple(places.split()),
    )
    for chinese, en, fixed, places in table_rows(
        """
        工作:verb | work works worked working | | 办公室 学校 图书馆 家
        学习:verb | study studies studied studying | | 图书馆 教室 学校 家
        休息:verb | rest rests rested resting | | 公园 办公室 家 树
        跑步:verb | run runs ran running | | 公园 学校 桥
        睡觉:verb | sleep sleeps slept sleeping | | 家 教室 办公室 树
        唱歌:verb | sing sings sang singing | | 公园 教室 家 树
        跳舞:verb | dance dances danced dancing | | 公园 教室 学校 桥
        打:verb 篮球:fixed | play plays played playing | basketball:fixed | 公园 学校
        踢:verb 足球:fixed | play plays played playing | football:fixed | 公园 学校
        弹:verb 钢琴:fixed | play plays played playing | the?fixed piano:fixed | 家 学校
        """
    )
]


@dataclass(frozen=True)
class Disposal:
    """A verb with its result, as 把 wants it: what becomes of the object."""

    chinese: str
    """In the notation of `engine.tag`."""
    past: str
    particle: str
    """Behind the object in English; both in the notation of `engine.tag`."""
    objects: frozenset[str]

    def __str__(self) -> str:
        return "".join(part.split(":")[0] for part in self.chinese.split())


DISPOSALS = [
    Disposal(chinese, past, particle, frozenset(objects.split()))
    for chinese, past, particle, objects in table_rows(
        """
        吃:verb 掉:result | ate:verb | up:result | food
        扔:verb 掉:result | threw:verb | away:result | food text letter press clothes
        拿:verb 走:result | took:verb | away:result | text letter press flower machine
        洗:verb 干净:result | washed:verb | clean:result | clothes
        卖:verb 掉:result | sold:verb+result | | text clothes machine thing
        修:verb 好:result | repaired:verb+result | | machine door
        打:verb 开:result | opened:verb+result | | door
        关:verb 上:result | closed:verb+result | | door
        """
    )
]
PUT = Disposal(
    "放:verb", "put:verb", "", frozenset({"food", "text", "letter", "clothes"})
)

MODALS = {
    "想": ("want:modal", "wants:modal", "to?verb"),
    "能": ("", "", "can:modal"),
    "必须": ("", "", "must:modal"),
}
"""Chinese -> an English verb before "to", or an auxiliary."""
