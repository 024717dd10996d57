"""The `weir` command, the bench side of the meter simulator, and the demo."""
