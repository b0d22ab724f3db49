"""The logger's release image on the second chip: lines of both servers go through it byte for byte, rubbish does not, and a
start after a reset knows the log of the life before."""

import random
import sys
import zlib

from machine import Machine

BASE32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LINES = 200
LIMIT_S = 120


def line(host, severity, number, chance):
    """A whole line of firmware/wire/SPEC.md, section 2; nobody has its key."""
    tag = "".join(chance.choice(BASE32) for _ in range(20))
    text = f"!1 {severity} {host} 1-K3QF.{number}@{number} 20261122T120000Z test.line n={number} ~{tag}"
    check = zlib.crc32(text.encode()) >> 12
    return text + "".join(BASE32[check >> shift & 31] for shift in (15, 10, 5, 0))


def rubbish(chance):
    return bytes(chance.randrange(256) for _ in range(chance.randrange(1, 200)))


def main(image):
    chance = random.Random(1)
    sent = {"web01": [], "web02": []}
    got = {"web01": [], "web02": []}
    notes = []
    with Machine(image) as machine:
        told = machine.lines(LIMIT_S)
        notes.append(next(told, ""))
        ends = {"web01": machine.server, "web02": machine.console}
        for number in range(LINES):
            for host, end in ends.items():
                text = line(host, chance.choice(["CRIT", "NOTE"]), number, chance)
                sent[host].append(text)
                end.sendall(rubbish(chance) + b"\n" + text.encode() + b"\r\n")
                for answer in told:
                    if answer.startswith("!"):
                        got[answer.split()[2]].append(answer)
                        break
                    notes.append(answer)
    for host, lines in sent.items():
        print(f"{host}: {len(lines)} sent, {len(got[host])} came out, {'the same' if got[host] == lines else 'NOT the same'}")
    print("first note:", notes[0])
    good = got == sent and "logger.boot cause=power" in notes[0]
    return 0 if good else 1


sys.exit(main(sys.argv[1]))
