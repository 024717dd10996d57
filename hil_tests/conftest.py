"""Loads the bench. Its fixtures and options are in weir_bench/plugin.py."""

pytest_plugins = ["weir_bench.plugin", "pytester"]
