"""What nbgrader has to know about this course; it reads this file when it is started in this folder."""

import os
import sys
from pathlib import Path

import nbgrader

c = get_config()  # noqa: F821 (nbgrader defines it)
HERE = Path(__file__).resolve().parent

# nbgrader calls a program of its environment, alembic, by its name: also when nobody has activated the environment.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])

c.CourseDirectory.course_id = "rlcourse"
c.CourseDirectory.root = str(HERE)

# A student's version keeps the unfinished lines that stand above the solution, and nothing takes its place.
c.ClearSolutions.code_stub = {"python": ""}

# Seconds for one cell. The slowest checker takes a few; a student's loop may never end.
c.Execute.timeout = 120
c.KernelManager.transport_encryption = "auto"

# `nbgrader zip_collect` takes files named as students hand them in, such as ada-03_gae.ipynb.
c.FileNameCollectorPlugin.named_regexp = r".*/(?P<student_id>[^/]+)-(?P<file_id>\d\d_\w+)\.ipynb"

# The feedback shows formulas without a network: our folder of templates comes before nbgrader's.
THEIRS = Path(nbgrader.__file__).parent / "server_extensions" / "formgrader" / "templates"
c.HTMLExporter.extra_template_basedirs = [str(HERE / "templates"), str(THEIRS)]
