"""The house rules find what they forbid, and nothing in a tidy module."""

from pathlib import Path

import pytest

from dev import tidy

CONFIGURATION = '[tool.tidy]\nexempt_names = ["data_received"]\n'
TIDY = (
    '"""A register."""\n\n\ndef forward_volume_ml(pulses: int) -> int:\n    return pulses * 10\n'
)


def project_with(tmp_path: Path, text: str, name: str = "gateway/register.py") -> Path:
    (tmp_path / "pyproject.toml").write_text(CONFIGURATION, encoding="utf-8")
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return tmp_path


def test_a_tidy_module_breaks_no_rule(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tidy.main(project_with(tmp_path, TIDY)) == 0
    assert "1 modules, 1 functions" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("def read_data() -> None: ...", "read_data says nothing: data"),
        ("class SessionManager: ...", "SessionManager says nothing: Manager"),
        ("def read(info: int) -> None: ...", "info says nothing"),
        ("handle = 1", "handle says nothing"),
        ("class A:\n    def f(self) -> None:\n        self.misc = 1", "misc says nothing"),
        ("def long() -> None:\n" + "    print()\n" * 60, "long has 61 lines; 60 is the most"),
        ("\n" * 401, "the module has 401 lines; 400 is the most"),
        ("x = 1  # no" + "qa: E501", "an exemption belongs in the configuration"),
        ("x = 1  # type:" + " ignore[misc]", "an exemption belongs in the configuration"),
        ("x = 1  # TO" + "DO later", "finish it or leave it out"),
        ('x = "/ho' + 'me/someone/weir"', "a path of one machine"),
        ('x = "https://py' + 'pi.org/simple"', "the address of a package registry"),
    ],
)
def test_a_broken_rule_is_named_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, sentence: str
) -> None:
    assert tidy.main(project_with(tmp_path, text)) == 1
    printed = capsys.readouterr().out
    assert sentence in printed
    assert printed.startswith("gateway/register.py:")


@pytest.mark.parametrize(
    "text",
    [
        "def data_received(chunk: bytes) -> None: ...",
        "metadata = 1\ninformation = 2\nhandler = 3\nsubprocess_count = 4",
        'STATE = "/var/lib/weir"\nPORT = "/dev/ttyUSB0"\nHERE = "docs/home/page"',
        "def test_two_processes_agree() -> None: ...",
        'SENTENCE = "data of a manager"  # a handle is spoken of, not given as a name',
    ],
)
def test_an_exempt_name_and_words_that_only_look_alike_are_let_through(
    tmp_path: Path, text: str
) -> None:
    assert tidy.main(project_with(tmp_path, text)) == 0


def test_a_generated_file_is_not_bound_by_the_rules(tmp_path: Path) -> None:
    assert tidy.main(project_with(tmp_path, "data = 1", "firmware/tables_gen.py")) == 0


def test_a_link_must_lead_to_a_file_of_the_checkout(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = "[here](a.md) [there](sub/b.md#part) [away](https://example.org/c.md)\n[gone](d.md)\n"
    for name in ("docs/a.md", "docs/sub/b.md"):
        project_with(tmp_path, "", name)
    assert tidy.main(project_with(tmp_path, page, "docs/index.md")) == 1
    assert "docs/index.md:2: the link to d.md leads nowhere" in capsys.readouterr().out
