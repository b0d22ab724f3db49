"""The port for the kit keeps the contract of hal/include; this is the peer (tests/contract/hal/README.md)."""

import sys

from machine import Machine

LIMIT_S = 200
LIVES = 4


class Peer:
    def __init__(self, machine):
        self.machine = machine
        self.lives = self.kept = self.failed = 0
        self.skipped = []

    def answer(self, text):
        self.machine.console.sendall(text.encode() + b"\n")

    def serve(self, words):
        lines = {"s": self.machine.server, "c": self.machine.console}
        if words[0] == "send":
            lines[words[1]].sendall(bytes.fromhex(words[2]))
        elif words[0] == "flood":
            self.answer("ok")
            lines[words[1]].sendall(bytes(i & 255 for i in range(int(words[2]))))
        else:
            self.answer("none")

    def take(self, line):
        if line.startswith("> "):
            self.serve(line[2:].split())
            return
        print("   ", line)
        self.lives += line == "contract: begin"
        self.kept += line.startswith("ok ")
        self.failed += line.startswith("FAIL ")
        if line.startswith("skip "):
            self.skipped.append(line[5:])


def main(image):
    ended = False
    with Machine(image) as machine:
        peer = Peer(machine)
        for line in machine.lines(LIMIT_S):
            peer.take(line)
            if line == "contract: end":
                ended = True
                break
    print(f"ended {ended}, {peer.lives} lives, {peer.kept} kept, {peer.failed} failed, skipped: {peer.skipped}")
    return 0 if ended and peer.lives == LIVES and peer.failed == 0 and peer.kept >= 25 else 1


sys.exit(main(sys.argv[1]))
