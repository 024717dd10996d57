"""The meter's half of the wire: codec, packing, sealing, framing and session."""
