"""Loads the bench. Its fixtures and options are in weir_bench/plugin.py."""

import pytest

from weir_bench import plugin


def pytest_addoption(pluginmanager: pytest.PytestPluginManager) -> None:
    """Early enough for its options, and not refused where this is not the topmost conftest."""
    pluginmanager.register(plugin, "weir_bench")
