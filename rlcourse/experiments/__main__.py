"""Measure claims and store their numbers: python -m rlcourse.experiments [CL-03 ...]"""

import sys
import time

from rlcourse import experiments

for identifier in sys.argv[1:] or experiments.claims():
    start = time.process_time()
    numbers = experiments.measure(identifier)
    experiments.store({identifier: numbers})
    shown = ", ".join(f"{name} {value:.4g}" for name, value in numbers.items())
    print(f"{identifier}  {time.process_time() - start:5.1f} s  {shown}", flush=True)
