"""Is everything here? One sentence for a student, whichever way the course was installed."""

import platform
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement

from rlcourse.course import home


def report(requirements=None):
    """Compare what is installed with what the course asks for.

    Args:
        requirements: lines such as "torch>=2.8,<3"; None for those the course declares.

    Returns:
        "Everything is here: ..." with the versions, or what is missing or out of bounds, and what to do about it.
    """
    cure = home.MOVE[home.place()]
    if requirements is None:
        try:
            requirements = requires("rlcourse") or []
        except PackageNotFoundError:
            return f"The course itself is not installed in this environment. {cure}"
    here, wrong = [f"Python {platform.python_version()}"], []
    for line in requirements:
        needed = Requirement(line)
        if needed.marker is not None and not needed.marker.evaluate({"extra": ""}):
            continue  # only maintainers need it
        try:
            found = version(needed.name)
        except PackageNotFoundError:
            wrong.append(f"{needed.name} is missing")
            continue
        if needed.specifier.contains(found, prereleases=True):
            here.append(f"{needed.name} {found}")
        else:
            wrong.append(f"{needed.name} is {found}, and the course needs {needed.specifier}")
    if wrong:
        return f"Not everything is here: {'; '.join(wrong)}. {cure}"
    return f"Everything is here: {', '.join(here)}."
