"""The MPS2 in QEMU, with the far ends of its console and of the server's line."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

QEMU = "qemu-system-arm"


class Machine:
    """One machine. `with` it: it ends, whatever happens."""

    def __init__(self, image, *options):
        if shutil.which(QEMU) is None:
            print(f"skip: {QEMU} is not installed")
            sys.exit(77)
        self.folder = tempfile.mkdtemp(prefix="tocsin-mps2-")
        self.command = [QEMU, "-M", "mps2-an385", "-display", "none", "-monitor", "none",
                        "-icount", "shift=5,align=off,sleep=on", "-kernel", image]
        for line in ("console", "server"):
            self.command += ["-serial", f"unix:{self.path(line)},server=on,wait=on"]
        self.command += options
        self.process = None
        self.console = None
        self.server = None

    def path(self, name):
        return os.path.join(self.folder, name)

    def connect(self, name):
        until = time.monotonic() + 30
        while True:
            line = socket.socket(socket.AF_UNIX)
            try:
                line.connect(self.path(name))
                return line
            except OSError:
                line.close()
                if time.monotonic() > until or self.process.poll() is not None:
                    raise
                time.sleep(0.02)

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL)
        self.console = self.connect("console")
        self.server = self.connect("server")
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        for line in (self.console, self.server):
            if line is not None:
                line.close()
        shutil.rmtree(self.folder)

    def lines(self, limit_s):
        """What comes on the console, a line each, until the time is over or the machine ended."""
        until = time.monotonic() + limit_s
        rest = b""
        while time.monotonic() < until:
            self.console.settimeout(max(0.01, until - time.monotonic()))
            try:
                some = self.console.recv(4096)
            except TimeoutError:
                return
            if not some:
                return
            *whole, rest = (rest + some).split(b"\n")
            for line in whole:
                if line.strip():
                    yield line.rstrip(b"\r").decode("latin-1")
