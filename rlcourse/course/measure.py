"""Measure claims and store their numbers: python -m rlcourse.course.measure [CL-03 ...]"""

import sys
import time

from rlcourse.course import claims


def main(identifiers: list[str]) -> None:
    for identifier in identifiers or claims.measurements():
        start = time.process_time()
        numbers = claims.measure(identifier)
        claims.store({identifier: numbers})
        shown = ", ".join(f"{name} {value:.4g}" for name, value in numbers.items())
        print(f"{identifier}  {time.process_time() - start:5.1f} s  {shown}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
