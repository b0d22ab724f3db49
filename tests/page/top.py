#!/usr/bin/env python3
"""`belfry top` on a pseudo-terminal, its screen as a terminal emulator shows it, with a belfry that answers what a test wants."""
import fcntl
import os
import pty
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time

try:
    import pyte
except ImportError:
    print('skip: python3-pyte is not installed')
    sys.exit(77)

BELFRY = os.environ['TOCSIN_BIN'] + '/belfry'
HANGS_S = 60
ASCII = bytes(range(32, 127)) + b'\r\n\x1b'


class Belfry:
    """A socket STATE/ctl that answers as the running belfry does."""

    def __init__(self, lines, hostile=False):
        self.dir = tempfile.TemporaryDirectory(prefix='belfry-top-')
        self.lines = lines
        self.hostile = hostile
        self.alarms = []
        self.conf = self.dir.name + '/conf'
        with open(self.conf, 'w', encoding='ascii') as f:
            f.write(f'StateDir {self.dir.name}/state\nLine tty pty {self.dir.name}/tty\n')
        os.mkdir(self.dir.name + '/state')
        self.open()

    def open(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(self.dir.name + '/state/ctl')
        self.socket.listen(8)
        threading.Thread(target=self.serve, args=(self.socket,), daemon=True).start()

    def close(self):
        os.unlink(self.dir.name + '/state/ctl')
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def answer(self, what, first):
        now = int(time.time() * 1000)
        last = min(first + 256, self.lines)
        more = f'more\t{last}\n' if last < self.lines else ''
        if what == 'status':
            text = f'belfry\t0.1.0\t47\t{now}\t0\t0\t0\t{now}\n'
            for i in range(first, last):
                text += f'line\tl{i:04}\tserial\t{"lost" if i == 700 else "up"}\t{19 if i == 700 else 0}\t{i}\t{now}\t0\t0\n'
            return text + more
        if what == 'hosts':
            text = ''
            for i in range(first, last):
                name = '\x1b[31m\x9b\xff<' if self.hostile and i == 3 else f'h{i:04}'
                text += f'host\t{name}\tl{i:04}\t{"silent" if i == 900 else "alive"}\t{now - 4000}\t35000\t9\t0\t0\t0\t0\t0\tdown\tl{i:04}\n'
            return text + more
        return ''.join(self.alarms) if what == 'alarms' else ''

    def serve(self, listener):
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            words = peer.recv(200).decode('ascii').split()
            try:
                peer.sendall((self.answer(words[0], int(words[1]) if len(words) > 1 else 0) + 'end\n').encode('latin1'))
            except OSError:
                pass
            peer.close()


class Top:
    def __init__(self, belfry, columns=100, lines=30):
        self.screen = pyte.Screen(columns, lines)
        self.stream = pyte.ByteStream(self.screen)
        self.bytes = b''
        self.master, self.slave = pty.openpty()
        self.resize(columns, lines)
        self.before = termios.tcgetattr(self.slave)
        self.child = subprocess.Popen([BELFRY, '--config', belfry.conf, 'top'], stdin=self.slave, stdout=self.slave,
                                      stderr=self.slave, preexec_fn=self.own_session)

    def own_session(self):
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def resize(self, columns, lines):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack('HHHH', lines, columns, 0, 0))
        self.screen.resize(lines, columns)

    def hear(self, seconds):
        while select.select([self.master], [], [], seconds)[0]:
            try:
                text = os.read(self.master, 65536)
            except OSError:
                return
            if not text:
                return
            self.bytes += text
            self.stream.feed(text)

    def shows(self, test):
        end = time.monotonic() + HANGS_S
        while time.monotonic() < end:
            self.hear(0.05)
            if test(self.screen.display):
                return
        raise AssertionError('not in a minute:\n' + '\n'.join(self.screen.display))

    def press(self, keys):
        os.write(self.master, keys)

    def end(self):
        self.child.wait(HANGS_S)
        self.hear(0.2)
        assert termios.tcgetattr(self.slave) == self.before, 'the terminal is as it was'
        assert self.bytes.endswith(b'\x1b[m\x1b[?25h\x1b[?1049l'), 'the screen is as it was'
        assert all(b in ASCII for b in self.bytes), 'printable ASCII and escape sequences'
        os.close(self.master)
        os.close(self.slave)
        return self.child.returncode


def two_thousand_lines_are_shown_the_worst_first_and_moved_through():
    belfry = Belfry(2000)
    top = Top(belfry)
    top.shows(lambda d: '2000 lines: 2 need attention' in d[0] and 'l0900' in d[2] and 'SILENT' in d[2] and 'l0700' in d[3] and 'LINE LOST' in d[3])
    assert '1 to 27 of 2000' in top.screen.display[29], top.screen.display[29]
    top.press(b'\x1b[6~')
    top.shows(lambda d: '28 to 54 of 2000' in d[29])
    top.press(b'\x1b[B\x1b[Bk')
    top.shows(lambda d: '29 to 55 of 2000' in d[29])
    top.press(b'G')
    top.shows(lambda d: '1974 to 2000 of 2000' in d[29] and 'l1999' in d[28])
    top.press(b'\x1b[5~')
    top.shows(lambda d: '1947 to 1973 of 2000' in d[29])
    top.press(b'g')
    top.shows(lambda d: '1 to 27 of 2000' in d[29])
    top.press(b'q')
    assert top.end() == 0
    belfry.close()


def an_alarm_appears_and_goes():
    belfry = Belfry(3)
    top = Top(belfry)
    top.shows(lambda d: '0 open alarms' in d[0])
    belfry.alarms.append(f'alarm\t7\topen\t2\th0002\tdisk.failing\tl0002\tOK\t-\tdev=sda\t{int(time.time() * 1000)}\t0\t0\t\t1\n')
    top.press(b' ')
    top.shows(lambda d: '1 open alarm ' in d[0] and 'CRIT h0002' in d[1] and 'disk.failing' in d[1] and 'LINE' in d[2] and 'l0002' in d[3])
    belfry.alarms.clear()
    top.shows(lambda d: '0 open alarms' in d[0] and 'LINE' in d[1] and d[6].strip() == '')
    top.press(b'q')
    assert top.end() == 0
    belfry.close()


def no_size_breaks_it():
    belfry = Belfry(300, hostile=True)
    belfry.alarms.append(f'alarm\t7\topen\t2\t\x1b]0;x\x07\tdisk.failing\tl0002\tOK\t-\t{"long " * 70}\x1b[2J\x9b\t{int(time.time() * 1000)}\t0\t0\t\t1\n')
    top = Top(belfry)
    top.shows(lambda d: '300 lines' in d[0])
    for columns, lines in ((40, 10), (200, 60), (20, 5), (1, 1), (7, 3), (80, 2), (132, 24)):
        top.resize(columns, lines)
        top.screen.reset()
        top.shows(lambda d, c=columns, n=lines: len(d) == n and d[0].startswith('%.8s' % top.screen.display[0][:min(c, 8)].strip()) and d[0].strip() != '')
        top.hear(0.3)
        full = [line for line in top.screen.display if line.strip()]
        assert len(full) <= lines
    top.shows(lambda d: '300 lines' in d[0] and '1 to ' in d[23] and '%1B]0;x%07' in d[1])
    top.press(b'q')
    assert top.end() == 0
    belfry.close()


def every_way_out_gives_the_terminal_back():
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        belfry = Belfry(3)
        top = Top(belfry)
        top.shows(lambda d: '3 lines' in d[0])
        top.child.send_signal(number)
        assert top.end() == 0
        belfry.close()
    belfry = Belfry(3)
    top = Top(belfry)
    top.shows(lambda d: '3 lines' in d[0])
    top.press(b'\x03')
    assert top.end() == 0
    belfry.close()


def stopped_it_lends_the_terminal_and_goes_on():
    belfry = Belfry(3)
    top = Top(belfry)
    top.shows(lambda d: '3 lines' in d[0])
    top.child.send_signal(signal.SIGTSTP)
    _, status = os.waitpid(top.child.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    top.hear(0.2)
    assert termios.tcgetattr(top.slave) == top.before and top.bytes.endswith(b'\x1b[?1049l')
    top.child.send_signal(signal.SIGCONT)
    top.shows(lambda d: '3 lines' in d[0] and top.bytes.count(b'\x1b[?1049h') == 2)
    top.press(b'q')
    assert top.end() == 0
    belfry.close()


def without_belfry_it_says_so_and_waits_for_it():
    belfry = Belfry(3)
    belfry.close()
    top = Top(belfry)
    top.shows(lambda d: 'NOT RUNNING' in d[0])
    belfry.open()
    top.shows(lambda d: '3 lines' in d[0])
    top.press(b'q')
    assert top.end() == 0
    belfry.close()


def without_a_terminal_it_is_refused():
    belfry = Belfry(3)
    done = subprocess.run([BELFRY, '--config', belfry.conf, 'top'], stdin=subprocess.DEVNULL, capture_output=True, timeout=HANGS_S, check=False)
    assert done.returncode == 2 and b'belfry status' in done.stderr and done.stdout == b''
    belfry.close()


FAILED = 0
for test in (two_thousand_lines_are_shown_the_worst_first_and_moved_through, an_alarm_appears_and_goes, no_size_breaks_it,
             every_way_out_gives_the_terminal_back, stopped_it_lends_the_terminal_and_goes_on,
             without_belfry_it_says_so_and_waits_for_it, without_a_terminal_it_is_refused):
    try:
        test()
        print('ok  ', test.__name__.replace('_', ' '))
    except (AssertionError, subprocess.TimeoutExpired) as e:
        FAILED += 1
        print('FAIL', test.__name__.replace('_', ' '), e)
sys.exit(FAILED != 0)
