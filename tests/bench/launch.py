"""Runs a command and says what it took: `launch.py FD WORDS`, the figures as JSON to the file descriptor.

The kernel counts the memory of the starting process towards the peak of the new one, so this one imports little.
"""

import json
import os
import sys
import time


def main() -> None:
    """Starts it, waits for its end, and writes when it began, its seconds, its peak memory in KB and its exit code."""
    out, words = int(sys.argv[1]), sys.argv[2:]
    os.set_inheritable(out, False)  # noqa: FBT003 - its own way
    began_at_s, began_s = time.time(), time.perf_counter()
    process = os.posix_spawnp(words[0], words, os.environ)
    _, status, used = os.wait4(process, 0)
    figures = {
        "began_at_s": began_at_s,
        "wall_s": time.perf_counter() - began_s,
        "cpu_s": used.ru_utime + used.ru_stime,
        "peak_kb": used.ru_maxrss,
        "code": os.waitstatus_to_exitcode(status),
    }
    os.write(out, json.dumps(figures).encode())


main()
