"""Settings in the database: every state of a version, decided by what the meter attests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from peers.bookkeeping import EPOCH, METER, Bookkeeping
from peers.settings_desk import FAST, SLOW, Desk, asks_for_report, sent
from weir_gateway.store.settings import attest, behind, producer, rows, versions
from weir_gateway.store.settings.versions import NewVersion
from weir_protocol.frames import KEY_COUNT, Outcome, Reason
from weir_protocol.settings import BY_NAME


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    kept = Desk(tmp_path / "weir.db")
    yield kept
    kept.connection.close()


def test_a_change_waits_is_sent_and_is_applied_when_the_meter_says_so(desk: Desk) -> None:
    assert desk.ask(FAST).version == 1
    assert desk.states() == [(1, "pending")]
    receipt = desk.span(0, 1)
    assert sent(receipt) == {1: {KEY_COUNT: 1, 1: 30}}
    assert receipt.keeps_listening
    assert desk.states() == [(1, "sent")]
    desk.now_ms += 5000
    receipt = desk.applied(1, FAST)
    assert (sent(receipt), receipt.keeps_listening, receipt.errands) == ({}, False, ())
    assert desk.states() == [(1, "applied")]
    (version,) = rows.versions(desk.connection, METER, "1")
    assert version.sent_at_ms == desk.now_ms - 5000
    assert version.applied_at_ms == desk.now_ms
    assert desk.in_force().reported == FAST
    assert desk.told() == [(1, "pending"), (1, "sent"), (1, "applied")]


def test_each_step_of_a_change_has_its_time(desk: Desk) -> None:
    start_ms = desk.now_ms
    desk.ask(FAST)
    desk.now_ms += 1000
    desk.span(0, 0)
    desk.now_ms += 1000
    desk.span(1, 1)  # sent again, but not for the first time
    desk.now_ms += 1000
    desk.applied(1, FAST)
    (version,) = rows.versions(desk.connection, METER, "1")
    times = (version.made_at_ms, version.sent_at_ms, version.applied_at_ms)
    assert [at_ms - start_ms for at_ms in times if at_ms] == [0, 1000, 3000]


def test_a_change_for_a_meter_that_was_never_heard_waits_for_its_first_word(
    tmp_path: Path,
) -> None:
    books = Bookkeeping(tmp_path / "new.db")
    new = NewVersion(FAST, FAST, "anna")
    versions.make(books.connection, METER, new, books.now_ms)
    assert sent(books.hello(settings_version=0)) == {1: {KEY_COUNT: 1, 1: 30}}
    books.connection.close()


def test_a_newer_change_supersedes_one_that_waits(desk: Desk) -> None:
    desk.ask(FAST)
    desk.ask(SLOW)
    assert desk.states() == [(1, "superseded"), (2, "pending")]
    assert list(sent(desk.span(0, 1))) == [2]


def test_a_newer_change_supersedes_one_that_is_on_its_way(desk: Desk) -> None:
    desk.ask(FAST)
    desk.span(0, 1)
    desk.ask(SLOW)
    assert list(sent(desk.applied(1, FAST))) == [2]  # what was under way is in force meanwhile
    assert desk.states() == [(1, "superseded"), (2, "sent")]
    desk.applied(2, SLOW)
    assert desk.states() == [(1, "superseded"), (2, "applied")]


def test_when_the_newer_one_is_refused_what_is_in_force_is_desired(desk: Desk) -> None:
    desk.ask(FAST)
    desk.span(0, 1)
    desk.ask(SLOW)
    desk.applied(1, FAST)
    desk.report(1, Outcome.REFUSED, about=2, items={2: Reason.OUT_OF_RANGE})
    assert desk.states() == [(1, "superseded"), (2, "refused")]
    assert desk.desired() == FAST
    assert desk.applied(1, FAST).errands == ()
    assert len(desk.states()) == 2


def test_a_refusal_names_the_reason_for_each_setting(desk: Desk) -> None:
    desk.ask(SLOW)
    desk.span(0, 1)
    reasons = {1: Reason.BREAKS_RULE, 2: Reason.OUT_OF_RANGE, 249: 9}
    receipt = desk.report(0, Outcome.REFUSED, about=1, items=reasons)
    assert (sent(receipt), receipt.keeps_listening) == ({}, False)
    (version,) = rows.versions(desk.connection, METER, "1")
    assert (version.state, desk.desired()) == ("refused", {})
    assert version.reasons == {
        "sample_interval_s": "breaks_rule",
        "store_interval_s": "out_of_range",
        "key_249": "reason_9",
    }


def test_a_lost_report_matters_not_because_every_hello_attests(desk: Desk) -> None:
    desk.ask(FAST)
    desk.span(0, 1)
    receipt = desk.hello(settings_version=1)
    assert desk.states() == [(1, "applied")]
    assert (sent(receipt), asks_for_report(receipt)) == ({}, True)


def test_a_repeated_report_changes_nothing(desk: Desk) -> None:
    desk.ask(FAST)
    desk.span(0, 1)
    for _ in range(3):
        desk.applied(1, FAST)
    assert desk.states() == [(1, "applied")]
    assert desk.told() == [(1, "pending"), (1, "sent"), (1, "applied")]


def test_what_was_applied_never_waits_again(desk: Desk) -> None:
    desk.ask(FAST)
    desk.span(0, 1)
    desk.applied(1, FAST)
    desk.report(0, Outcome.REFUSED, about=1, items={1: Reason.OUT_OF_RANGE})
    desk.report(1, Outcome.REFUSED, about=1, items={1: Reason.OUT_OF_RANGE})
    assert desk.states() == [(1, "applied")]


def test_a_version_that_never_left_is_neither_applied_nor_refused_by_its_number(
    desk: Desk,
) -> None:
    desk.ask(FAST)
    receipt = desk.report(0, Outcome.REFUSED, about=1, items={1: Reason.OUT_OF_RANGE})
    assert list(sent(receipt)) == [1]
    assert desk.states() == [(1, "sent")]


def test_a_meter_that_attests_a_higher_version_gets_the_change_under_one_above_that(
    desk: Desk,
) -> None:
    desk.ask(FAST)
    receipt = desk.hello(settings_version=700)
    assert sent(receipt) == {701: {KEY_COUNT: 1, 1: 30}}
    desk.applied(701, FAST)
    assert desk.states() == [(701, "applied")]


def test_a_version_of_another_gateway_with_the_same_number_is_not_taken_for_ours(
    desk: Desk,
) -> None:
    desk.ask(FAST)
    receipt = desk.hello(settings_version=1)  # what somebody else made version 1
    assert list(sent(receipt)) == [2]
    assert desk.states() == [(2, "sent")]


def test_versions_begin_again_at_1_and_never_are_0(desk: Desk) -> None:
    desk.hello(settings_version=65_534)
    assert desk.ask(FAST).version == 65_535
    assert desk.ask(SLOW).version == 1
    assert list(sent(desk.hello(settings_version=65_534))) == [1]
    desk.applied(1, SLOW)
    assert desk.ask(FAST).version == 2


def test_a_version_differs_from_the_one_in_force_in_what_most_uplinks_carry(desk: Desk) -> None:
    desk.hello(settings_version=0)
    found = {desk.ask(FAST).version & 0xFF for _ in range(260)}
    assert 0 not in found


def test_what_expires_before_it_reaches_the_meter_is_not_sent(desk: Desk) -> None:
    desk.ask(FAST, expires_at_ms=desk.now_ms + 1000)
    assert not behind.has_expired(desk.connection, desk.now_ms)
    desk.now_ms += 1000
    receipt = desk.span(0, 1)
    assert (sent(receipt), receipt.keeps_listening) == ({}, False)
    assert desk.states() == [(1, "expired")]


def test_what_expires_is_given_up_without_an_uplink_too(desk: Desk) -> None:
    desk.ask(FAST, expires_at_ms=desk.now_ms + 1000)
    assert behind.has_expired(desk.connection, desk.now_ms + 1000)
    behind.expire(desk.connection, desk.now_ms + 1000)
    assert desk.states() == [(1, "expired")]
    assert not behind.has_expired(desk.connection, desk.now_ms + 1000)


def test_what_expired_on_its_way_is_applied_if_the_meter_says_so(desk: Desk) -> None:
    desk.ask(FAST, expires_at_ms=desk.now_ms + 1000)
    desk.span(0, 1)
    desk.now_ms += 2000
    behind.expire(desk.connection, desk.now_ms)
    assert desk.states() == [(1, "expired")]
    desk.applied(1, FAST)
    assert desk.states() == [(1, "applied")]


def test_what_a_meter_says_with_no_version_in_force_is_how_it_was_provisioned(
    desk: Desk,
) -> None:
    desk.report(0, items={80: 10})
    desk.ask(FAST)
    desk.span(0, 1)
    desk.report(1, items={1: 30, 80: 10})
    assert desk.in_force().provisioned == {"pulse_weight_ml": 10}


def test_a_report_in_several_frames_counts_when_the_last_is_there(desk: Desk) -> None:
    frames: list[dict[int, int]] = [{1: 30}, {2: 1800}, {3: 3600}]
    for items in [*frames[:2], frames[0]]:
        desk.report(0, items={KEY_COUNT: 3, **items})
        assert desk.in_force().reported == {}
    desk.report(0, items={KEY_COUNT: 3, **frames[2]})
    assert desk.in_force().reported == {
        "sample_interval_s": 30,
        "store_interval_s": 1800,
        "send_interval_s": 3600,
    }


def test_frames_of_two_reports_are_not_mixed(desk: Desk) -> None:
    desk.report(5, items={KEY_COUNT: 2, 1: 30})
    desk.report(6, items={KEY_COUNT: 2, 2: 1800})
    assert desk.in_force().reported == {}
    desk.hello(epoch=7, settings_version=6)
    desk.report(6, items={KEY_COUNT: 2, 1: 30}, epoch=7)
    assert desk.in_force().reported is None


def test_a_meter_is_asked_for_its_values_until_it_has_said_them_but_not_for_ever(
    tmp_path: Path,
) -> None:
    books = Bookkeeping(tmp_path / "old.db")
    asked = [asks_for_report(books.hello())]
    for number in range(attest.ASKS + 10):
        books.now_ms += producer.ASK_AGAIN_MS
        asked.append(asks_for_report(books.span(number, number)))
    assert asked == [True] * attest.ASKS + [False] * 11
    assert asks_for_report(books.hello())
    books.report()
    assert not asks_for_report(books.hello())
    books.connection.close()


def test_a_backlog_that_comes_fast_does_not_use_up_the_requests_for_a_report(
    tmp_path: Path,
) -> None:
    books = Bookkeeping(tmp_path / "old.db")
    books.hello()
    asked = [asks_for_report(books.span(number, number)) for number in range(200)]
    assert all(asked)
    books.connection.close()


def test_a_version_that_does_not_fit_into_one_frame_goes_in_several(desk: Desk) -> None:
    overrides = {name: setting.default for name, setting in BY_NAME.items()}
    desk.hello(settings_version=0, frame_size_max=140)
    desk.ask(overrides)
    receipt = desk.span(0, 1)
    sizes = [len(errand.fields["items"]) for errand in receipt.errands]
    assert len(sizes) == 4
    assert max(sizes) == 23
    (items,) = sent(receipt).values()
    assert items.pop(KEY_COUNT) == len(items) == len(overrides)
    assert len({errand.name for errand in receipt.errands}) == 1  # written together


def test_a_meter_that_takes_hardly_anything_still_gets_one_at_a_time(desk: Desk) -> None:
    desk.hello(settings_version=0, frame_size_max=10)
    desk.ask(SLOW)
    assert len(desk.span(0, 1).errands) == 2


def test_only_so_many_versions_are_kept_and_always_the_one_in_force(desk: Desk) -> None:
    desk.ask(FAST)
    desk.span(0, 1)
    desk.applied(1, FAST)
    for _ in range(versions.KEPT_MAX + 20):
        desk.ask(SLOW)
        desk.span(0, 1)
        desk.report(1, Outcome.REFUSED, about=desk.states()[-1][0])
        desk.forget_news()
    assert len(desk.states()) == versions.KEPT_MAX + 1
    assert desk.states()[0] == (1, "applied")


def test_what_became_of_a_change_is_kept_until_it_was_told(desk: Desk) -> None:
    for number in range(versions.KEPT_MAX + 10):
        desk.ask(FAST)
        desk.span(number, number)
        desk.applied(desk.states()[-1][0], FAST)
    assert len({number for number, _ in desk.told()}) == versions.KEPT_MAX + 10


def test_a_refusal_by_another_epoch_ends_nothing(desk: Desk) -> None:
    desk.hello(epoch=7, settings_version=0)
    desk.ask(FAST)
    desk.span(0, 1)
    desk.report(0, Outcome.REFUSED, about=1, items={1: Reason.OUT_OF_RANGE}, epoch=7)
    assert desk.states() == [(1, "sent")]


def test_a_version_under_a_new_number_was_never_sent(desk: Desk) -> None:
    desk.ask(FAST)
    desk.span(0, 1)
    desk.listen_to(settings_version=700)  # a version of somebody else's
    assert [one.sent_epoch for one in desk.changes()] == [None]


def test_nothing_is_sent_while_an_uplink_names_another_version_than_is_known(desk: Desk) -> None:
    desk.ask(FAST)
    desk.settings_version = 0x0301
    assert desk.span(0, 0).errands == ()
    assert desk.states() == [(1, "pending")]
    assert sent(desk.hello(settings_version=0x0301)) == {0x0302: {KEY_COUNT: 1, 1: 30}}
    assert desk.states() == [(0x0302, "sent")]


def test_numbers_of_changes_begin_where_none_was_used_before(tmp_path: Path) -> None:
    numbers: list[int] = []
    for name in ("lost", "fresh"):
        desk = Desk(tmp_path / f"{name}.db")
        desk.now_ms += 1000 * len(numbers)
        numbers += [desk.ask(FAST).number, desk.ask(SLOW).number]
        desk.connection.close()
    assert numbers == sorted({*numbers})


def test_epochs_of_a_meter_do_not_matter_to_what_waits(desk: Desk) -> None:
    desk.ask(FAST)
    desk.span(0, 1)
    assert list(sent(desk.span(2, 3, epoch=EPOCH))) == [1]
