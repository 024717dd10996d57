"""The meter's code held against the protocol: on CPython and on MicroPython."""
