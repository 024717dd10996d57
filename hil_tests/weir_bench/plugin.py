"""The pytest plugin: roles as fixtures, a check of the meter after each test, and the evidence.

Loaded by ``conftest.py``. A test marked ``each_link`` runs once for every way in which the
bench's meter can call; any other gets the first of them.
"""

import dataclasses
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import cast

import pytest

from weir_bench import evidence, targets
from weir_bench.bench_file import BenchFile, BenchFileError, find_bench_file, read_bench_file
from weir_bench.broker import Mosquitto
from weir_bench.flash_cuts import Flash
from weir_bench.gateway import PREFIX, GatewayProgram, link_table
from weir_bench.programs import free_port
from weir_bench.requirements import give_up, require_mosquitto
from weir_bench.roles import (
    Broker,
    Calendar,
    Gateway,
    Link,
    Meter,
    Pressure,
    Pulses,
    Subscriber,
    Supply,
    Target,
    Wiring,
)
from weir_bench.subscriber import PahoSubscriber

DEFAULT_BENCH = "unix"

BENCH = pytest.StashKey[BenchFile]()
FOLDER = pytest.StashKey[Path]()
HAS_FAILED = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("weir")
    group.addoption(
        "--bench",
        metavar="NAME|FILE",
        default=DEFAULT_BENCH,
        help="the bench that plays the roles: a name in hil_tests/benches, or a .toml file",
    )


def pytest_configure(config: pytest.Config) -> None:
    try:
        bench = read_bench_file(find_bench_file(config.getoption("--bench", DEFAULT_BENCH)))
        targets.check_target(bench)
    except BenchFileError as error:
        raise pytest.UsageError(str(error)) from None
    config.stash[BENCH] = bench
    config.addinivalue_line("markers", "each_link: runs over every kind of uplink of the bench")
    config.addinivalue_line("markers", "meter(NAME=N, ...): its meter differs in [meter] so far")


def pytest_report_header(config: pytest.Config) -> str:
    bench = config.stash[BENCH]
    return f"bench: {bench.path.stem} ({bench.target}), commit {evidence.commit()}"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.definition.get_closest_marker("each_link"):
        metafunc.parametrize("link", metafunc.config.stash[BENCH].links, indirect=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed and FOLDER in item.stash:
        item.stash[HAS_FAILED] = True
        report.sections.append(("bench", evidence.describe(item.stash[FOLDER])))
    return report


@pytest.fixture
def bench(request: pytest.FixtureRequest, pytestconfig: pytest.Config) -> BenchFile:
    """The bench file, with what the test's mark ``meter`` says in place of its table [meter]."""
    mark = request.node.get_closest_marker("meter")
    return dataclasses.replace(pytestconfig.stash[BENCH], **(mark.kwargs if mark else {}))


@pytest.fixture
def link(request: pytest.FixtureRequest, bench: BenchFile) -> Link:
    return cast(Link, getattr(request, "param", bench.links[0]))


@pytest.fixture
def wiring(request: pytest.FixtureRequest, tmp_path: Path, bench: BenchFile, link: Link) -> Wiring:
    evidence.begin(tmp_path, bench)
    request.node.stash[FOLDER] = tmp_path
    return Wiring(link, free_port(), tmp_path)


@pytest.fixture
def target(bench: BenchFile, wiring: Wiring) -> Iterator[Target]:
    """What plays the roles. Tests ask for roles instead."""
    built = targets.build(bench, wiring)
    yield built
    built.close()


@pytest.fixture
def meter(request: pytest.FixtureRequest, target: Target) -> Iterator[Meter]:
    """A meter with an empty flash that has just started; looked after when the test is over."""
    target.supply.restore()
    yield target.meter
    if HAS_FAILED not in request.node.stash:  # else the first failure is the one that counts
        faults = target.meter.read_health().faults()
        assert not faults, "; ".join(faults)


@pytest.fixture
def calendar(target: Target) -> Calendar:
    return target.calendar


@pytest.fixture
def pulses(target: Target) -> Pulses:
    return target.pulses


@pytest.fixture
def pressure(target: Target) -> Pressure:
    return target.pressure


@pytest.fixture
def supply(target: Target) -> Supply:
    return target.supply


@pytest.fixture
def flash(target: Target) -> Flash:
    if target.flash is None:
        give_up("this bench does not get at the meter's flash")
    return target.flash


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker that runs."""
    mosquitto = Mosquitto(require_mosquitto(), tmp_path / "broker")
    mosquitto.start()
    yield mosquitto
    mosquitto.kill()


@pytest.fixture
def subscriber(broker: Broker) -> Iterator[Subscriber]:
    """A client that has been subscribed since before the gateway started."""
    client = PahoSubscriber(broker.port, PREFIX, "bench-subscriber")
    client.open()
    yield client
    client.close()


@pytest.fixture
def gateway(target: Target, broker: Broker, tmp_path: Path, wiring: Wiring) -> Iterator[Gateway]:
    """A gateway that runs and knows the meter."""
    program = GatewayProgram(
        tmp_path / "gateway",
        [target.meter.identity],
        broker_port=broker.port,
        tables=link_table(target, wiring.gateway_port),
        module_runner=target.module_runner,
        notice=target.notice_gateway,
    )
    program.start()
    yield program
    program.close()
