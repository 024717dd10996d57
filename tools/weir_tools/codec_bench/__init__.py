"""`weir bench codec`: bytes per record and per reading, on recorded data.

`meter_records` makes the records a meter would, `meter_frames` sends them with the meter's own
session and checks that the gateway's side reads the same, `measurement` counts.
"""
