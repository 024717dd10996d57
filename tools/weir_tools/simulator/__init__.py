"""Meters without hardware: recorded flow in, the real firmware inside, a real link out.

`recording` and its readers (`csv_input`, `districts`) say what flowed; `waveform` turns that into
pulses without losing one; `pressure` invents a plausible pressure and says so; `pacing` owns the
bench's time; `channel` is the bench's end of the wire to a meter; `unix_meter` runs the meter.
"""
