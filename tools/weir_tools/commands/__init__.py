"""One module for each sub-command of `weir`, named like it."""
