"""Figures of the course: one module a lesson, each function takes numbers and returns a `Figure`."""

import importlib
import pkgutil


def __getattr__(name):
    if name.startswith("_") or name not in __dir__():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return importlib.import_module(f"{__name__}.{name}")


def __dir__():
    return sorted(module.name for module in pkgutil.iter_modules(__path__))
