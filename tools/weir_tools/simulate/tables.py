"""What simulated meters were fed and recorded, as a table."""

from collections.abc import Sequence

from rich.table import Table

from weir_tools.quantities import whole
from weir_tools.simulate.run import MeterSummary


def summary_table(meters: Sequence[MeterSummary]) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column("meter\n", justify="right", no_wrap=True)
    table.add_column("recording\n")
    for heading in (
        "records\nmade",
        "\nacknowledged",
        "fed\npulses",
        "register\npulses",
        "fed\nreverse",
        "register\nreverse",
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    for meter in meters:
        table.add_row(
            str(meter.meter_id),
            meter.recording,
            whole(meter.records_made),
            whole(meter.records_acknowledged),
            whole(meter.fed_pulses),
            whole(meter.register_pulses),
            whole(meter.fed_reverse_pulses),
            whole(meter.register_reverse_pulses),
        )
    missing = sum(meter.missing_rows for meter in meters)
    if missing:
        table.caption = f"{whole(missing)} rows have no value; nothing was fed for them."
        table.caption_justify = "left"
    return table
