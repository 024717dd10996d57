"""`weir gateway`: its sub-commands against a gateway that runs."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from peers.gateway_run import GatewayRun
from peers.scripted_meter import ScriptedMeter

METER = 1001
NOBODY = 1  # a port without a broker: what is published waits

Weir = Callable[..., CompletedProcess[str]]


@pytest.fixture
def gateway(workdir: Path) -> Iterator[GatewayRun]:
    """A running gateway that holds ten readings of one meter."""
    run = GatewayRun(workdir, NOBODY)
    meter = ScriptedMeter(METER)
    run.write_keys(meter)
    run.start()
    with closing(run.dial()) as link:
        link.ask(meter, meter.hello())
        link.ask(meter, meter.span(0, 9))
    yield run
    run.close()


def test_a_replay_says_how_many_readings_go_out(gateway: GatewayRun, weir: Weir) -> None:
    asked = weir("gateway", "replay", "--meter", str(METER))
    assert (asked.returncode, asked.stderr) == (0, "")
    assert asked.stdout == "10 readings of meter 1001 are published again.\n"

    words = ("--meter", str(METER), "--to", "2020-01-01")
    asked = weir("gateway", "--config", gateway.config, "replay", *words, "--json")
    assert json.loads(asked.stdout) == {"meter_id": METER, "readings": 0}
    asked = weir("gateway", "replay", "--config", gateway.config, *words)
    assert asked.stdout == "0 readings of meter 1001 are published again.\n"


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        ("--meter 7", 1, "meter 7 is not known"),
        ("--meter 1001 --from never", 2, "'never' is not a time"),
        ("--meter 1001 --from 2026-02-01 --to 2026-01-01", 2, "from is later than to"),
        ("--meter seven", 2, "'seven' is not a meter's number"),
        ("", 2, "missing option '--meter'"),
        ("--meter 1001 --socket none.sock", 3, "no gateway answers at none.sock"),
        ("--meter 1001 --config none.toml", 2, "cannot read the configuration none.toml"),
    ],
)
def test_a_replay_that_cannot_be_is_one_sentence(
    gateway: GatewayRun, weir: Weir, words: str, code: int, sentence: str
) -> None:
    asked = weir("gateway", "replay", *words.split())
    assert asked.returncode == code
    assert sentence in asked.stderr
    assert asked.stderr.count("\n") == 1
