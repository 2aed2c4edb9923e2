import resource
import subprocess
import sys

from firstline.processes import usable_memory_bytes

_LIMIT = 1_500_000_000


def test_memory_is_what_is_free_and_what_this_process_has() -> None:
    free = usable_memory_bytes(0)
    assert free > 100_000_000
    assert usable_memory_bytes(10**8) >= free


def test_a_limit_of_the_process_is_kept() -> None:
    code = (
        f"import resource; resource.setrlimit(resource.RLIMIT_DATA, ({_LIMIT}, {resource.RLIM_INFINITY}))\n"
        "from firstline.processes import usable_memory_bytes\nprint(usable_memory_bytes(10**12))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) == _LIMIT
