"""The split screen against a terminal emulator: screen.py DRIVER.

What others do to the screen is written to the same pseudo-terminal; a look is what a wire does each second.
"""
import fcntl
import os
import select
import struct
import subprocess
import sys
import termios
import time

try:
    import pyte
except ImportError:
    print("skip: python3-pyte is not installed")
    sys.exit(77)

ROWS, COLUMNS, LINES = 25, 80, 4
HANG_S = 60


class Terminal:
    def __init__(self):
        self.master, self.slave = os.openpty()
        self.told = 0
        self.resize(ROWS, COLUMNS, make=True)
        self.driver = subprocess.Popen([sys.argv[1], os.ttyname(self.slave), str(LINES)], text=True,
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        os.set_blocking(self.master, False)

    def resize(self, rows, columns, make=False):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        if make:
            self.screen = pyte.Screen(columns, rows)
            self.stream = pyte.ByteStream(self.screen)
        else:
            self.screen.resize(rows, columns)

    def drain(self, seconds=0.05):
        while select.select([self.master], [], [], seconds)[0]:
            self.stream.feed(os.read(self.master, 65536))

    def command(self, text):
        self.driver.stdin.write(text + "\n")
        self.driver.stdin.flush()
        answer = None
        while answer is None:
            self.drain(0.01)
            if select.select([self.driver.stdout], [], [], 0)[0]:
                answer = self.driver.stdout.readline().strip()
        self.drain()
        return answer == "ok"

    def tell(self, line, number=None):
        """A new line, or a copy of the one of that number. Returns its number."""
        if number is None:
            self.told += 1
            number = self.told
        check("told", self.command(f"{number} {line}"), True)
        return number

    def look(self):
        return self.command("look")

    def other(self, text):
        """Somebody else writes."""
        data = text.encode()
        while data:
            data = data[os.write(self.slave, data[:512]):]
            self.drain(0.01)
        self.drain()

    def row(self, i):
        return self.screen.display[i].rstrip()

    def cursor(self):
        return self.screen.cursor.y, self.screen.cursor.x

    def close(self):
        self.driver.stdin.close()
        self.driver.wait(HANG_S)
        os.close(self.master)
        os.close(self.slave)


failures = 0


def check(what, got, want):
    global failures
    if got != want:
        print(f"FAIL {what}: {got!r}, not {want!r}")
        failures += 1


CRIT = "CRIT daemon.down name=sshd pid=812"
WARN = "WARN port.unexpected port=tcp/4444"
BEAT = "INFO agent.beat next=10 open=2 al=none"


def region_is_whole(t, what):
    check(what + ": newest", t.row(0), "CRIT 19:34:05 daemon.down name=sshd pid=812")
    check(what + ": before", t.row(1), "WARN 19:34:05 port.unexpected port=tcp/4444")
    check(what + ": empty", t.row(2), "")
    check(what + ": alive", t.row(3), " web03  19:34:05 UTC  session 7  open 2")
    check(what + ": severe", t.screen.buffer[0][0].reverse, True)
    check(what + ": less severe", (t.screen.buffer[1][0].reverse, t.screen.buffer[1][0].bold), (False, True))
    check(what + ": last", t.screen.buffer[3][COLUMNS - 1].reverse, True)


def begin():
    t = Terminal()
    for line in (BEAT, WARN, CRIT):
        t.tell(line)
    return t


def a_screenful_of_output_leaves_the_region_alone():
    t = begin()
    t.other("".join(f"line {i}\n" for i in range(100)) + "prompt$ ")
    region_is_whole(t, "before a look")
    cursor = t.cursor()
    check("cursor", cursor, (ROWS - 1, 8))
    check("looked", t.look(), True)
    region_is_whole(t, "after a look")
    check("cursor", t.cursor(), cursor)
    check("last line", t.row(ROWS - 2), "line 99")
    check("first line that is left", t.row(LINES), f"line {100 - (ROWS - 1 - LINES)}")
    t.close()


def after_clear_the_region_is_back_and_the_others_begin_below_it():
    t = begin()
    t.other("".join(f"line {i}\n" for i in range(100)) + "\033[H\033[2J\033[3Jprompt$ ")
    check("looked", t.look(), True)
    region_is_whole(t, "after clear")
    check("prompt", t.row(LINES), "prompt$")
    check("cursor", t.cursor(), (LINES, 8))
    t.other("clear\nmore\n")
    check("more", t.row(LINES + 1), "more")
    t.close()


def after_reset_the_region_is_back_and_nobodys_cursor_is_in_it():
    t = begin()
    t.other("\033cprompt$ ")
    check("cursor", t.cursor(), (0, 8))
    check("looked", t.look(), True)
    region_is_whole(t, "after reset")
    check("cursor", t.cursor(), (LINES, 8))
    t.other("x\n" * 50)
    region_is_whole(t, "after reset and a screenful")
    t.close()


def where_the_other_was_and_how_it_wrote_stays():
    t = begin()
    t.other("\033[7;11H\033[1;31m")
    cursor = t.cursor()
    for _ in range(3):
        check("looked", t.look(), True)
        check("cursor", t.cursor(), cursor)
    t.other("X")
    x = t.screen.buffer[cursor[0]][cursor[1]]
    check("attributes", (x.data, x.bold, x.fg, x.reverse), ("X", True, "red", False))
    t.close()


def another_size_is_followed():
    t = begin()
    t.resize(12, 30)
    check("looked", t.look(), True)
    check("newest", t.row(0), "CRIT 19:34:05 daemon.down name")
    check("goes on", t.row(1), "=sshd pid=812")
    check("next is cut", t.row(2), "WARN 19:34:05 port.unexpected>")
    check("alive is cut", t.row(3), " web03  19:34:05 UTC  session>")
    t.other("x\n" * 40)
    check("newest", t.row(0), "CRIT 19:34:05 daemon.down name")
    check("below", t.row(4), "x")
    t.close()


def only_the_newest_are_shown_and_a_copy_is_not_news():
    t = begin()
    numbers = [t.tell(f"NOTE test.alarm n={i}") for i in range(100)]
    for i in (99, 98, 1, 0):
        t.tell(f"NOTE test.alarm n={i}", numbers[i])
    check("newest", [t.row(i) for i in range(3)],
          ["NOTE 19:34:05 test.alarm n=99", "NOTE 19:34:05 test.alarm n=98", "NOTE 19:34:05 test.alarm n=97"])
    t.close()


def the_copy_of_an_old_line_that_was_not_heard_stands_behind_the_newer_ones():
    t = begin()
    t.tell("NOTE test.alarm n=new", 500)
    t.tell("NOTE test.alarm n=newest", 501)
    t.tell("NOTE test.alarm n=old", 400)
    check("the newest is first", "n=newest" in t.row(0), True)
    check("the next behind it", "n=new" in t.row(1), True)
    check("the old one last", "n=old" in t.row(2), True)
    t.close()


def what_is_told_more_of_an_alarm_stands_behind_it():
    t = begin()
    number = t.tell("ALRT port.unexpected port=tcp/4444 exe=/bin/nc")
    more = [t.tell(f"ALRT more of={number} uid=0"), t.tell(f"ALRT more of={number} addr=0.0.0.0")]
    t.tell(f"ALRT more of={number} uid=0", more[0])
    t.tell("NOTE more of=99999 of-none=1")
    check("rows", [t.row(i) for i in range(3)],
          ["NOTE 19:34:05 more of=99999 of-none=1",
           "ALRT 19:34:05 port.unexpected port=tcp/4444 exe=/bin/nc uid=0 addr=0.0.0.0",
           "CRIT 19:34:05 daemon.down name=sshd pid=812"])
    t.close()


def before_a_sign_of_life_any_line_says_who_lives():
    t = Terminal()
    t.tell(WARN)
    check("alive", t.row(LINES - 1), " web03  19:34:05 UTC  session 7")
    t.close()


for test in (a_screenful_of_output_leaves_the_region_alone,
             after_clear_the_region_is_back_and_the_others_begin_below_it,
             after_reset_the_region_is_back_and_nobodys_cursor_is_in_it,
             where_the_other_was_and_how_it_wrote_stays,
             another_size_is_followed,
             only_the_newest_are_shown_and_a_copy_is_not_news,
             the_copy_of_an_old_line_that_was_not_heard_stands_behind_the_newer_ones,
             what_is_told_more_of_an_alarm_stands_behind_it,
             before_a_sign_of_life_any_line_says_who_lives):
    before = failures
    test()
    print("ok  " if failures == before else "FAIL", test.__name__)
sys.exit(1 if failures else 0)
