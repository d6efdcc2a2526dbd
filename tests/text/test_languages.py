"""A line that can hardly be in its language is noticed; a doubtful one is not."""

import numpy as np
import pytest

from minis2s.text import corpora
from minis2s.text.languages import SMALL_WORDS, base_code, seems_foreign

SENTENCES = {
    "cs": "Dva psi běží po trávě a chlapec se na ně dívá z okna.",
    "de": "Zwei Hunde laufen über das Gras und ein Junge sieht ihnen zu.",
    "en": "Two dogs run over the grass and a boy looks at them.",
    "es": "Dos perros corren por la hierba y un niño los mira.",
    "fr": "Deux chiens courent dans le pré et un garçon les regarde.",
    "it": "Due cani corrono sul prato e un ragazzo li guarda con il padre.",
    "nl": "Twee honden rennen over het gras en een jongen kijkt naar ze.",
    "pl": "Dwa psy biegną po trawie i chłopiec patrzy na nie z okna.",
    "pt": "Dois cães correm na relva e um menino olha para eles com o pai.",
    "sv": "Två hundar springer på gräset och en pojke ser på dem.",
    "ru": "Две собаки бегут по траве.",
    "el": "Δύο σκυλιά τρέχουν στο γρασίδι.",
    "ar": "كلبان يركضان على العشب",
    "he": "שני כלבים רצים על הדשא",
    "hi": "दो कुत्ते घास पर दौड़ रहे हैं",
    "th": "สุนัขสองตัววิ่งบนหญ้า",
    "ko": "개 두 마리가 풀밭 위를 달린다",
    "ja": "二匹の犬が草の上を走る",
    "zh": "两只狗在草地上跑",
}


@pytest.mark.parametrize("language", SENTENCES)
def test_a_sentence_is_not_foreign_to_its_language(language):
    """Nor to a language with a region or a script named behind it."""
    assert not seems_foreign(SENTENCES[language], language)
    assert not seems_foreign(SENTENCES[language], f"{language.upper()}-XX")


@pytest.mark.parametrize("language", SMALL_WORDS)
@pytest.mark.parametrize("said", ["de", "en", "ru", "zh"])
def test_another_language_is_noticed(language, said):
    """By its small words, or by a script that it is not written in."""
    if language != said:
        assert seems_foreign(SENTENCES[language], said)


@pytest.mark.parametrize("language", ["ru", "el", "ar", "he", "hi", "th", "ko", "zh"])
def test_another_script_is_noticed(language):
    """A line without one Latin letter is no German."""
    assert seems_foreign(f"{SENTENCES[language]} 7", "de")


@pytest.mark.parametrize(
    ("line", "language"),
    [
        ("", "zh"),
        ("12:30", "zh"),  # no letter at all
        ("Berlin", "zh"),  # one word may be a name
        ("Windows 7 很好", "zh"),  # one letter of its own is enough
        ("The Beatles", "de"),  # one foreign word, and none of its own
        ("Er liest in The Old Man and the Sea.", "de"),  # two of its own, two foreign
        ("Saluton, mi amas vin kaj la hundon.", "eo"),  # a language not listed
        (SENTENCES["fr"], ""),
    ],
)
def test_in_doubt_a_line_is_not_foreign(line, language):
    """Names, numbers, titles, and languages that nothing is known of."""
    assert not seems_foreign(line, language)


@pytest.mark.parametrize("language", ["de", "en"])
def test_no_caption_of_ours_is_foreign(language):
    """None is accused; more than half of the other side's are noticed."""
    text = corpora.load("captions-de-en", "test", "de", "en")
    sides = {"de": text.src, "en": text.tgt}
    own = sides.pop(language)
    assert not any(seems_foreign(line, language) for line in own)
    (other,) = sides.values()
    assert np.mean([seems_foreign(line, language) for line in other]) > 0.5


def test_base_code():
    """What follows the hyphen does not count, nor does the case."""
    assert [base_code(code) for code in ("de", "zh-Hant", "EN-GB", "")] == [
        "de", "zh", "en", "",
    ]  # fmt: skip
