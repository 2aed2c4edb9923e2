"""Commands in a terminal of a given width: all in one process, which loads PyTorch once."""

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Sequence
from pathlib import Path

_END = "<<end of command>>"
_PROGRAM = f"""
import json, sys
from firstline.cli import main
for arguments in json.loads(sys.argv[1]):
    sys.argv = ["firstline", *arguments]
    try:
        main()
    except SystemExit as end:
        if end.code:
            print(f"exit {{end.code}}")
    sys.stdout.flush()
    sys.stderr.flush()
    print("{_END}", flush=True)
"""


def run_in_terminal(commands: Sequence[Sequence[object]], cwd: Path, columns: int = 80) -> list[str]:
    """What each command writes to a terminal, both streams together, without colours and progress bars."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    unset = {"COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TERM"}
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    arguments = json.dumps([[str(argument) for argument in command] for command in commands])
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, arguments],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        cwd=cwd,
        env={**environment, "TERM": "xterm"},
    )
    os.close(follower)
    written = bytearray()
    while part := _read(leader):
        written += part
    process.wait(timeout=60)
    os.close(leader)
    return [_plain(one) for one in written.decode("utf-8").split(_END)[:-1]]


def _read(leader: int) -> bytes:
    try:
        return os.read(leader, 65_536)
    except OSError:  # Linux says so when the last writer is gone
        return b""


def _plain(written: str) -> str:
    """What stands on the screen at the end: a progress bar is drawn over itself and wiped."""
    screen = [""]
    row = 0
    for sign in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|.|\n", written.replace("\r\n", "\n"), re.DOTALL):
        if sign == "\n":
            row += 1
            screen += [""] * (row == len(screen))
        elif sign == "\r" or (sign.endswith("K") and sign[0] == "\x1b"):
            screen[row] = ""
        elif sign.startswith("\x1b"):
            row -= int(sign[2:-1] or 1) if sign.endswith("A") else 0
        else:
            screen[row] += sign
    return "\n".join(line.rstrip() for line in screen).strip("\n")
