"""The weight and the sample interval that a record was taken under, however late it comes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from peers.bookkeeping import Bookkeeping
from peers.settings_desk import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    kept = Desk(tmp_path / "weir.db")
    yield kept
    kept.connection.close()


def test_a_record_has_the_pulse_weight_that_it_was_taken_under_however_late_it_comes(
    desk: Desk,
) -> None:
    desk.span(0, 9)
    desk.report(1, items={80: 100, 1: 30}, first_sequence=20)
    desk.span(20, 21)
    desk.span(10, 19)
    assert desk.column("pulse_weight_ml") == [1000] * 20 + [100] * 2
    assert desk.column("sample_interval_s") == [60] * 20 + [30] * 2


def test_the_first_record_of_an_older_shape_has_its_weight(desk: Desk) -> None:
    desk.span(0, 4)
    desk.report(1, items={80: 100}, first_sequence=10)
    desk.report(2, items={80: 25}, first_sequence=20)
    desk.span(10, 10)
    desk.span(9, 9)
    assert desk.column("pulse_weight_ml")[-2:] == [1000, 100]


def test_what_a_hello_says_counts_for_its_boot_until_a_report_says_better(
    tmp_path: Path,
) -> None:
    books = Bookkeeping(tmp_path / "weir.db")
    books.hello()
    books.span(0, 4)
    books.hello(boot_sequence=10, sequence_next=20, pulse_weight_ml=25)
    books.span(8, 11)
    books.report(0x0107, items={80: 25}, first_sequence=15)
    books.span(12, 16)
    assert books.column("pulse_weight_ml") == [10] * 12 + [25] * 2
    books.connection.close()


def test_a_hello_within_a_boot_says_nothing_of_what_was_taken_before_it(desk: Desk) -> None:
    desk.hello(sequence_next=20, pulse_weight_ml=25)
    desk.span(0, 19)
    desk.report(1, items={80: 25}, first_sequence=20)
    desk.span(20, 21)
    assert desk.column("pulse_weight_ml") == [1000] * 20 + [25] * 2


def test_readings_that_came_before_the_report_are_mended_and_told_again(desk: Desk) -> None:
    desk.span(0, 9)
    desk.connection.execute("UPDATE readings SET published = 1 WHERE sequence < 8")
    receipt = desk.report(1, items={80: 25, 1: 60}, first_sequence=5)
    assert receipt.again_count == 3
    assert desk.column("pulse_weight_ml") == [1000] * 5 + [25] * 5
    assert desk.column("published") == [1] * 5 + [0] * 5
    assert desk.report(1, items={80: 25, 1: 60}, first_sequence=5).again_count == 0


def test_the_operators_word_on_the_weight_is_stronger_than_any_report(desk: Desk) -> None:
    desk.pulse_weight_ml = 7
    desk.report(1, items={80: 100}, first_sequence=0)
    desk.span(0, 1)
    assert desk.column("pulse_weight_ml") == [7, 7]


def test_records_around_the_wrap_have_their_own_weight(tmp_path: Path) -> None:
    books = Bookkeeping(tmp_path / "wrap.db")
    last = 2**32 - 1
    books.hello(sequence_oldest=last - 3, boot_sequence=last - 3, sequence_next=4)
    books.span(last - 3, last)
    books.report(0x0107, items={80: 25}, first_sequence=2)
    books.span(last + 1, last + 4)
    assert books.column("pulse_weight_ml") == [10] * 6 + [25] * 2
    books.connection.close()


def test_a_report_renews_what_is_known_of_the_meter(desk: Desk) -> None:
    receipt = desk.report(1, items={3: 3600})
    assert receipt.in_force is not None
    assert receipt.in_force["send_interval_s"] == 3600
    query = "SELECT json_extract(hello, '$.send_interval_s', '$.settings_version') FROM meters"
    assert desk.connection.execute(query).fetchone() == ("[3600,1]",)
