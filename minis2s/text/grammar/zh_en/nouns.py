"""Nouns with their measure words, and adjectives, of the Chinese-English grammar.

Chinese words carry no endings and no spaces, so that the tables are short.
"""

from dataclasses import dataclass

from minis2s.text.grammar.engine import table_rows


@dataclass(frozen=True)
class Noun:
    """A noun of both languages and its measure word."""

    chinese: str
    measure: str
    """What stands between a number or a demonstrative and the noun."""
    english: tuple[str, str]
    """Singular and plural."""
    kind: str
    """What it names: verbs and adjectives choose by it."""

    def __str__(self) -> str:
        return self.chinese


@dataclass(frozen=True)
class Drink:
    """A drink, which is counted by its vessel in both languages."""

    chinese: str
    measure: str
    english: str
    vessel: tuple[str, str]
    kind: str = "drink"

    def __str__(self) -> str:
        return self.chinese


@dataclass(frozen=True)
class Adjective:
    """An adjective of both languages."""

    chinese: str
    english: str
    comparative: str
    """More than another in English; empty if it is not compared."""
    kinds: frozenset[str]
    """Of nouns that it may be said of."""
    attributive: str = ""
    """What stands before a noun: the word itself, or with 的; empty if nothing does."""

    def __str__(self) -> str:
        return self.chinese


NOUNS = [
    Noun(chinese, measure, (singular, plural), kind)
    for kind, chinese, measure, singular, plural in table_rows(
        """
        person  | 老师   | 位 | teacher        | teachers
        person  | 医生   | 位 | doctor         | doctors
        person  | 学生   | 个 | student        | students
        child   | 孩子   | 个 | child          | children
        child   | 女孩   | 个 | girl           | girls
        child   | 男孩   | 个 | boy            | boys
        person  | 司机   | 位 | driver         | drivers
        person  | 警察   | 位 | police officer | police officers
        person  | 朋友   | 个 | friend         | friends
        animal  | 狗     | 只 | dog            | dogs
        animal  | 猫     | 只 | cat            | cats
        animal  | 马     | 匹 | horse          | horses
        animal  | 鸟     | 只 | bird           | birds
        food    | 苹果   | 个 | apple          | apples
        food    | 香蕉   | 根 | banana         | bananas
        food    | 橙子   | 个 | orange         | oranges
        food    | 包子   | 个 | steamed bun    | steamed buns
        text    | 书     | 本 | book           | books
        letter  | 信     | 封 | letter         | letters
        film    | 电影   | 部 | film           | films
        press   | 报纸   | 份 | newspaper      | newspapers
        press   | 杂志   | 本 | magazine       | magazines
        clothes | 毛衣   | 件 | sweater        | sweaters
        clothes | 衬衫   | 件 | shirt          | shirts
        clothes | 裙子   | 条 | skirt          | skirts
        clothes | 帽子   | 顶 | hat            | hats
        machine | 汽车   | 辆 | car            | cars
        machine | 自行车 | 辆 | bicycle        | bicycles
        machine | 手机   | 部 | mobile phone   | mobile phones
        machine | 电脑   | 台 | computer       | computers
        flower  | 花     | 朵 | flower         | flowers
        thing   | 雨伞   | 把 | umbrella       | umbrellas
        thing   | 椅子   | 把 | chair          | chairs
        thing   | 地图   | 张 | map            | maps
        door    | 门     | 扇 | door           | doors
        door    | 窗户   | 扇 | window         | windows
        door    | 盒子   | 个 | box            | boxes
        """
    )
]

DRINKS = [
    Drink("茶", "杯", "tea", ("cup", "cups")),
    Drink("咖啡", "杯", "coffee", ("cup", "cups")),
    Drink("牛奶", "瓶", "milk", ("bottle", "bottles")),
    Drink("果汁", "瓶", "juice", ("bottle", "bottles")),
]

ADJECTIVES = [
    Adjective(chinese, en, more, frozenset(kinds.split()), attributive)
    for chinese, attributive, en, more, kinds in table_rows(
        """
        新 | 新 | new | newer | text press film clothes machine thing
        旧 | 旧 | old | older | text letter press clothes machine thing
        大 | 大 | big | bigger | animal food flower thing door
        小 | 小 | small | smaller | animal food flower thing door
        红 | 红色的 | red | | flower clothes machine thing door
        白 | 白色的 | white | | flower animal clothes machine door
        漂亮 | 漂亮的 | beautiful | more beautiful | flower animal clothes thing
        有趣 | 有趣的 | interesting | more interesting | text letter press film
        年轻 | 年轻的 | young | younger | person
        贵 | | expensive | more expensive | text clothes machine thing
        便宜 | 便宜的 | cheap | cheaper | text clothes machine thing
        高 | | tall | taller | person
        """
    )
]
STATES = {"累": "tired", "忙": "busy", "饿": "hungry", "高兴": "happy"}
"""How a person can be for a while."""
