"""The settings of a meter: by name and by key, the rules between them, and their check.

The table itself is ``weir_protocol.settings_table``. Both ends check with the same rows and rules;
the meter's are generated from these.
"""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Final

from weir_protocol.frames import Reason
from weir_protocol.setting import Fault, Rule, Setting, SettingRefused
from weir_protocol.setting_text import out_of_range, parsed, written
from weir_protocol.settings_table import GROUPS

SETTINGS: Final[tuple[Setting, ...]] = tuple(
    sorted((setting for group in GROUPS for setting in group.settings), key=lambda one: one.key)
)
"""Every setting, by rising key."""
BY_NAME: Final[Mapping[str, Setting]] = {setting.name: setting for setting in SETTINGS}
BY_KEY: Final[Mapping[int, Setting]] = {setting.key: setting for setting in SETTINGS}


def _rule(lower: str, upper: str, strict: bool, *when: str) -> Rule:
    relation = "below" if strict else "at most"
    text = f"{lower} must be {relation} {upper}"
    if when:
        text += f" while {' and '.join(when)} {'is' if len(when) == 1 else 'are'} on"
    return Rule(
        BY_NAME[lower], BY_NAME[upper], strict, text, tuple(BY_NAME[name] for name in when)
    )


RULES: Final[tuple[Rule, ...]] = (
    _rule("sample_interval_s", "store_interval_s", False),
    _rule("store_interval_s", "send_interval_s", False),
    _rule("send_slot_s", "send_interval_s", True),
    _rule("send_spread_s", "send_interval_s", False),
    _rule("receive_window_s", "send_interval_s", True),
    _rule("flow_low_l_per_h", "flow_high_l_per_h", True, "flow_low_on", "flow_high_on"),
    _rule("pressure_low_kpa", "pressure_high_kpa", True, "pressure_low_on", "pressure_high_on"),
    _rule("leak_gap_s", "leak_duration_s", True),
    _rule("sample_interval_s", "leak_gap_s", False, "leak_on"),
)
"""An automatic value breaks none of them: it is below all that it is held against."""


def defaults() -> dict[str, int]:
    return {setting.name: setting.default for setting in SETTINGS}


def check(values: Mapping[str, int]) -> list[Fault]:
    """Return what is wrong with a map of values, nothing when a meter may be given it.

    A name left out has its default. Unknown names come first, then values out of range by rising
    key, then rules broken by values that are in range, in the order of the table.
    """
    unknown = [_unknown(name) for name in values if name not in BY_NAME]
    effective = {**defaults(), **values}
    outside = [setting for setting in SETTINGS if not setting.holds(effective[setting.name])]
    ranges = [out_of_range(setting, effective[setting.name]) for setting in outside]
    return [*unknown, *ranges, *_broken_rules(effective, outside)]


def _broken_rules(values: Mapping[str, int], outside: Iterable[Setting]) -> Iterator[Fault]:
    for rule in RULES:
        if {rule.lower, rule.upper, *rule.when}.isdisjoint(outside) and not rule.is_kept(
            lambda setting: values[setting.name]
        ):
            lower, upper = (written(one, values[one.name]) for one in (rule.lower, rule.upper))
            sentence = f"{rule.text}; {lower} and {upper} break that: change one of the two."
            yield Fault(rule.lower.name, Reason.BREAKS_RULE, sentence)


def parse_value(name: str, given: str | int | bool) -> int:
    """Return the value of a setting that a person typed or a JSON document holds.

    Numbers may have their unit behind them, times also min, h or d; switches are on or off, true
    or false; choices go by name or number. Raise SettingRefused with what would be right.
    """
    return parsed(named(name), given)


def format_value(name: str, value: int) -> str:
    """Write a value as people read it; ``parse_value`` reads it again."""
    return written(named(name), value)


def named(name: str) -> Setting:
    """Return the setting of this name. Raise SettingRefused, naming close ones, without one."""
    setting = BY_NAME.get(name)
    if setting is None:
        raise SettingRefused(_unknown(name))
    return setting


def _unknown(name: str) -> Fault:
    close = get_close_matches(name, BY_NAME, n=1)
    advice = f"did you mean {close[0]}?" if close else "see docs/settings.md for all."
    return Fault(name, Reason.UNKNOWN_KEY, f"No setting is called {name}: {advice}")
