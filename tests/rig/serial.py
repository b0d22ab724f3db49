"""serial - what belfry has to show on real serial drivers, a function a test; in this order, on one machine

The far end of a port is a socket that the test writes to; belfry's transcripts are looked at in the machine."""
import hashlib
import re
import socket
import struct
import sys
import time

from machine import Failed, run_tests, text, until

CONFIGURATION = '''StateDir /srv/state
Operator root
Syslog no
Line a serial /dev/ttyS1
Line b serial /dev/ttyS2 9600 7e1
Line usb serial usb:0403:6001:first
Line socket serial usb-port:1-2
'''
ADAPTERS = {'first': ('u0', 1), 'second': ('u1', 2)}  # serial number of a USB adapter, its far end, and its socket
DROPPED, TAKEN, BREAK, RESET = 1, 2, 6, 8  # enum transcript_event

TESTS = []


def test(function):
    TESTS.append(function)
    return function


class Room:
    """The machine, what hangs at its ports, and the transcripts of belfry in it."""

    def __init__(self, machine):
        self.machine = machine
        self.ends = {}
        self.sent = {'a': b'', 'b': b'', 'usb': b'', 'socket': b''}

    def say(self, line, some):
        port = {'a': 'c1', 'b': 'c2', 'usb': 'u0', 'socket': 'u1'}[line]
        if port not in self.ends:
            self.ends[port] = socket.socket(socket.AF_UNIX)
            self.ends[port].connect(f'{self.machine.folder}/{port}')
        self.ends[port].sendall(some)
        self.sent[line] += some

    def size(self, line):
        return int(self.machine.run(f'stat -c %s /srv/state/lines/{line}.raw'))

    def has(self, line, size=None, seconds=20):
        """The transcript has all that was said, byte for byte, or its first `size` bytes."""
        wanted = self.sent[line] if size is None else self.sent[line][:size]
        until(f'{len(wanted)} bytes on line {line}', lambda: self.size(line) >= len(wanted), seconds)
        found = self.machine.run(f'md5sum </srv/state/lines/{line}.raw').split()[0]
        if found != hashlib.md5(wanted).hexdigest():
            raise Failed(f'line {line} has other bytes: {self.size(line)} of {len(wanted)}')

    def marks(self, line, event):
        """(offset, value) of each mark of this event."""
        dump = bytes.fromhex(self.machine.run(f'xxd -p /srv/state/lines/{line}.idx | tr -d "\\n"'))
        found = []
        for offset, value in struct.iter_unpack('<QQ', dump):
            if offset >> 62 == 1 and value >> 56 == event:
                found.append((offset & (1 << 62) - 1, value & (1 << 56) - 1))
        return found

    def hears(self, pattern, seconds=20):
        return until(f'an event {pattern}', lambda: re.search(pattern, self.machine.run('cat /srv/events')), seconds)

    def count(self, pattern):
        return len(re.findall(pattern, self.machine.run('cat /srv/events')))

    def plug(self, serial):
        end, port = ADAPTERS[serial]
        device = {'driver': 'usb-serial', 'chardev': end, 'id': serial, 'serial': serial, 'port': str(port),
                  'always-plugged': True}

        def attempt():
            try:
                self.machine.qmp('device_add', **device)
                return True
            except Failed as why:
                if 'in use' in str(why) or 'Duplicate' in str(why):
                    return False  # QEMU is not done with unplugging it
                raise

        until('QEMU plugs it in', attempt)

    def unplug(self, serial):
        self.machine.qmp('device_del', id=serial)

    def up_after_the_kernel(self):
        """Seconds from the kernel's word on the last adapter to belfry's."""
        kernel = re.findall(r'\[ *([0-9.]+)\] .*now attached to ttyUSB', self.machine.run('dmesg'))
        up = re.findall(r'LINE\t(\d+)\tusb\tup\t', self.machine.run('cat /srv/events'))
        clocks = re.findall(r'\.offset: +(\d+) nsecs', self.machine.run('head -n 100 /proc/timer_list'))
        return int(up[-1]) / 1e6 - int(clocks[1]) / 1e9 - float(kernel[-1])  # the second is UTC

    def counters(self, port):
        return self.machine.run(f"grep '^{port}:' /proc/tty/driver/serial").strip()


@test
def every_byte_of_a_uart_is_in_the_transcript(room):
    room.machine.run(f"cat >/etc/belfry.conf <<'EOF'\n{CONFIGURATION}EOF\n"
                     'belfry --config /etc/belfry.conf run --events >/srv/events 2>/srv/errors & echo $! >/run/belfry')
    room.hears(r'LINE\t\d+\ta\tup\t')
    room.hears(r'LINE\t\d+\tusb\tlost\tkind=serial error=ENODEV')
    room.say('a', bytes(range(256)) * 20)
    room.has('a')
    room.say('b', b'seven bits')
    room.has('b')


@test
def a_break_is_no_byte_and_marked_where_it_came(room):
    at = len(room.sent['a'])
    room.machine.qmp('chardev-send-break', id='c1')
    until('a mark', lambda: room.marks('a', BREAK))
    room.say('a', b'behind it\r\n')
    room.has('a')
    if room.marks('a', BREAK) != [(at, 1)]:
        raise Failed(f'{room.marks("a", BREAK)} and not at {at}')
    room.hears(r'EVENT\t\d+\ta\t-\tLOCAL\tNOTE\tline.break\t-\tline=a breaks=1\n')
    if '-- 1 breaks --' not in room.machine.run('belfry --config /etc/belfry.conf tail a'):
        raise Failed('tail does not show it')


@test
def what_the_kernel_drops_is_marked_at_its_place_with_the_exact_number(room):
    before = len(room.sent['a'])
    room.machine.run('kill -STOP $(cat /run/belfry)')
    flood = bytes(i * 7 + (i >> 8) & 0xFF for i in range(1400000))
    room.say('a', flood)
    total = len(room.sent['a'])

    def all_came():
        return (got := re.search(r'rx:(\d+)', room.counters(1))) and int(got[1]) >= total + 1  # the break counts

    until('all of it at the port', all_came, 60)
    room.machine.run('kill -CONT $(cat /run/belfry)')
    until('a mark', lambda: room.marks('a', DROPPED))
    kept = room.size('a')
    dropped = room.marks('a', DROPPED)
    print(f'    {kept - before} bytes of {len(flood)} were kept, {dropped}', flush=True)
    if 'oe:' in room.counters(1):
        raise Failed('the UART itself lost some: ' + room.counters(1))
    if dropped != [(kept, total - kept)] or kept == total:
        raise Failed(f'{total - kept} are missing behind {kept}, and the marks are {dropped}')
    room.sent['a'] = room.sent['a'][:kept]
    room.say('a', b'and goes on\r\n')
    room.has('a')
    room.hears(rf'ALARM\t\d+\t\d+\topen\t-\tERRO\tline.drop\t-\tline=a bytes={total - kept}\n')


@test
def a_second_reader_that_asks_is_refused_and_changes_nothing(room):
    room.machine.run("echo 'StateDir /srv/other\nSyslog no\nLine a serial /dev/ttyS1 9600' >/etc/other.conf;"
                     'belfry --config /etc/other.conf run --events >/srv/others 2>&1 & echo $! >/run/other')
    until('it is refused', lambda: 'a\tlost\tkind=serial error=EBUSY' in room.machine.run('cat /srv/others; true'))
    room.machine.run('kill $(cat /run/other)')
    room.say('a', b'\xff undisturbed \xff\xff\r\n')
    room.has('a')
    if room.marks('a', RESET):
        raise Failed('settings were changed')


@test
def a_second_reader_that_does_not_ask_is_told_by_the_bytes_it_took(room):
    before = len(room.sent['a'])
    room.machine.run('cat /dev/ttyS1 >/srv/taken & echo $! >/run/thief')
    for i in range(200):
        room.say('a', f'line {i} that two may read\r\n'.encode())
        time.sleep(0.005)
    sent = room.sent['a'][before:]

    def all_accounted():
        taken = sum(value for _, value in room.marks('a', TAKEN))
        return room.size('a') - before + taken == len(sent) and taken

    taken = until('all bytes are in the transcript or told as taken', all_accounted)
    room.machine.run('kill $(cat /run/thief)')
    print(f'    {taken} bytes of {len(sent)} were taken', flush=True)
    if int(room.machine.run('stat -c %s /srv/taken')) != taken:
        raise Failed('the other reader has another number')
    room.hears(r'ALARM\t\d+\t\d+\topen\t-\tERRO\tline.shared\t-\tline=a taken=\d+')


@test
def what_an_operator_writes_goes_out_of_the_port(room):
    room.machine.run("printf 'root\\r' | belfry --config /etc/belfry.conf attach a --write --raw >/dev/null; true")
    room.ends['c1'].settimeout(100)
    answer = b''
    while b'root\r' not in answer:
        answer += room.ends['c1'].recv(100)


@test
def settings_that_another_program_changes_are_put_back(room):
    room.machine.run('stty -F /dev/ttyS1 9600 icanon echo')
    until('a mark', lambda: room.marks('a', RESET))
    settings = room.machine.run('stty -F /dev/ttyS1')
    if 'speed 115200' not in settings or re.search(r'(?<!-)icanon', settings):
        raise Failed(settings)


@test
def a_usb_adapter_is_read_by_what_it_says_it_is_and_no_other(room):
    room.plug('second')
    room.hears(r'LINE\t\d+\tsocket\tup\t')
    room.say('socket', b'by its socket\r\n')
    room.has('socket')
    time.sleep(1)
    if re.search(r'\tusb\tup\t', room.machine.run('cat /srv/events')):
        raise Failed('it was taken for the first')
    room.plug('first')
    room.hears(r'LINE\t\d+\tusb\tup\t')
    room.say('usb', bytes(range(256)) * 5)
    room.has('usb')
    room.unplug('second')


@test
def an_adapter_that_is_plugged_in_again_is_read_within_a_second(room):
    waits = []
    for i in range(5):
        room.unplug('first')
        until('it is lost', lambda: room.count(r'\tusb\tlost\t') == 2 + i)
        time.sleep(i)
        room.machine.run('dmesg -c >/dev/null')
        room.plug('first')
        until('it is up', lambda: room.count(r'\tusb\tup\t') == 2 + i)
        room.say('usb', f'plugged in {i}\r\n'.encode())
        room.has('usb')
        waits.append(room.up_after_the_kernel())
    print('    the line was up ' + ', '.join(f'{w:.2f} s' for w in waits) + ' after the kernel had the device',
          flush=True)
    if min(waits) > 1:
        raise Failed('never within a second')


@test
def belfry_ends_in_order(room):
    room.machine.run('kill $(cat /run/belfry)')
    until('it is gone', lambda: not room.machine.run('pidof belfry; true').strip())
    errors = room.machine.run('cat /srv/errors').strip()
    if errors:
        raise Failed(errors)


def report(room, folder):
    print('--- the console\n' + text(f'{folder}/console')[-4000:])
    try:
        print(room.machine.sh('dmesg | tail -20; tail -40 /srv/events; cat /srv/errors; ls -l /srv/state/lines;'
                              'cat /proc/tty/driver/serial')[1])
    except Failed as why:
        print(why)


def devices(folder):
    chosen = ['-chardev', f'file,id=console,path={folder}/console', '-serial', 'chardev:console', '-device', 'qemu-xhci']
    for name in ('c1', 'c2', 'u0', 'u1'):
        chosen += ['-chardev', f'socket,id={name},path={folder}/{name},server=on,wait=off']
    return chosen + ['-serial', 'chardev:c1', '-serial', 'chardev:c2']


if __name__ == '__main__':
    sys.exit(run_tests(TESTS, devices, report, Room))
