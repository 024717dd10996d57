"""Changes of settings as they are asked for: decided, shown and told."""

import json
from pathlib import Path
from typing import Any

import pytest

from peers.office import METER
from peers.settings_front import FAST, Front, run
from weir_protocol.frames import KEY_COUNT
from weir_protocol.settings import SETTINGS


def test_a_change_is_answered_with_its_version_its_differences_and_the_battery(
    tmp_path: Path,
) -> None:
    async def scenario(front: Front) -> None:
        await front.commission()
        made = await front.ask({"sample_interval_s": "30 s", "pressure_low_on": True}, by="anna")
        assert (made["is_new"], made["dry_run"]) == (True, False)
        assert made["differences"] == {
            "sample_interval_s": {"from": 60, "to": 30},
            "pressure_low_on": {"from": False, "to": True},
        }
        years = made["battery_years"]
        assert 6 < years["after"] < years["before"]
        change = made["change"]
        assert (change["version"], change["state"], change["by"]) == (1, "pending", "anna")
        assert change["settings"] == {"sample_interval_s": 30, "pressure_low_on": True}
        assert made["expected_at"] is not None

    assert run(tmp_path, scenario).changed == [METER]


def test_what_changes_nothing_makes_no_version(tmp_path: Path) -> None:
    async def scenario(front: Front) -> None:
        await front.commission(pulse_weight_ml=10)
        assert (await front.ask({"sample_interval_s": 60}))["change"] is None
        made = await front.ask(FAST)
        again = await front.ask(FAST)
        assert (again["is_new"], again["change"]) == (False, made["change"])
        assert again["differences"] == {}

    assert run(tmp_path, scenario).changed == [METER]


def test_a_setting_goes_back_to_as_provisioned(tmp_path: Path) -> None:
    async def scenario(front: Front) -> None:
        await front.commission(store_interval_s=600)
        await front.ask({**FAST, "store_interval_s": 1200})
        back = await front.ask({"store_interval_s": None})
        assert back["differences"] == {"store_interval_s": {"from": 1200, "to": 600}}
        assert (await front.config())["desired"]["settings"] == FAST
        await front.tell(front.meter.poll())
        ((_, fields),) = [one for one in front.meter.told if one[0].name == "SETTINGS"]
        assert {item["key"]: item["value"] for item in fields["items"]} == {KEY_COUNT: 1, 1: 30}

    run(tmp_path, scenario)


def test_a_change_builds_on_the_one_that_waits(tmp_path: Path) -> None:
    async def scenario(front: Front) -> None:
        await front.commission()
        await front.ask(FAST)
        await front.ask({"store_interval_s": 1800})
        config = await front.config()
        assert config["desired"]["settings"] == {**FAST, "store_interval_s": 1800}
        assert [one["state"] for one in config["history"]] == ["pending", "superseded"]

    run(tmp_path, scenario)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (None, "settings is not an object"),
        ([], "settings is not an object"),
        ({}, "settings is not an object"),
        ({"sample_intervall_s": 5}, "did you mean sample_interval_s?"),
        ({"x" * 5000: 5}, "see docs/settings.md for all"),
        ({"sample_interval_s": 0}, "sample_interval_s cannot be 0: it takes 1 to 86400 s."),
        (
            {"sample_interval_s": 1.5},
            "sample_interval_s cannot be 1.5: it takes a whole number, 1",
        ),
        ({"sample_interval_s": True}, "sample_interval_s cannot be true: it takes a whole number"),
        ({"sample_interval_s": 1e300}, "sample_interval_s cannot be '1e+300'"),
        ({"sample_interval_s": [1]}, "sample_interval_s cannot be '[1]'"),
        ({"sample_interval_s": "x" * 4000}, "sample_interval_s cannot be"),
        ({"leak_on": "maybe"}, "leak_on cannot be 'maybe': it takes on or off."),
        ({"store_interval_s": 30}, "sample_interval_s must be at most store_interval_s"),
        ({"pulse_weight_ml": 10}, "give --technician"),
    ],
)
def test_what_cannot_be_is_refused_with_the_setting_the_value_and_what_could_be(
    tmp_path: Path, settings: Any, sentence: str
) -> None:
    async def scenario(front: Front) -> None:
        assert sentence in await front.refusal(front.ask(settings))
        assert (await front.config())["history"] == []

    run(tmp_path, scenario)


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    async def scenario(front: Front) -> None:
        text = await front.refusal(front.ask({"sample_interval_s": 0, "leak_gap_s": 5}))
        assert "sample_interval_s" in text
        assert "leak_gap_s" in text

    run(tmp_path, scenario)


@pytest.mark.parametrize(
    "fields",
    [{"force": 1}, {"expires_s": 0}, {"by": ""}, {"technician": "yes"}, {"typo": 1}],
)
def test_other_fields_are_checked_too(tmp_path: Path, fields: Any) -> None:
    async def scenario(front: Front) -> None:
        assert next(iter(fields)) in await front.refusal(front.ask(FAST, **fields))

    run(tmp_path, scenario)


def test_what_alters_a_register_is_for_technicians_and_never_over_mqtt(tmp_path: Path) -> None:
    async def scenario(front: Front) -> None:
        weight = {"pulse_weight_ml": 10}
        assert (await front.ask(weight, technician=True))["is_new"]
        text = await front.refusal(front.over_mqtt({"pulse_mode": "quadrature"}))
        assert "not done over MQTT" in text
        text = await front.refusal(front.over_mqtt({"dn_mm": 20}, technician=True))
        assert "technician" in text

    run(tmp_path, scenario)


def test_what_would_empty_the_battery_is_refused_unless_forced(tmp_path: Path) -> None:
    async def scenario(front: Front) -> None:
        await front.commission()
        greedy = {"send_interval_s": 900}
        text = await front.refusal(front.ask(greedy))
        assert "years instead of" in text
        assert "battery_floor_years" in text
        forced = await front.ask(greedy, force=True)
        assert forced["battery_years"]["after"] < 6 < forced["battery_years"]["before"]
        assert forced["change"]["forced"]
        relief = await front.ask({"send_interval_s": 1800})  # too little still, but better
        assert relief["is_new"]
        more = await front.ask({"burst_on": True, "alarm_calls_max": 4})
        assert more["is_new"]  # costs next to nothing

    run(tmp_path, scenario)


def test_a_dry_run_says_what_would_be_and_changes_nothing(tmp_path: Path) -> None:
    async def scenario(front: Front) -> None:
        await front.commission()
        trial = await front.ask(FAST, dry_run=True)
        assert (trial["is_new"], trial["dry_run"], trial["change"]) == (True, True, None)
        assert trial["differences"] == {"sample_interval_s": {"from": 60, "to": 30}}
        assert (await front.config())["history"] == []

    assert run(tmp_path, scenario).changed == []


def test_who_asked_over_mqtt_is_kept_with_the_name_of_the_request(tmp_path: Path) -> None:
    async def scenario(front: Front) -> None:
        made = await front.over_mqtt(FAST, "monday")
        assert (made["change"]["by"], made["change"]["request_id"]) == ("mqtt", "monday")
        made = await front.over_mqtt({"leak_on": False}, by="scada", expires_s=60)
        assert made["change"]["by"] == "scada"
        assert made["change"]["expires_at"] == "2026-09-21T14:14:20.000Z"

    run(tmp_path, scenario)


def test_a_meter_that_nobody_knows_is_refused_over_mqtt(tmp_path: Path) -> None:
    async def scenario(front: Front) -> None:
        answer = front.desk.answer(77, {"settings": FAST}, None)
        assert "meter 77 is not known" in await front.refusal(answer)

    run(tmp_path, scenario)


def test_nothing_is_decided_on_a_version_of_another_gateway_before_it_is_known(
    tmp_path: Path,
) -> None:
    async def scenario(front: Front) -> None:
        await front.tell(front.meter.hello(settings_version=41))
        assert "version 41" in await front.refusal(front.ask(FAST))
        config = await front.config()
        assert (config["state"], config["desired"]["version"]) == ("unknown", None)
        await front.tell(front.meter.report(41, items={2: 1800}))
        made = await front.ask(FAST)
        assert made["differences"] == {"sample_interval_s": {"from": 60, "to": 30}}
        assert made["change"]["version"] == 42
        desired = (await front.config())["desired"]["settings"]
        assert desired["store_interval_s"] == 1800  # what was set before is set still

    run(tmp_path, scenario)


def test_config_shows_desired_reported_and_default_where_they_differ(tmp_path: Path) -> None:
    async def scenario(front: Front) -> None:
        await front.commission(pulse_weight_ml=10)
        await front.ask({**FAST, "leak_on": False}, by="anna")
        config = await front.config()
        assert config["values"] == {
            "sample_interval_s": {"desired": 30, "reported": 60, "default": 60},
            "leak_on": {"desired": False, "reported": True, "default": True},
            "pulse_weight_ml": {"desired": 10, "reported": 10, "default": 1000},
        }
        assert (config["state"], config["pending"]["by"]) == ("pending", "anna")
        assert config["reported"]["version"] == 0
        await front.tell(front.meter.poll())
        await front.tell(front.meter.report(1, items={1: 30, 40: 0, 80: 10}))
        config = await front.config()
        assert (config["state"], config["pending"]) == ("in_force", None)
        assert config["desired"]["version"] == config["reported"]["version"] == 1
        (change,) = config["history"]
        assert change["applied_at"] is not None

    run(tmp_path, scenario)


def test_config_of_a_meter_without_any_word_is_as_provisioned_and_unknown(tmp_path: Path) -> None:
    async def scenario(front: Front) -> None:
        config = await front.config()
        assert (config["state"], config["reported"], config["values"]) == ("unknown", None, {})

    run(tmp_path, scenario)


def test_one_change_can_be_looked_at(tmp_path: Path) -> None:
    async def scenario(front: Front) -> None:
        made = await front.ask(FAST)
        number = str(made["change"]["number"])
        assert await front.desk.get(METER, number) == made["change"]
        for number in ("2", "x", "--1", "\u0661", "1" * 30):
            text = await front.refusal(front.desk.get(METER, number))
            assert "has no change of settings" in text

    run(tmp_path, scenario)


def test_what_is_overdue_neither_shows_as_waiting_nor_is_built_upon(tmp_path: Path) -> None:
    async def scenario(front: Front) -> None:
        await front.commission()
        await front.ask(FAST, expires_s=60)
        front.pass_time(61)
        assert (await front.config())["history"][0]["state"] == "expired"
        await front.ask({"leak_on": False}, expires_s=60)
        front.pass_time(61)
        made = await front.ask({"burst_on": True})
        assert made["differences"] == {"burst_on": {"from": False, "to": True}}
        states = [one["state"] for one in (await front.config())["history"]]
        assert states == ["pending", "expired", "expired"]

    run(tmp_path, scenario)


def test_documents_are_json(tmp_path: Path) -> None:
    async def scenario(front: Front) -> None:
        everything = {setting.name: setting.default for setting in SETTINGS}
        await front.commission()
        await front.ask({**everything, "sample_interval_s": 30}, technician=True, force=True)
        config = await front.config()
        assert json.loads(json.dumps(config)) == config

    run(tmp_path, scenario)
