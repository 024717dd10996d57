"""The meter's settings table is the protocol's, row by row, rule by rule, alarm by alarm."""

from weir.settings import table, table_gen
from weir_protocol.alarms import ALARMS, BY_CODE
from weir_protocol.records import EventCode
from weir_protocol.setting import Kind
from weir_protocol.settings import BY_KEY, RULES, SETTINGS


def test_the_meter_names_each_key_as_the_protocol_does() -> None:
    named = {
        name.removeprefix("K_").lower(): key
        for name, key in vars(table_gen).items()
        if name.startswith("K_")
    }
    assert named == {setting.name: setting.key for setting in SETTINGS}


def test_the_meter_has_the_same_ranges_and_defaults() -> None:
    for setting in SETTINGS:
        assert table.default_of(setting.key) == setting.default
        for value in (setting.low - 1, setting.low, setting.high, setting.high + 1):
            assert table.holds(setting.key, value) == setting.holds(value)


def test_the_meter_knows_no_other_key() -> None:
    known = {key for key in range(256) if table.row_of(key) >= 0}
    assert known == set(BY_KEY)


def test_the_meter_has_the_same_rules() -> None:
    assert list(table_gen.RULES) == [
        (
            rule.lower.key,
            rule.upper.key,
            int(rule.strict),
            tuple(switch.key for switch in rule.when),
        )
        for rule in RULES
    ]


def test_the_meter_has_the_same_alarms() -> None:
    assert [row[0] for row in table_gen.ALARMS] == sorted(BY_CODE)
    for code, status, *keys in table_gen.ALARMS:
        alarm = BY_CODE[code]
        assert status == (alarm.status or 0)
        assert [key for key in keys if key] == [setting.key for setting in alarm.settings]


def test_every_alarm_code_has_its_alarm_and_its_settings() -> None:
    assert {alarm.code for alarm in ALARMS} == {code for code in EventCode if code >= 16}
    for alarm in ALARMS:
        assert alarm.switch.kind is Kind.SWITCH
        assert all(setting.name.startswith(f"{alarm.name}_") for setting in alarm.settings)
        assert alarm.limit is None or alarm.limit.unit in (alarm.unit, "")
