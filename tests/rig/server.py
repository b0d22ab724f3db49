"""server - what the machine of run-server has to show, a function a test"""
import argparse
import base64
import json
import os
import re
import socket
import subprocess
import sys
import time

from machine import Failed, Machine, SlowLine, keep, options_of, passes, sentence, text, until
from picture import Picture, misread

HOST = 'server'
SCREEN_LINES = 4
TWENTY_YEARS = 20 * 365 * 86400
TIMES = int(os.environ.get('TOCSIN_RIG_REPEAT', 5))
SLOW_TIMES = int(os.environ.get('TOCSIN_RIG_SLOW_REPEAT', TIMES))  # of what takes a boot
SLACK = int(os.environ.get('TOCSIN_ATTACK_SLACK', 1))  # by what limits are multiplied
NOISE = 100  # records of the kernel on the console, ten a second
# The channels that end in a file, which has this name here.
CHANNELS = {
    'uart': 'serial /dev/ttyS1 115200 8n1',
    'console': 'console',
    'printer': 'printer /dev/lp0 columns=132',
    'usbprinter': 'printer /dev/usb/lp0',
    'logger': 'usb 1209:7c51:rig-logger',
}
CONFIGURATION = '''Host server
Beat 2
Watch /srv
Mount /data rw
Receiver 10.0.2.2:{port}
Channel screen /dev/tty1 lines {lines}
Channel tty /dev/tty7
View hidden-ports off
'''

TESTS = []


def test(function):
    TESTS.append(function)
    return function


class Server:
    """The machine, belfry, and what lies between them."""

    def __init__(self, options):
        self.options = options
        self.folder = options.folder
        self.machine = self.belfry = None
        self.port = 4000

    def start(self):
        port = self._free_port()
        with open(f'{self.folder}/belfry.conf', 'w') as f:
            f.write(f'StateDir {self.folder}/belfry\nSyslog no\nListen 127.0.0.1:{port}\n')
            for name in CHANNELS:
                f.write(f'Line {name} file {self.folder}/{name}\n')
        os.chmod(f'{self.folder}/belfry.conf', 0o600)
        code = re.search(r'([0-9A-Z]{4}-){6}[0-9A-Z]{4}', self._ask_belfry('pair', HOST)).group()
        with open(f'{self.folder}/events', 'wb') as events, open(f'{self.folder}/belfry.log', 'wb') as log:
            command = [self.options.belfry, '--config', f'{self.folder}/belfry.conf', 'run', '--events']
            self.belfry = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=events, stderr=log)
        # A terminal server that is slower than the kernel, so that lines meet in the UART.
        SlowLine(f'{self.folder}/console.socket', f'{self.folder}/console', 19200)
        self.boot()
        configuration = CONFIGURATION.format(port=port, lines=SCREEN_LINES)
        configuration += ''.join(f'Channel {line}\n' for line in CHANNELS.values())
        self.machine.run(f"cat >/etc/tocsin/tocsin.conf <<'EOF'\n{configuration}EOF\n"
                         f'chmod 600 /etc/tocsin/tocsin.conf; mkdir -m 700 /var/lib/tocsin; echo as it was >/srv/accounts;'
                         f'echo {code} | tocsin pair - && tocsin baseline build')
        self.start_agent()

    def boot(self):
        self.machine = Machine(self.folder, self.options.kernel, self.options.initrd, self.options.processor,
                               self.options.arguments, self._devices())

    def boot_again(self, disk):
        """What was on the disk is there again, as the machine's own file system is in memory."""
        self.machine.close()
        self.boot()
        for at in range(0, len(disk), 32768):
            self.machine.run(f'echo {disk[at:at + 32768]} >>/run/disk')
        self.machine.run('base64 -d </run/disk | tar -xz -C / && rm /run/disk')

    def disk(self):
        return self.machine.run('tar -cz -C / etc/tocsin var/lib/tocsin srv/accounts 2>/dev/null | base64 -w 0').strip()

    def start_agent(self):
        """As the unit does it: the kernel kills others first when memory runs out."""
        since = len(self.events())
        self.machine.run('echo -1000 >/proc/self/oom_score_adj;'
                         'setsid tocsin run </dev/null >>/var/log/tocsin 2>&1 & echo $! >/run/tocsin.pid')
        return self.told('agent.start', 'end=', since=since)

    def stop_agent(self):
        since = len(self.events())
        self.machine.run('kill -TERM $(cat /run/tocsin.pid)')
        self.told('agent.stop', '', since=since)

    def _devices(self):
        devices = ['-vga', 'std', '-netdev', 'user,id=net', '-device', 'e1000,netdev=net,id=card,romfile=',
                   '-blockdev', f'driver=file,filename={self.folder}/disk,node-name=file',
                   '-blockdev', 'driver=raw,file=file,node-name=disk', '-device', 'virtio-blk-pci,drive=disk,id=disk']
        devices += ['-chardev', f'socket,id=console,path={self.folder}/console.socket', '-serial', 'chardev:console']
        for name, plug in (('uart', ('-serial', 'chardev:uart')),
                           ('printer', ('-parallel', 'chardev:printer')),
                           ('usbprinter', ('-device', 'virtserialport,chardev=usbprinter,nr=2')),
                           ('logger', ('-device', 'virtserialport,chardev=logger,nr=3'))):
            devices += ['-chardev', f'file,id={name},path={self.folder}/{name},append=on', *plug]
        return devices

    @staticmethod
    def _free_port():
        with socket.socket() as s:
            s.bind(('127.0.0.1', 0))
            return s.getsockname()[1]

    def _ask_belfry(self, *question):
        return subprocess.run([self.options.belfry, '--config', f'{self.folder}/belfry.conf', *question],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False).stdout

    def events(self):
        """What belfry recorded: (code, detail, number), of lines that it proved."""
        fields = (line.split('\t') for line in text(f'{self.folder}/events').splitlines())
        return [(f[6], f[8], f[7]) for f in fields if f[0] == 'EVENT' and f[4] in ('OK', 'REPAIRED', 'LATE')]

    def alarms(self):
        """belfry's own, in order: (code, state)."""
        fields = (line.split('\t') for line in text(f'{self.folder}/events').splitlines())
        return [(f[6], f[3]) for f in fields if f[0] == 'ALARM']

    def told(self, code, detail, seconds=20, since=0):
        """The number of the line, once belfry proved one with this code and detail."""
        def look():
            for event_code, event_detail, number in self.events()[since:]:
                if event_code == code and re.search(detail, event_detail):
                    return number
            return None
        return until(f'belfry proves {code} {detail}', look, seconds)

    def detail(self, number, pattern):
        """What the line says, with what did not fit on it and followed; None without the pattern in it."""
        more = f'of={number.split(".")[1]} '
        said = ' '.join(d for code, d, n in self.events() if n == number or code == 'more' and d.startswith(more))
        return said if re.search(pattern, said) else None

    def verified(self, name):
        """What `belfry verify` makes of the bytes of one channel, and of nothing else."""
        said = self._ask_belfry('verify', '--host', HOST, '--json', f'{self.folder}/{name}')
        return json.loads(said) if said.startswith('{') else {'sessions': []}

    def carried(self, name, number):
        """Whether the bytes of this channel prove the line."""
        session, number = number.split('.')
        for s in self.verified(name)['sessions']:
            if s['session'] == session and s['first'] <= int(number) <= s['last']:
                holes = (hole.split('-') for hole in s['holes'].split(',') if hole)
                return not any(int(hole[0]) <= int(number) <= int(hole[-1]) for hole in holes)
        return False

    def await_carried(self, name, number, seconds=20):
        until(f'{name} carries line {number}', lambda: self.carried(name, number), seconds)

    def break_in(self):
        """Does what is an alarm that is told singly and at once, and returns the number of the line that tells it."""
        self.port += 1
        self.machine.run(f'nc -l -p {self.port} >/dev/null 2>&1 & echo $! >/run/deed')
        number = self.told('port.unexpected', f'tcp/{self.port}( |$)')
        self.machine.run('kill $(cat /run/deed)')
        return number

    def report(self):
        print('--- the console\n' + text(f'{self.folder}/console')[-2000:])
        if self.machine is not None:
            print('--- the agent\n' + self.machine.sh('cat /var/log/tocsin; dmesg | grep type=1326 | tail -20; tocsin channels')[1][-3000:])
        heard = (line for line in text(f'{self.folder}/events').splitlines() if 'agent.beat' not in line)
        print('--- what belfry heard\n' + '\n'.join(heard)[-5000:] + text(f'{self.folder}/belfry.log'))

    def stop(self):
        for part in (self.machine, self.belfry):
            if part is self.belfry and part is not None:
                part.terminate()
                part.wait()
            elif part is not None:
                part.close()


@test
def every_channel_carries_the_same_alarm(server):
    number = server.break_in()
    for name in CHANNELS:
        server.await_carried(name, number)
    line = f'{number.split(".")[1]}@'
    until('the terminal shows it', lambda: any(
        line in row and f'port=tcp/{server.port} ' in row for row in terminal_lines(server, 7)))


@test
def a_pulled_cable_is_told_on_the_serial_line(server):
    since = len(server.events())
    server.machine.qmp('set_link', name='card', up=False)
    server.await_carried('uart', server.told('net.lost', 'why=', since=since))
    number = server.break_in()
    server.await_carried('uart', number)
    server.machine.qmp('set_link', name='card', up=True)
    server.await_carried('uart', server.told('net.back', '', seconds=30, since=since))


@test
def a_disk_that_turns_read_only_is_told_until_it_is_writable(server):
    since = len(server.events())
    server.machine.run('mount -o remount,ro /data')
    server.await_carried('uart', server.told('mount.changed', 'path=/data .*state=ro', since=since))
    server.machine.run('mount -o remount,rw /data')
    server.await_carried('uart', server.told('mount.ok', 'path=/data', since=since))


@test
def a_serial_port_that_loses_its_driver_is_told_elsewhere_and_carries_again_when_it_is_back(server):
    since = len(server.events())
    port = server.machine.run('basename $(readlink -f /sys/class/tty/ttyS1/device)').strip()
    driver = '/sys/bus/pnp/drivers/serial'
    server.machine.run(f'echo {port} >{driver}/unbind')
    server.told('channel.lost', 'channel=serial:/dev/ttyS1 ', since=since)
    number = server.break_in()
    server.machine.run(f'echo {port} >{driver}/bind')
    server.told('channel.back', 'channel=serial:/dev/ttyS1 ', since=since)
    server.await_carried('uart', number)


@test
def a_usb_printer_without_paper_is_told_elsewhere_and_prints_what_waited(server):
    since = len(server.events())
    server.machine.run('kill -USR1 $(cat /run/usb_printer)')
    server.told('channel.lost', 'channel=printer:/dev/usb/lp0 why=paper', since=since)
    number = server.break_in()
    server.machine.run('kill -USR2 $(cat /run/usb_printer)')
    server.told('channel.back', 'channel=printer:/dev/usb/lp0 ', since=since)
    server.await_carried('usbprinter', number)


def in_time(what, times, limit):
    """Says the longest of them, in seconds, which has to be within the limit."""
    print(f'    {what}: {max(times):.1f} s at most of {len(times)}, limit {limit} s')
    if max(times) > limit * SLACK:
        raise Failed(f'{what} after {max(times):.1f} s')


def unplug(server, device, channel, name):
    """What happens meanwhile is told elsewhere, and here once it is plugged in again."""
    times = []
    for _ in range(TIMES):
        since = len(server.events())
        began = time.monotonic()
        server.machine.run(f'unplug {device}')
        server.told('channel.lost', f'channel={channel} ', since=since)
        times.append(time.monotonic() - began)
        number = server.break_in()
        server.machine.run(f'plug_{device}')
        server.told('channel.back', f'channel={channel} ', since=since)
        server.await_carried(name, number)
    in_time('told', times, 2)


@test
def a_usb_printer_that_is_unplugged_is_told_elsewhere_and_prints_what_waited(server):
    unplug(server, 'printer', 'printer:/dev/usb/lp0', 'usbprinter')


@test
def a_usb_logger_that_is_unplugged_is_told_elsewhere_and_keeps_what_waited(server):
    unplug(server, 'logger', 'usb:1209:7c51:rig-logger', 'logger')


@test
def a_driver_that_is_removed_is_told_elsewhere_and_prints_what_waited_when_it_is_back(server):
    since = len(server.events())
    if server.machine.sh('rmmod usblp')[0] == 0:
        raise Failed('a driver could be removed while its channel was open')
    server.machine.run('cd /sys/bus/usb/drivers/usblp; for device in *:*; do echo $device >unbind; done')
    until('the driver can be removed', lambda: server.machine.sh('rmmod usblp')[0] == 0)
    server.told('channel.lost', 'channel=printer:/dev/usb/lp0 ', since=since)
    number = server.break_in()
    server.machine.run('modprobe usblp')
    server.told('channel.back', 'channel=printer:/dev/usb/lp0 ', since=since)
    server.await_carried('usbprinter', number)


@test
def the_console_line_loses_nothing_while_the_kernel_talks(server):
    server.machine.run('while :; do echo "<3>noise: a record of the kernel, as of a disk that is on its way out" >/dev/kmsg;'
                       'usleep 100000; done >/dev/null 2>&1 & echo $! >/run/noise')
    numbers = []
    while text(f'{server.folder}/console').count('noise: a record') < NOISE:
        numbers.append(server.break_in())
    for number in numbers:
        server.await_carried('console', number, seconds=70)
    until('the console line proves all lines',
          lambda: not any(s['missing'] for s in server.verified('console')['sessions']), 70)
    server.machine.run('kill $(cat /run/noise)')
    seen = server.verified('console')
    if seen['repaired'] + seen['torn'] == 0:
        raise Failed('the noise cut into no line')
    print(f'    console: {seen["ok"]} whole, {seen["repaired"]} repaired, {seen["torn"]} torn, {seen["dup"]} copies')


def screen_now(server, console=1):
    """The rows of a virtual console, as the kernel has them, and the row and column of its cursor."""
    cells = base64.b64decode(server.machine.run(f'base64 /dev/vcsa{console}'))
    rows, columns, column, row = cells[:4]
    text = cells[4::2].decode('latin-1')
    return [text[at * columns:(at + 1) * columns] for at in range(rows)], (row, column)


def screen_rows(server, console=1):
    return screen_now(server, console)[0]


def terminal_lines(server, console):
    """What was written to a virtual console, with lines that go on in the next row put together."""
    lines = ['']
    for row in screen_rows(server, console):
        lines[-1] += row.rstrip()
        if len(row.rstrip()) < len(row):
            lines.append('')
    return lines


def alarm_shown(rows, port):
    return any(f'port=tcp/{port} ' in row for row in rows[:SCREEN_LINES])


def await_alarm_shown(server):
    try:
        until('the alarm is on the screen', lambda: alarm_shown(screen_rows(server), server.port))
    except Failed as missing:
        raise Failed(f'{missing}; there is {screen_rows(server)[:SCREEN_LINES + 2]}') from missing


def show_console(server, console):
    server.machine.run(f'chvt {console}')
    until(f'console {console} is shown', lambda: server.machine.run(
        'cat /sys/class/tty/tty0/active').strip() == f'tty{console}')


def take_picture(server):
    """The screen's rows, which the picture has to show as well."""
    rows, cursor, picture = until('a picture of the screen', lambda: screen_taken(server))
    picture.save_png(f'{server.folder}/screen.png')
    wrong = [cell for cell in misread(picture, rows) if cell[:2] != cursor]
    if wrong:
        raise Failed(f'the picture does not show {wrong[:5]} of {rows}')
    return rows


def screen_taken(server):
    """The screen's rows, its cursor, which blinks, and its picture, when nothing was drawn in between; else None."""
    now = screen_now(server)
    server.machine.qmp('screendump', filename=f'{server.folder}/screen.ppm')
    return (*now, Picture(f'{server.folder}/screen.ppm')) if screen_now(server) == now else None


@test
def the_screen_keeps_its_alarms_through_clear_and_a_screenful_of_output(server):
    output = 'for n in $(seq 100); do echo "line $n of what is not an alarm"; done >/dev/tty1'
    server.machine.run(f"{output}; clear >/dev/tty1; printf '\\033c' >/dev/tty1; {output}")
    server.break_in()
    await_alarm_shown(server)
    if not any('line 100 of' in row for row in take_picture(server)[SCREEN_LINES:]):
        raise Failed('the other output is not on the screen')


@test
def the_screen_keeps_its_alarms_through_another_console_and_shows_those_raised_meanwhile(server):
    server.break_in()
    await_alarm_shown(server)
    show_console(server, 2)
    server.machine.run("clear >/dev/tty1; printf '\\033c' >/dev/tty1; echo another >/dev/tty2")
    show_console(server, 1)
    await_alarm_shown(server)
    if not alarm_shown(take_picture(server), server.port):
        raise Failed('the alarm is not in the picture')
    show_console(server, 2)
    server.break_in()
    show_console(server, 1)
    await_alarm_shown(server)


@test
def whoever_takes_the_console_for_himself_takes_no_line(server):
    server.machine.run('setsid rig_take_console /dev/tty9 </dev/null >/run/taken 2>&1 & echo $! >/run/thief; sleep 1;'
                       'cat /run/taken >&2; echo for the console >/dev/console')
    until('he has what is written to /dev/console', lambda: any('for the console' in row for row in screen_rows(server, 9)))
    server.await_carried('console', server.break_in(), seconds=70)
    if any('port=tcp' in row for row in screen_rows(server, 9)):
        raise Failed('he has a line of the agent')
    server.machine.run('kill $(cat /run/thief)')


@test
def status_names_an_event_source_that_is_missing(server):
    for source in ('fanotify', 'tracepoint of listen()', 'proc connector', 'rtnetlink', 'mountinfo'):
        if source not in server.machine.sh('tocsin status')[1]:
            raise Failed(f'{source} is not named')
    server.stop_agent()
    server.machine.run('echo 0 >/proc/sys/fs/fanotify/max_user_groups')
    server.start_agent()
    until('status says that fanotify is missing', lambda: re.search(
        r'^files +reduced +fanotify missing \(.*\): inotify', server.machine.sh('tocsin status')[1], re.M))
    server.stop_agent()
    server.machine.run('echo 128 >/proc/sys/fs/fanotify/max_user_groups')
    server.start_agent()


@test
def a_clock_that_is_set_is_told_with_both_times(server):
    times = []
    for step in (3600, -7200, 3600, TWENTY_YEARS, -TWENTY_YEARS):
        since = len(server.events())
        began = time.monotonic()
        server.machine.run(f'date -s @$(($(date +%s) + {step}))')
        number = server.told('time.step', 'from=', since=since)
        times.append(time.monotonic() - began)
        detail = until('both times are told', lambda number=number: server.detail(number, 'from=.* to='))
        old, new = (time.mktime(time.strptime(word, '%Y%m%dT%H%M%SZ')) for word in re.findall('(?:from|to)=([^ ]+)', detail))
        if abs(new - old - step) > 60:
            raise Failed(f'{step} s: {detail}')
        server.await_carried('uart', number)
    in_time('told', times, 1)


def processes(server):
    return server.machine.run('for p in $(cat /run/tocsin.pid) $(cat /proc/$(cat /run/tocsin.pid)/task/*/children); do '
                              'echo $p $(cat /proc/$p/comm); done')


@test
def memory_that_runs_out_kills_no_process_of_the_agent_and_holds_up_no_alarm(server):
    before = processes(server)
    alarms = len(server.alarms())
    killed = 'dmesg | grep -c "Out of memory: Killed"'
    already = int(server.machine.sh(killed)[1])
    since = len(server.events())
    # Programs that double what they have, until the kernel kills them; new ones come all the while.
    server.machine.run('(while :; do (echo 1000 >/proc/self/oom_score_adj; x=0123456789; while :; do x=$x$x; done); done) '
                       '>/dev/null 2>&1 & echo $! >/run/hog')
    until('memory runs out', lambda: int(server.machine.sh(killed)[1]) > already)
    began = time.monotonic()
    server.told('load.high', 'what=memory ', since=since)
    in_time('load.high', [time.monotonic() - began], 5)
    for _ in range(3):
        server.await_carried('uart', server.break_in())
    until('memory has run out', lambda: int(server.machine.sh(killed)[1]) >= already + 2)
    server.await_carried('uart', server.break_in())
    server.machine.run('kill $(cat /run/hog)')
    server.told('load.ok', 'what=memory ', seconds=40, since=since)
    if processes(server) != before:
        raise Failed(f'other processes than before:\n{before}\n{processes(server)}')
    if ('belfry.silent', 'open') in server.alarms()[alarms:]:
        raise Failed('a beat was missing')


def boots(server):
    """How many there were, by the names that the agent has for them."""
    return len({found.group(1) for _, detail, _ in server.events()
                if (found := re.search('boot=([0-9a-f]{8})', detail))})


def missed(server, alarms, code, began):
    """After how many seconds belfry's alarm was there."""
    until(f'belfry says {code}', lambda: (code, 'open') in server.alarms()[alarms:])
    return time.monotonic() - began


@test
def a_machine_that_is_reset_is_missed_and_comes_back_as_another_boot(server):
    silent = []
    for _ in range(SLOW_TIMES):
        disk = server.disk()
        alarms = len(server.alarms())
        known = boots(server)
        began = time.monotonic()
        server.machine.qmp('system_reset')
        silent.append(missed(server, alarms, 'belfry.silent', began))
        server.boot_again(disk)
        since = len(server.events())
        server.start_agent()
        server.told('agent.start', 'end=unclean', since=since)
        until('another boot is named', lambda known=known: boots(server) == known + 1)
    in_time('missed', silent, 12)


@test
def a_reboot_in_order_is_a_goodbye_and_an_alarm_as_nobody_had_declared_it(server):
    goodbye = []
    for _ in range(SLOW_TIMES):
        alarms = len(server.alarms())
        began = time.monotonic()
        server.stop_agent()
        goodbye.append(time.monotonic() - began)
        disk = server.disk()
        server.machine.qmp('system_reset')
        missed(server, alarms, 'belfry.stopped', began)
        server.boot_again(disk)
        since = len(server.events())
        server.start_agent()
        server.told('agent.start', 'end=clean', since=since)
        server.await_carried('uart', server.break_in())
    in_time('the goodbye', goodbye, 1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--list', action='store_true')
    parser.add_argument('--shell', action='store_true')
    parser.add_argument('tests', nargs='*')
    options = options_of(('kernel', 'initrd', 'processor', 'arguments', 'folder', 'belfry', 'keep'), parser)
    wanted = [t for t in TESTS if not options.tests or any(word in sentence(t) for word in options.tests)]
    if options.list:
        print('\n'.join(map(sentence, wanted)))
        return 0
    server = Server(options)
    try:
        return run(server, wanted)
    finally:
        server.stop()
        keep(options.folder, options.keep)


def run(server, wanted):
    try:
        server.start()
    except Failed as why:
        print(f'not ok the agent starts\n    {why}')
        server.report()
        return True
    failed = [one for one in wanted if not passes(one, server)]
    if server.options.shell:
        server.machine.shell()
    elif failed:
        server.report()
    return bool(failed)


if __name__ == '__main__':
    sys.exit(main())
