"""A fault ends in a reset and a note that says where, also with the stack lost; and again, so no fault is the last."""

import subprocess
import sys

from machine import Machine

LIMIT_S = 60


def addresses(image):
    """Function -> its first address and the one behind it."""
    table = {}
    for line in subprocess.run(["arm-none-eabi-nm", "-S", image], check=True, capture_output=True, text=True).stdout.splitlines():
        words = line.split()
        if len(words) == 4:
            table[words[3]] = (int(words[0], 16), int(words[0], 16) + int(words[1], 16))
    return table


def main(image):
    where = addresses(image)
    wanted = [(None, "power"), (b"n", (7, 8, 9)), (b"u", "undefined"), (b"m", "unmapped"), (b"s", None), (b"u", "undefined")]
    failed = 0
    with Machine(image) as machine:
        told = machine.lines(LIMIT_S)
        for order, expected in wanted:
            if order:
                machine.console.sendall(order)
            line = next(told, "nothing")
            words = line.split()
            note = tuple(int(word, 16) for word in words[1:])
            if order is None:
                good = line == expected
            elif isinstance(expected, tuple):
                good = words[0] == "fault" and note == expected
            elif expected is None:
                good = words[0] == "fault" and note == (1, 0, 0)
            else:
                first, behind = where[expected]
                good = words[0] == "fault" and note[0] == 1 and first & ~1 <= note[1] < behind
            print("ok  " if good else "FAIL", (order or b"").decode(), line)
            failed += not good
    return 1 if failed else 0


sys.exit(main(sys.argv[1]))
