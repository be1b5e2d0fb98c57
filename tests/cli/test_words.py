"""Both languages say everything, with the same things filled in."""

import string

import pytest

from liuli.cli.words import WORDS, language_of, spoken


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("key", WORDS)
def test_both_columns_are_complete(key):
    english, chinese = WORDS[key]
    assert english.strip() and chinese.strip()
    assert fields(english) == fields(chinese)
    assert english.isascii()


def test_every_word_is_looked_up_somewhere():
    from pathlib import Path

    import liuli.cli

    files = [p for p in Path(liuli.cli.__file__).parent.glob("*.py") if p.name not in ("words.py", "help.py")]
    code = "\n".join(path.read_text("utf-8") for path in files)
    built = ("task.", "run.", "part.", "rule.", "help.")  # keys that are put together from a name
    unused = [key for key in WORDS if f'"{key}"' not in code and not key.startswith(built)]
    assert not unused


@pytest.mark.parametrize(
    ("settings", "language"),
    [({"LANG": "zh_CN.UTF-8"}, "zh"), ({"LANG": "en_US"}, "en"), ({}, "en"), ({"LC_ALL": "en_US", "LANG": "zh"}, "en")],
)
def test_language_follows_the_environment(settings, language, monkeypatch):
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert language_of() == language and language_of("zh") == "zh"
    assert spoken("interrupted") == WORDS["interrupted"][language == "zh"]
