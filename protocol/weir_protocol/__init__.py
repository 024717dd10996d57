"""What is on the wire between a Weir meter and its gateway. Normative text: protocol/SPEC.md."""
