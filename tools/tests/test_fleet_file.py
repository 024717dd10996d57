"""A fleet file: what is said of a meter, and what is wrong in the file and where."""

from pathlib import Path

import pytest

from weir_tools.fleet_file import read_fleet


def fleet(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "settings.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[meter]\nleak_on = true", "line 1, meter: [meter] is none of [defaults], [groups.NAME]"),
        ("defaults = 5", "line 1, defaults: [defaults] must be a table of settings"),
        ("[defaults]\nleak = true", "line 2, defaults.leak: No setting is called leak"),
        (
            "[defaults]\nleak_gap_s = 5",
            "line 2, defaults.leak_gap_s: leak_gap_s cannot be 5: it takes 60 to",
        ),
        ("[defaults]\nleak_gap_s = 99.5", "leak_gap_s cannot be 99.5: it takes a whole number"),
        ("defaults.leak_gap_s = 5", "line 1, defaults.leak_gap_s: leak_gap_s cannot be 5"),
        ("[meters.x]\nleak_on = true", "line 1, meters.x: x is not a meter's number"),
        ("[meters]\nleak_on = true", "line 2, meters.leak_on: [meters] has only tables below it"),
        ("[meters]\n5 = {leak = 1}", "line 2, meters.5.leak: No setting is called leak"),
        ("[groups.a]\nleak_on = true", "line 1, groups.a.meters: a group needs its meters"),
        (
            '[groups . "a b"]\n\nmeters = [1.5]',
            "line 3, groups.a b.meters: a group needs its meters",
        ),
        (
            "[groups.a]\nmeters = [1]\nleak_on = true\n[groups.b]\nmeters = [1]\nleak_on = false",
            "line 6, groups.b.leak_on: [groups.a] gives meter 1 another leak_on",
        ),
    ],
)
def test_what_is_wrong_in_a_fleet_file_is_said_with_its_line_and_table(
    tmp_path: Path, text: str, sentence: str
) -> None:
    path = fleet(tmp_path, text)
    [fault] = read_fleet(path).faults
    assert fault.startswith(f"{path}, line ")
    assert sentence in fault


def test_what_is_said_of_a_meter_is_stronger_than_of_its_groups_and_of_all(
    tmp_path: Path,
) -> None:
    path = fleet(
        tmp_path,
        "[defaults]\nleak_on = true\nburst_on = true\ntamper_cover_on = false\n"
        "[groups.a]\nmeters = [1, 2]\nleak_on = false\n"
        "[groups.b]\nmeters = [2, 3]\nleak_on = true\n"
        '[meters.2]\nleak_on = "provisioned"\nburst_on = false\n',
    )
    found = read_fleet(path).settings_of([1, 2, 3, 4])
    assert [found[one]["leak_on"] for one in (1, 2, 3, 4)] == [False, None, True, True]
    assert [found[one]["burst_on"] for one in (1, 2, 3, 4)] == [True, False, True, True]
    assert found[2]["tamper_cover_on"] is False
