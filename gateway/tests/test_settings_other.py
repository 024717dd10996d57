"""Settings of a meter that gave them up, was replaced, or had another gateway before."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from peers.bookkeeping import METER, Bookkeeping
from peers.settings_desk import FAST, SLOW, Desk, asks_for_report, sent
from weir_gateway.store.settings import attest, producer, rows, versions
from weir_gateway.store.settings.versions import NewVersion
from weir_protocol.frames import KEY_COUNT, Outcome, Reason
from weir_protocol.settings import BY_NAME


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    kept = Desk(tmp_path / "weir.db")
    yield kept
    kept.connection.close()


def test_a_version_that_was_rolled_back_ends_so_and_is_not_sent_again(desk: Desk) -> None:
    desk.ask(SLOW)
    desk.span(0, 1)
    desk.applied(1, SLOW)
    desk.ask({**SLOW, "link_port": 9})
    desk.span(2, 3)
    desk.applied(2, {**SLOW, "link_port": 9})
    desk.hello(settings_version=1)
    desk.report(1, Outcome.ROLLED_BACK, about=2)
    assert desk.states() == [(1, "applied"), (2, "rolled_back")]
    assert desk.desired() == SLOW
    receipt = desk.applied(1, SLOW)
    assert (receipt.errands, desk.states()[1:]) == ((), [(2, "rolled_back")])


def test_a_meter_that_went_back_before_it_said_so_is_not_given_the_same_again(
    desk: Desk,
) -> None:
    desk.ask({"link_port": 9})
    desk.span(0, 1)
    desk.applied(1, {"link_port": 9})
    desk.hello(settings_version=0)
    desk.report(0)  # what is in force came first, or its other report was lost
    assert desk.states() == [(1, "rolled_back")]
    desk.report(0, Outcome.ROLLED_BACK, about=1)
    assert desk.states() == [(1, "rolled_back")]
    assert desk.told()[-1] == (1, "rolled_back")
    assert desk.told().count((1, "rolled_back")) == 1


def test_two_versions_on_trial_are_given_up_together(desk: Desk) -> None:
    for version, port in ((1, 9), (2, 10)):
        desk.ask({"link_port": port})
        desk.span(version, version)
        desk.applied(version, {"link_port": port})
    desk.report(0, Outcome.ROLLED_BACK, about=2)
    assert desk.states() == [(1, "rolled_back"), (2, "rolled_back")]
    assert desk.desired() == {}


def test_a_version_that_waits_is_not_given_up_with_the_one_before(desk: Desk) -> None:
    desk.ask({"link_port": 9})
    desk.span(0, 1)
    desk.applied(1, {"link_port": 9})
    desk.ask(FAST)
    receipt = desk.report(0, Outcome.ROLLED_BACK, about=1)
    assert desk.states() == [(1, "rolled_back"), (2, "pending")]
    assert asks_for_report(receipt)  # since when it is back, before the change hides that
    assert receipt.keeps_listening
    assert list(sent(desk.report(0))) == [2]
    assert desk.states() == [(1, "rolled_back"), (2, "sent")]


def test_a_version_given_up_without_a_word_is_known_by_what_is_in_force(desk: Desk) -> None:
    desk.ask({"link_port": 9})
    desk.span(0, 1)
    desk.applied(1, {"link_port": 9})
    desk.ask(FAST)
    desk.hello(settings_version=0)
    desk.report(0)
    assert desk.states() == [(1, "rolled_back"), (2, "sent")]


def test_a_report_of_a_rollback_that_comes_under_a_newer_version_gives_up_no_other(
    desk: Desk,
) -> None:
    for version, values in ((1, SLOW), (2, {"link_port": 9}), (3, FAST)):
        desk.ask(values)
        desk.span(version, version)
        desk.applied(version, values)
    desk.report(3, Outcome.ROLLED_BACK, about=2)
    assert desk.states() == [(1, "applied"), (2, "rolled_back"), (3, "applied")]


def test_a_replaced_meter_gets_what_is_desired_again(desk: Desk) -> None:
    desk.ask(FAST)
    desk.span(0, 1)
    desk.applied(1, FAST)
    receipt = desk.hello(epoch=7, settings_version=0)
    assert asks_for_report(receipt)
    receipt = desk.report(0, epoch=7)
    assert sent(receipt) == {2: {KEY_COUNT: 1, 1: 30}}
    desk.report(2, items={1: 30}, epoch=7)
    assert desk.states() == [(1, "applied"), (2, "applied")]
    newest = rows.newest_version(desk.connection, METER, "1")
    assert newest is not None
    assert (newest.cause, newest.made_by, newest.changes) == ("renewed", "anna", FAST)


def test_a_change_that_waits_goes_to_the_meter_that_replaces_another(desk: Desk) -> None:
    desk.ask(FAST)
    desk.span(0, 1)
    receipt = desk.hello(epoch=7, settings_version=1)  # it had another version 1 before
    assert list(sent(receipt)) == [2]
    desk.report(2, items={1: 30}, epoch=7)
    assert desk.states() == [(2, "applied")]


def test_a_meter_that_will_not_have_it_is_not_fought(desk: Desk) -> None:
    desk.ask(FAST)
    desk.span(0, 1)
    desk.applied(1, FAST)
    desk.hello(epoch=7, settings_version=0)
    desk.report(0, epoch=7)
    refusal = {1: Reason.UNKNOWN_KEY}
    desk.report(0, Outcome.REFUSED, about=2, items=refusal, epoch=7)
    for _ in range(3):
        desk.hello(epoch=7, settings_version=0)
        assert desk.report(0, epoch=7).errands == ()
    assert desk.states() == [(1, "applied"), (2, "refused")]


def test_a_database_set_back_to_a_copy_finds_out_that_a_version_is_another(desk: Desk) -> None:
    desk.ask(FAST)
    desk.span(0, 1)
    receipt = desk.applied(1, {"sample_interval_s": 20})
    assert sent(receipt) == {2: {KEY_COUNT: 1, 1: 30}}
    desk.applied(2, FAST)
    assert desk.states() == [(1, "applied"), (2, "applied")]


def test_a_version_made_again_under_a_number_in_use_is_made_again_once_more(desk: Desk) -> None:
    desk.ask(FAST)
    desk.span(0, 1)
    desk.applied(1, FAST)
    desk.hello(epoch=7, settings_version=0)
    desk.report(0, epoch=7)
    assert sent(desk.report(2, items={1: 77}, epoch=7)) == {3: {KEY_COUNT: 1, 1: 30}}
    desk.report(3, items={1: 30}, epoch=7)
    assert desk.states()[-1] == (3, "applied")


def test_a_meter_that_always_has_other_values_is_not_fought_for_ever(desk: Desk) -> None:
    desk.ask(FAST)
    desk.span(0, 1)
    for _ in range(10):
        desk.applied(desk.states()[-1][0], {"sample_interval_s": 77})
    assert len(desk.states()) == 1 + attest.RENEWED_MAX
    assert desk.in_force().reported == {"sample_interval_s": 77}


def test_nothing_but_a_request_goes_to_a_meter_whose_values_are_not_known(tmp_path: Path) -> None:
    books = Bookkeeping(tmp_path / "fresh.db")
    new = NewVersion(FAST, FAST, "anna", is_partial=True)
    versions.make(books.connection, METER, new, books.now_ms)
    receipt = books.hello(settings_version=5)
    for number in range(100):
        assert (sent(receipt), asks_for_report(receipt)) == ({}, True)
        books.now_ms += producer.ASK_AGAIN_MS // 2
        receipt = books.span(number, number)
    assert not receipt.keeps_listening
    assert books.hello(settings_version=5).keeps_listening
    (items,) = sent(books.report(5, items={33: 150})).values()
    assert (items[1], items[33]) == (30, 150)
    books.connection.close()


def test_a_fresh_database_learns_what_is_in_force(tmp_path: Path) -> None:
    books = Bookkeeping(tmp_path / "fresh.db")
    receipt = books.hello(settings_version=41)
    assert asks_for_report(receipt)
    assert not receipt.keeps_listening
    books.report(41, items={1: 30, 33: 150})
    attested = rows.reported(books.connection, METER)
    assert attested is not None
    assert attested.reported == {"sample_interval_s": 30, "pressure_low_kpa": 150}
    assert (attested.version, attested.provisioned) == (41, None)
    new = NewVersion(FAST, FAST, "anna")
    assert versions.make(books.connection, METER, new, books.now_ms).version == 42
    books.connection.close()


def test_a_change_made_before_anything_was_known_keeps_what_another_gateway_set(
    tmp_path: Path,
) -> None:
    books = Bookkeeping(tmp_path / "fresh.db")
    new = NewVersion(FAST, {**FAST, "leak_on": None}, "anna", is_partial=True)
    versions.make(books.connection, METER, new, books.now_ms)
    receipt = books.hello(settings_version=41)
    assert (sent(receipt), asks_for_report(receipt), receipt.keeps_listening) == ({}, True, True)
    receipt = books.report(41, items={2: 1800, 33: 150, 40: 0})
    (items,) = sent(receipt).values()
    assert items[KEY_COUNT] == len(BY_NAME) - 1
    leak = BY_NAME["leak_on"].key
    assert (items[1], items[2], items[33], leak in items) == (30, 1800, 150, False)
    books.connection.close()


def test_a_change_made_before_anything_was_known_goes_to_a_meter_with_none_in_force(
    tmp_path: Path,
) -> None:
    books = Bookkeeping(tmp_path / "fresh.db")
    new = NewVersion(FAST, FAST, "anna", is_partial=True)
    versions.make(books.connection, METER, new, books.now_ms)
    assert sent(books.hello(settings_version=0)) == {}
    assert sent(books.report(0, items={80: 10})) == {1: {KEY_COUNT: 1, 1: 30}}
    books.connection.close()
