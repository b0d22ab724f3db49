"""machine - a virtual machine under QEMU with a shell on a port that no test looks at, and QMP

The machine's first process runs what comes in at its first virtio port as commands of a shell; that port is no
terminal, so nothing is echoed. Everything of a machine is in one folder, which the caller made.
"""
import argparse
import json
import os
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time

PATIENCE = 5  # an emulated machine beside six others: what takes a second here may take five there


class Failed(Exception):
    """What was expected did not happen; the text says what."""


def until(what, probe, seconds=20):
    """Asks `probe` until it returns something true, and returns that."""
    end = time.monotonic() + seconds * PATIENCE
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() > end:
            raise Failed(f'{what}: not within {seconds * PATIENCE} s')
        time.sleep(0.1)


def text(path):
    try:
        with open(path, errors='replace') as f:
            return f.read()
    except FileNotFoundError:
        return ''


class SlowLine(threading.Thread):
    """The far end of a serial line: takes what comes as fast as the line would, and puts it into a file.

    A UART that is emulated is done with a byte at once, so nobody would ever meet another's bytes in it."""

    def __init__(self, socket_path, file_path, baud):
        super().__init__(daemon=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(socket_path)
        self.listener.listen(1)
        self.file_path = file_path
        self.bytes_per_s = baud // 10
        self.start()

    def run(self):
        with open(self.file_path, 'wb', buffering=0) as out:
            while True:
                self._carry(self.listener.accept()[0], out)

    def _carry(self, line, out):
        due = time.monotonic()
        while some := line.recv(64):
            out.write(some)
            due = max(due, time.monotonic() - 0.01) + len(some) / self.bytes_per_s
            time.sleep(max(0, due - time.monotonic()))


class Machine:
    def __init__(self, folder, kernel, initrd, processor, arguments, devices):
        self.folder = folder
        self.questions = 0
        self.received = b''
        command = ['timeout', '-k', '5', '900', 'qemu-system-x86_64', '-machine', 'pc,accel=tcg', '-cpu', processor,
                   '-m', '256M', '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot',
                   '-kernel', kernel, '-initrd', initrd, '-append', arguments,
                   '-qmp', f'unix:{folder}/qmp,server=on,wait=off', '-device', 'virtio-serial-pci',
                   '-chardev', f'socket,id=shell,path={folder}/shell,server=on,wait=off',
                   '-device', 'virtserialport,chardev=shell,nr=1']
        with open(f'{folder}/qemu', 'wb') as log:
            self.process = subprocess.Popen(command + devices, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self.monitor = self._plug_in('qmp')
            self.answers = self.monitor.makefile('r')
            self.answers.readline()
            self.qmp('qmp_capabilities')
            self.port = self._plug_in('shell')
            self._await_shell()
        except BaseException:
            self.close()
            raise

    def _plug_in(self, name):
        def attempt():
            if self.process.poll() is not None:
                raise Failed('QEMU ended: ' + text(f'{self.folder}/qemu'))
            plug = socket.socket(socket.AF_UNIX)
            try:
                plug.connect(f'{self.folder}/{name}')
                return plug
            except OSError:
                plug.close()
                return None
        return until(f'the socket {name} of QEMU', attempt)

    def _await_shell(self):
        def attempt():
            try:
                return self.sh('true', 1)[0] == 0
            except Failed:
                if self.process.poll() is not None:
                    raise Failed('the machine ended: ' + text(f'{self.folder}/console')[-2000:]) from None
                return False
        until('a shell in the machine', attempt, 30)

    def qmp(self, command, **arguments):
        request = {'execute': command, 'arguments': arguments}
        self.monitor.sendall(json.dumps(request).encode() + b'\n')
        while True:
            line = self.answers.readline()
            if not line:
                raise Failed('QEMU ended: ' + text(f'{self.folder}/qemu'))
            answer = json.loads(line)
            if 'error' in answer:
                raise Failed(f'{command}: {answer["error"]["desc"]}')
            if 'return' in answer:
                return answer['return']

    def sh(self, script, seconds=20):
        """Runs it in a shell of its own. Returns its status and what it printed, 137 when it took too long."""
        self.questions += 1
        mark = f'--- {self.questions} ends with '
        limit = seconds * PATIENCE
        self.port.sendall(f'timeout -s KILL {limit} sh -c {shlex.quote(script)} </dev/null 2>&1; status=$?; echo; '
                          f'echo "{mark}$status"\n'.encode())
        end = time.monotonic() + limit + 2 * PATIENCE
        while True:
            output, found, rest = self.received.partition(mark.encode())
            status, newline, rest = rest.partition(b'\n')
            if found and newline:
                self.received = rest
                return int(status), output.decode(errors='replace')[:-1]
            self._receive(end, script)

    def _receive(self, end, script):
        self.port.settimeout(max(0.01, end - time.monotonic()))
        try:
            some = self.port.recv(65536)
        except TimeoutError:
            some = b''
        if not some:
            raise Failed(f'the machine does not answer: {script}')
        self.received += some

    def run(self, script, seconds=20):
        """What it printed; it has to succeed."""
        status, output = self.sh(script, seconds)
        if status != 0:
            raise Failed(f'{script}: status {status}\n{output}')
        return output

    def shell(self):
        """Hands the terminal to the machine's shell, until end of file."""
        print('a shell in the machine; end of file ends it')
        while True:
            try:
                line = input('rig# ')
            except EOFError:
                return
            print(self.sh(line, 600)[1], end='')

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait()
        for name in ('qmp', 'shell'):
            if os.path.exists(f'{self.folder}/{name}'):
                os.unlink(f'{self.folder}/{name}')


def sentence(test):
    return test.__name__.replace('_', ' ')


def passes(test, on):
    """Runs one and says how it went."""
    began = time.monotonic()
    try:
        test(on)
    except Failed as why:
        print(f'not ok {sentence(test)}\n    {why}', flush=True)
        return False
    print(f'ok {sentence(test)} ({time.monotonic() - began:.1f} s)', flush=True)
    return True


def in_order(tests, on):
    """Runs tests that build on each other until one fails. True when all passed."""
    return all(passes(test, on) for test in tests)


def keep(folder, where, but=()):
    """Copies the files of a machine, if somewhere; its sockets are of no use to anybody."""
    def no_files(path, names):
        kinds = {name: os.lstat(os.path.join(path, name)).st_mode for name in names}
        return [n for n in names if n in but or not (stat.S_ISREG(kinds[n]) or stat.S_ISDIR(kinds[n]))]
    if where:
        shutil.copytree(folder, where, dirs_exist_ok=True, ignore=no_files)


def options_of(names, parser=None):
    """The command line: --NAME VALUE for each. A signal ends the machine, too."""
    parser = parser or argparse.ArgumentParser()
    for name in names:
        parser.add_argument(f'--{name}')
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    return parser.parse_args()


def run_tests(tests, devices, report, room=lambda machine: machine):
    """main() of tests in one machine with devices(folder); they are given room(machine). The exit status."""
    parser = argparse.ArgumentParser()
    parser.add_argument('words', nargs='*', help='only the first test and those with one of them in their sentence')
    options = options_of(('kernel', 'initrd', 'processor', 'arguments', 'folder', 'keep'), parser)
    wanted = [t for t in tests if t is tests[0] or not options.words or any(w in sentence(t) for w in options.words)]
    machine = None
    passed = False
    try:
        machine = Machine(options.folder, options.kernel, options.initrd, options.processor, options.arguments,
                          devices(options.folder))
        on = room(machine)
        passed = in_order(wanted, on)
        if not passed:
            report(on, options.folder)
    except Failed as why:
        print(f'not ok the machine starts\n    {why}\n' + text(f'{options.folder}/console')[-4000:])
    finally:
        if machine is not None:
            machine.close()
        keep(options.folder, options.keep)
    return 0 if passed else 1
