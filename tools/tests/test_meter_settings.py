"""`weir meter set`, `config` and `apply` against a running gateway."""

import getpass
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from peers.gateway_run import GatewayRun
from peers.scripted_meter import ScriptedMeter
from weir_protocol.frames import FrameType, Outcome, Reason
from weir_protocol.settings import SETTINGS
from weir_tools.cli import main
from weir_tools.commands import meter_settings

NO_BROKER_PORT = 1
METERS = [ScriptedMeter(number) for number in range(1001, 1031)]
_next = count()

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayRun]:
    prepared = GatewayRun(tmp_path_factory.mktemp("gateway"), NO_BROKER_PORT)
    prepared.write_keys(*METERS)
    prepared.start()
    yield prepared
    prepared.close()


@pytest.fixture
def meter(gateway: GatewayRun) -> ScriptedMeter:
    """A meter that nobody has heard or changed before."""
    return METERS[next(_next)]


@pytest.fixture
def run(
    gateway: GatewayRun, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Run:
    monkeypatch.setenv("WEIR_SOCKET", str(gateway.folder / "weir.sock"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(meter_settings, "POLL_S", 0.02)

    def weir_meter(*words: object) -> tuple[int, str, str]:
        code = main(["meter", *(str(word) for word in words)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return weir_meter


def document(run: Run, *words: object) -> Any:
    code, out, err = run(*words, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


def call(gateway: GatewayRun, meter: ScriptedMeter, *frames: bytes) -> None:
    with closing(gateway.dial()) as link:
        for frame in frames:
            link.ask(meter, frame)


def commission(gateway: GatewayRun, meter: ScriptedMeter) -> None:
    call(gateway, meter, meter.hello(settings_version=0), meter.report(0))


def test_a_change_is_answered_with_its_version_and_state(
    gateway: GatewayRun, meter: ScriptedMeter, run: Run
) -> None:
    commission(gateway, meter)
    code, out, err = run("set", meter.meter_id, "pressure_low_kpa=150", "pressure_low_on=on")
    assert (code, err) == (0, "")
    for line in (
        f"Meter {meter.meter_id}: version 1 is pending.",
        "pressure_low_kpa  100 kPa  150 kPa",
        "pressure_low_on   off      on",
        "The battery lasts ",
        "The meter is expected to call at ",
    ):
        assert line in out
    code, out, err = run("set", meter.meter_id, "pressure_low_kpa=150")
    assert (code, err) == (0, "")
    assert "is to be set so already (version 1, pending): nothing to change." in out


def test_waiting_follows_a_change_until_it_is_applied(
    gateway: GatewayRun, meter: ScriptedMeter, run: Run
) -> None:
    commission(gateway, meter)

    def apply_what_comes() -> None:
        with closing(gateway.dial()) as link:
            while not any(kind is FrameType.SETTINGS for kind, _ in meter.told):
                link.ask(meter, meter.poll())
            link.ask(meter, meter.report(1, items={1: 30}))

    calling = threading.Thread(target=apply_what_comes)
    calling.start()
    code, out, err = run("set", meter.meter_id, "sample_interval_s=30", "--wait")
    calling.join(60)
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "Version 1 is applied."


def test_waiting_for_what_the_meter_refuses_fails_with_its_reasons(
    gateway: GatewayRun, meter: ScriptedMeter, run: Run
) -> None:
    commission(gateway, meter)

    def refuse_what_comes() -> None:
        with closing(gateway.dial()) as link:
            while not any(kind is FrameType.SETTINGS for kind, _ in meter.told):
                link.ask(meter, meter.poll())
            reasons = {1: int(Reason.OUT_OF_RANGE), 40: int(Reason.UNKNOWN_KEY)}
            link.ask(meter, meter.report(0, Outcome.REFUSED, about=1, items=reasons))

    calling = threading.Thread(target=refuse_what_comes)
    calling.start()
    code, _, err = run("set", meter.meter_id, "sample_interval_s=30", "leak_on=off", "--wait")
    calling.join(60)
    assert code == 1
    assert f"meter {meter.meter_id} refused it whole: " in err
    assert "sample_interval_s: out of the meter's range" in err
    assert "leak_on: the meter does not know it" in err
    code, out, _ = run("config", meter.meter_id)
    assert "refused" in out
    assert "leak_on: the meter does not know it" in out


def test_waiting_ends_when_another_change_supersedes_it(
    gateway: GatewayRun, meter: ScriptedMeter, run: Run
) -> None:
    def supersede() -> None:
        while gateway.client.config(meter.meter_id)["pending"] is None:
            pass
        gateway.client.set(meter.meter_id, {"settings": {"leak_on": False}})

    other = threading.Thread(target=supersede)
    other.start()
    code, _, err = run("set", meter.meter_id, "sample_interval_s=30", "--wait")
    other.join(60)
    assert code == 1
    assert "a newer change" in err


def test_config_shows_what_is_desired_in_force_and_why(
    gateway: GatewayRun, meter: ScriptedMeter, run: Run
) -> None:
    code, out, err = run("config", meter.meter_id)
    assert (code, err) == (0, "")
    assert "has not said yet which settings are in force" in out
    commission(gateway, meter)
    run("set", meter.meter_id, "sample_interval_s=30 s", "--by", "anna")
    code, out, err = run("config", meter.meter_id)
    assert (code, err) == (0, "")
    assert f"Meter {meter.meter_id}: version 0 (as provisioned) is in force." in out
    assert "Version 1 is pending since " in out
    assert "asked by anna: sample_interval_s=30 s." in out
    assert "sample_interval_s  30 s     60 s      60 s" in out
    call(gateway, meter, meter.poll(), meter.report(1, items={1: 30}))
    code, out, err = run("config", meter.meter_id)
    assert f"Meter {meter.meter_id}: version 1 is in force, as desired." in out
    shown = document(run, "config", meter.meter_id)
    assert (shown["state"], shown["pending"]) == ("in_force", None)
    assert shown["history"][0]["by"] == "anna"


def test_a_setting_goes_back_to_as_provisioned(
    gateway: GatewayRun, meter: ScriptedMeter, run: Run
) -> None:
    commission(gateway, meter)
    run("set", meter.meter_id, "leak_on=off", "sample_interval_s=30")
    made = document(run, "set", meter.meter_id, "leak_on=provisioned")
    assert made["differences"] == {"leak_on": {"from": False, "to": True}}
    assert made["change"]["settings"] == {"leak_on": None}


def test_who_changes_it_is_the_user_unless_another_is_named(
    meter: ScriptedMeter, run: Run
) -> None:
    made = document(run, "set", meter.meter_id, "leak_on=off", "--expires", "7d")
    assert made["change"]["by"] == getpass.getuser()
    assert made["change"]["expires_at"] is not None
    made = document(run, "set", meter.meter_id, "leak_on=on", "--by", "anna")
    assert (made["change"]["by"], made["change"]["expires_at"]) == ("anna", None)


def test_a_dry_run_changes_nothing(meter: ScriptedMeter, run: Run) -> None:
    code, out, err = run("set", meter.meter_id, "leak_on=off", "--dry-run", "--wait")
    assert (code, err) == (0, "")
    assert "this was a dry run; nothing was changed." in out
    assert document(run, "config", meter.meter_id)["history"] == []


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["leak_on"], 2, "'leak_on' is not SETTING=VALUE, such as pressure_low_kpa=150"),
        (["=5"], 2, "is not SETTING=VALUE"),
        (["leak_on=on", "leak_on=off"], 2, "leak_on is given twice"),
        (["leak_on=perhaps"], 2, "leak_on cannot be 'perhaps': it takes on or off."),
        (["pressure_low_kpa=99999"], 2, "it takes -100 to 10000 kPa."),
        (["presure_low_kpa=9"], 2, "did you mean pressure_low_kpa?"),
        (["store_interval_s=30"], 2, "sample_interval_s must be at most store_interval_s"),
        (["pulse_weight_ml=10"], 2, "give --technician"),
        (["send_interval_s=5min", "store_interval_s=300"], 1, "below the floor of 6"),
        (["leak_on=off", "--expires", "soon"], 2, "'soon' is not a time up to 366 days"),
        ([], 2, "missing argument"),
    ],
)
def test_what_cannot_be_is_one_sentence_that_says_what_could_be(
    meter: ScriptedMeter, run: Run, words: list[str], code: int, sentence: str
) -> None:
    found, out, err = run("set", METERS[0].meter_id, *words)
    assert (found, out) == (code, "")
    assert sentence in err
    assert err.count("\n") == 1


def test_force_and_technician_let_pass_what_they_are_for(meter: ScriptedMeter, run: Run) -> None:
    words = ("send_interval_s=1h", "pulse_weight_ml=10")
    made = document(run, "set", meter.meter_id, *words, "--force", "--technician")
    assert made["change"]["forced"]


def test_the_help_lists_every_setting_with_what_it_takes(run: Run) -> None:
    code, out, _ = run("set", "--help")
    assert code == 0
    text = " ".join(out.split())
    for setting in SETTINGS:
        assert f" {setting.name} " in text
        assert setting.meaning in text
    assert "1 to 86400 s [60 s]" in text
    assert "1 to 1000000 ml [1000 ml; --technician]" in text


# Fleet files.


def fleet(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "settings.toml"
    path.write_text(text)
    return path


def test_a_fleet_file_is_tried_shown_and_applied_once(
    tmp_path: Path, gateway: GatewayRun, run: Run
) -> None:
    one, other = METERS[next(_next)], METERS[next(_next)]
    commission(gateway, one)
    path = fleet(
        tmp_path,
        f"[groups.north]\nmeters = [{one.meter_id}, {other.meter_id}]\n"
        'pressure_low_kpa = 150\nsample_interval_s = "30 s"\n\n'
        f"[meters.{other.meter_id}]\nsample_interval_s = 20\nleak_on = false\n",
    )
    code, out, err = run("apply", path, "--dry-run")
    assert (code, err) == (0, "")
    assert "This was a dry run: 2 meters would change, 0 are to be set so already." in out
    assert out.count("a new version") == 2
    assert "pressure_low_kpa: 100 kPa -> 150 kPa" in out
    assert "leak_on: on -> off" in out
    assert document(run, "config", one.meter_id)["history"] == []

    applied = document(run, "apply", path, "--by", "anna")
    assert [one["change"]["state"] for one in applied["meters"]] == ["pending", "pending"]
    assert document(run, "config", other.meter_id)["desired"]["settings"] == {
        "pressure_low_kpa": 150,
        "sample_interval_s": 20,
        "leak_on": False,
    }
    code, out, _ = run("apply", path)
    assert "0 meters change, 2 are to be set so already." in out
    document_again = document(run, "apply", path)
    assert [one["dry_run"] for one in (document_again, *document_again["meters"])] == [False] * 3
    path.write_text(f"[meters.{one.meter_id}]\nleak_on = false\n")
    code, out, _ = run("apply", path, "--dry-run")
    assert f"a new version after {applied['meters'][0]['change']['version']}" in out
    assert "1 meter would change, 0 are to be set so already." in out


def test_if_one_meter_cannot_have_its_settings_nothing_is_changed(
    tmp_path: Path, gateway: GatewayRun, run: Run
) -> None:
    one, other = METERS[next(_next)], METERS[next(_next)]
    path = fleet(
        tmp_path,
        f"[meters.{one.meter_id}]\nleak_on = false\n\n"
        f"[meters.{other.meter_id}]\nsend_interval_s = 600\nstore_interval_s = 600\n",
    )
    code, out, err = run("apply", path)
    assert (code, out) == (1, "")
    assert f"settings.toml, line 4 [meters.{other.meter_id}]: meter {other.meter_id}: with" in err
    assert "Nothing was changed at any meter." in err
    assert document(run, "config", one.meter_id)["history"] == []


def test_defaults_are_for_every_meter_of_the_gateway(tmp_path: Path, run: Run) -> None:
    path = fleet(tmp_path, "[defaults]\nburst_on = true\n")
    tried = document(run, "apply", path, "--dry-run")
    assert [one["meter_id"] for one in tried["meters"]] == [one.meter_id for one in METERS]


def test_a_meter_that_the_gateway_does_not_know_is_named(tmp_path: Path, run: Run) -> None:
    path = fleet(tmp_path, "[meters.77]\nleak_on = false\n[meters.78]\nleak_on = false\n")
    code, _, err = run("apply", path)
    assert code == 2
    assert "settings.toml, line 1, meters.77: the gateway knows no meter 77" in err
    assert "settings.toml, line 3, meters.78: the gateway knows no meter 78" in err


def test_all_that_is_wrong_in_a_fleet_file_is_said_at_once(tmp_path: Path, run: Run) -> None:
    path = fleet(
        tmp_path,
        "[defaults]\nleak = true\nleak_gap_s = 5\npulse_weight_ml = 10\n"
        "[groups.a]\nmeters = [77]\ndn_mm = 50\n",
    )
    code, out, err = run("apply", path)
    assert (code, out) == (2, "")
    lines = err.splitlines()
    assert [line.partition(": ")[0].removeprefix("weir: ") for line in lines[1:]] == [
        f"{path}, line 3, defaults.leak_gap_s",
        f"{path}, line 4, defaults.pulse_weight_ml; {path}, line 7, groups.a.dn_mm",
        f"{path}, line 6, groups.a.meters",
    ]
    assert f"{path}, line 2, defaults.leak: No setting is called leak" in lines[0]
    assert err.count("--technician") == 1


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "[defaults]\n"])
def test_a_file_that_sets_nothing_is_said_to(tmp_path: Path, run: Run, text: str) -> None:
    path = fleet(tmp_path, text)
    code, out, err = run("apply", path, "--json")
    assert (code, out) == (2, "")
    assert f"{path} sets nothing" in err


def test_a_file_that_is_not_toml_is_told_with_the_line(tmp_path: Path, run: Run) -> None:
    path = fleet(tmp_path, "[defaults]\nleak_on = yes\n")
    code, _, err = run("apply", path)
    assert code == 2
    assert f"{path}, line 2: this is not valid TOML" in err


def test_a_file_that_is_not_there_is_named(tmp_path: Path, run: Run) -> None:
    code, _, err = run("apply", tmp_path / "none.toml")
    assert code == 2
    assert "cannot read" in err
