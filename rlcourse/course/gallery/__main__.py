"""`python -m rlcourse.course.gallery [TASK ...]` trains the gallery anew, see `gallery.store`."""

import sys

from rlcourse.course.gallery import store

if __name__ == "__main__":
    store.regenerate(sys.argv[1:])
