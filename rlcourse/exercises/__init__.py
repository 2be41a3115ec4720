"""Exercise checkers, one module a lesson: exercises.lesson_03.gae(my_gae) answers in one sentence."""

import importlib
import pkgutil


def __getattr__(name):
    if name not in __dir__():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return importlib.import_module(f"{__name__}.{name}")


def __dir__():
    return [module.name for module in pkgutil.iter_modules(__path__) if module.name.startswith("lesson_")]
