"""console_manager - what the shipped image has to show, a function a test; in this order, on one disk"""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

from machine import Failed, in_order, keep, options_of, text, until

PORTS = 8
ADAPTER = 9  # on USB, plugged in while it runs
FIRST = 40  # lines said before the power cut, and
SECOND = 20  # after it
NOISE = b'login: \x1b[31mroot\x1b[0m\r\n\x00\xff'  # is no alarm, and is kept as it is

TESTS = []


def test(function):
    TESTS.append(function)
    return function


class Box:
    """The machine with the image: no way in but what stands on its back."""

    def __init__(self, options, disk):
        self.folder = options.folder
        with open(f'{options.image}/cmdline') as f:
            arguments = f'console=ttyS0,115200 panic=-1 mitigations=off random.trust_cpu=on {f.read().strip()}'
        command = ['timeout', '-k', '5', '900', 'qemu-system-x86_64', '-machine', 'pc,accel=tcg', '-cpu',
                   options.processor, '-m', '256M', '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot',
                   '-kernel', options.kernel, '-initrd', f'{options.image}/initramfs', '-append', arguments,
                   '-qmp', f'unix:{self.folder}/qmp,server=on,wait=off', '-device', 'i6300esb', '-action',
                   'watchdog=poweroff', '-netdev', 'user,id=net,restrict=on', '-device', 'virtio-net-pci,netdev=net,romfile=',
                   '-chardev', f'file,id=console,path={self.folder}/console', '-serial', 'chardev:console']
        command += ['-device', 'qemu-xhci']
        for i in range(1, ADAPTER + 1):
            command += ['-chardev', f'socket,id=port{i},path={self.folder}/port{i},server=on,wait=off']
        for first in range(1, PORTS, 4):
            command += ['-device', 'pci-serial-4x,' + ','.join(f'chardev{k}=port{first + k - 1}' for k in range(1, 5))]
        if disk:
            command += ['-drive', f'file={disk},format=raw,if=none,id=disk', '-device', 'virtio-blk-pci,drive=disk']
        with open(f'{self.folder}/qemu', 'wb') as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def console(self):
        return text(f'{self.folder}/console')

    def told(self, pattern, seconds=40):
        def probe():
            ended = self.process.poll() is not None
            found = re.search(pattern, self.console())
            if ended and not found:
                raise Failed(f'the machine ended before it told "{pattern}"')
            return found
        return until(f'the console tells "{pattern}"', probe, seconds)

    def say(self, port, data):
        with socket.socket(socket.AF_UNIX) as wire:
            wire.connect(f'{self.folder}/port{port}')
            wire.sendall(data)
            wire.shutdown(socket.SHUT_WR)
            # What QEMU has not read yet would go with the connection.
            while wire.recv(4096):
                pass

    def monitor(self, command, **arguments):
        with socket.socket(socket.AF_UNIX) as plug:
            plug.connect(f'{self.folder}/qmp')
            answers = plug.makefile('r')
            answers.readline()
            for one in ({'execute': 'qmp_capabilities'}, {'execute': command, 'arguments': arguments}):
                plug.sendall(json.dumps(one).encode() + b'\n')
                while 'event' in (answer := json.loads(answers.readline())):
                    pass
                if 'error' in answer:
                    raise Failed(f'{command}: {answer["error"]["desc"]}')

    def cut(self):
        """As when the plug is pulled."""
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGTERM)  # timeout(1) hands it on; QEMU writes nothing more
        self.process.wait()


class Rig:
    def __init__(self, options):
        self.options = options
        self.disk = f'{options.folder}/disk'
        self.box = None
        self.codes = {}
        self.said = {i: b'' for i in range(1, ADAPTER + 1)}

    def belfry(self, state, *arguments):
        command = [self.options.belfry, '--config', f'{self.options.folder}/prepared/etc/belfry.conf', '--state', state]
        return subprocess.run(command + list(arguments), capture_output=True, text=True, check=False).stdout

    def prepare(self):
        folder = f'{self.options.folder}/prepared'
        os.makedirs(f'{folder}/etc')
        with open(f'{folder}/etc/belfry.conf', 'w') as f:
            f.write('Syslog no\nListen 10.0.2.15:7000\n')
            for i in range(1, PORTS + 1):
                f.write(f'Line port{i} serial /dev/ttyS{self.tty(i)} 115200\n')
            f.write(f'Line port{ADAPTER} serial /dev/ttyUSB0 115200\n')
        with open(f'{folder}/etc/network', 'w') as f:
            f.write('hostname rig\naddress eth0 10.0.2.15/24\ngateway 10.0.2.2\n')
        for i in range(1, ADAPTER + 1):
            said = self.belfry(f'{folder}/belfry', 'pair', f'host{i}')
            found = re.search(r'([0-9A-Z]{4}-){6}[0-9A-Z]{4}', said)
            if not found:
                raise Failed(f'no pairing: {said}')
            self.codes[i] = found[0]
        with open(self.disk, 'wb') as f:
            f.truncate(48 << 20)
        subprocess.run([self.options.prepare, self.disk, folder], check=True)

    @staticmethod
    def tty(port):
        return port + 3

    def start(self, disk=True):
        for name in ('console', 'qmp'):
            if os.path.exists(f'{self.options.folder}/{name}'):
                os.unlink(f'{self.options.folder}/{name}')
        self.box = Box(self.options, self.disk if disk else None)

    def feed(self, skip, count, ports=range(1, PORTS + 1)):
        for i in ports:
            lines = subprocess.run([self.options.voice, f'host{i}', self.codes[i], str(skip), str(count)],
                                   capture_output=True, check=True).stdout
            self.said[i] += NOISE + lines
            self.box.say(i, NOISE + lines)

    def state(self):
        """What a belfry finds on the disk when the power goes now."""
        copy = f'{self.options.folder}/copy'
        shutil.rmtree(copy, ignore_errors=True)
        os.makedirs(copy)
        shutil.copyfile(self.disk, f'{copy}/disk')
        checked = subprocess.run(['e2fsck', '-p', f'{copy}/disk'], capture_output=True, text=True, check=False)
        if checked.returncode > 1:
            raise Failed(f'the disk is broken: {checked.stdout}')
        subprocess.run(['debugfs', '-R', f'rdump /belfry {copy}', f'{copy}/disk'], capture_output=True, check=True)
        return f'{copy}/belfry'

    def proved(self, state):
        rows = json.loads(self.belfry(state, 'status', '--json'))['rows']
        return {row['agent']: row['proved'] for row in rows if row['agent']}

    def all_proved(self, wanted, ports=range(1, PORTS + 1)):
        def probe():
            last.append(self.proved(self.state()))
            return all(last[-1].get(f'host{i}', 0) >= wanted for i in ports)
        last = []
        try:
            until(f'{wanted} lines of each host are proved on the disk', probe, 40)
        except Failed as why:
            raise Failed(f'{why}: {last[-1]}') from None


@test
def it_boots_and_belfry_is_ready(rig):
    rig.start()
    rig.box.told('belfry-init: 8 serial ports, state in /log/belfry')
    rig.box.told('belfry is ready')
    if 'ALARM' in rig.box.console():
        raise Failed('an alarm on the console')


@test
def eight_lines_are_proved_on_its_disk(rig):
    rig.feed(0, FIRST)
    rig.all_proved(FIRST)


def kept(rig, port):
    try:
        with open(f'{rig.state()}/lines/port{port}.raw', 'rb') as f:
            return f.read()
    except FileNotFoundError:
        return b''


@test
def each_byte_is_on_the_disk_soon(rig):
    for i in range(1, PORTS + 1):
        until(f'port{i} is kept as it was said', lambda i=i: kept(rig, i) == rig.said[i])


@test
def a_power_cut_loses_no_line_that_was_proved(rig):
    rig.box.cut()
    rig.start()
    rig.box.told('belfry is ready')
    rig.feed(FIRST, SECOND)
    rig.all_proved(FIRST + SECOND)
    shown = rig.belfry(rig.state(), 'alarms', '--json')
    if 'belfry.gap' in shown:
        raise Failed(f'a hole: {shown}')


@test
def a_usb_adapter_that_is_plugged_in_is_read(rig):
    rig.box.monitor('device_add', driver='usb-serial', chardev=f'port{ADAPTER}', id='adapter', **{'always-plugged': True})

    def heard():
        rig.feed(0, FIRST, [ADAPTER])  # what comes before it is open is lost, and copies harm nobody
        time.sleep(1)
        return rig.proved(rig.state()).get(f'host{ADAPTER}', 0) >= FIRST
    until('its lines are proved', heard)


@test
def its_power_button_is_a_clean_end(rig):
    rig.box.monitor('system_powerdown')
    rig.box.told('belfry-init: going down')
    until('the machine is off', lambda: rig.box.process.poll() is not None)
    if not re.search('belfry-init: down', rig.box.console()):
        raise Failed('it was off before it was down')
    said = subprocess.run(['dumpe2fs', '-h', rig.disk], capture_output=True, text=True, check=True).stdout
    if not re.search(r'Filesystem state: +clean', said) or 'needs_recovery' in said:
        raise Failed('the disk was not taken down')


@test
def a_missing_disk_is_told(rig):
    rig.start(disk=False)
    rig.box.told('ALARM: there is no log disk')
    rig.box.told('belfry is ready')
    rig.box.cut()


@test
def a_disk_that_cannot_be_written_is_told_and_belfry_runs_in_memory(rig):
    subprocess.run(['debugfs', '-w', '-R', 'feature read-only', rig.disk], capture_output=True, check=True)
    rig.start()
    rig.box.told('ALARM: the log disk /dev/vda can only be read')
    rig.box.told('state in /run/belfry')
    rig.box.told('belfry is ready')
    rig.box.cut()


def main():
    options = options_of(('image', 'kernel', 'processor', 'prepare', 'belfry', 'voice', 'folder', 'keep'))
    rig = Rig(options)
    try:
        rig.prepare()
        passed = in_order(TESTS, rig)
        if not passed:
            print('--- the console\n' + text(f'{options.folder}/console')[-4000:] + text(f'{options.folder}/qemu'))
    finally:
        if rig.box is not None:
            rig.box.cut()
        keep(options.folder, options.keep, ('vmlinux',))
    return 0 if passed else 1


if __name__ == '__main__':
    sys.exit(main())
