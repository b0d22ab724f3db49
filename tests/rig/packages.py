"""packages - what the Debian packages have to show, a function a test; in this order, on one machine"""
import json
import re
import socket
import sys

from machine import Failed, run_tests, text, until

BELFRY = '''Line wire serial /dev/ttyS1 115200 rules=console
Rules console /usr/share/belfry/console.rules
Listen 127.0.0.1:7000
Syslog no
'''
NATS = 'nats://127.0.0.1:4222'
TOCSIN = '''Host agent
Beat 2
Watch /srv/watched
Channel file /srv/lines
'''
DPKG = '/bin/dpkg'  # and not the one that the shell has in it
CODE = '0C0G-8085-1410-C000-0000-0000-00FS'  # a pairing with nobody
ELSEWHERE = r'^/(proc|sys|dev|run|tmp|var/log|var/lib/dpkg|etc/(passwd|group|shadow|gshadow)-?$|etc/\.pwd)'

TESTS = []


def test(function):
    TESTS.append(function)
    return function


def files(machine):
    found = machine.run('find / -xdev').split('\n')
    return {name for name in found if not re.match(ELSEWHERE, name)}


def status(machine):
    said = machine.sh('belfry status --json')[1]
    return json.loads(said) if said.startswith('{') else {'running': False, 'rows': []}


def proved(machine):
    return sum(row['proved'] for row in status(machine)['rows'])


def say(machine, first, count):
    lines = machine.run(f'rig_voice unit {machine.code} {first} {count}')
    with socket.socket(socket.AF_UNIX) as wire:
        wire.connect(f'{machine.folder}/uart')
        wire.sendall(lines.strip().replace('\r', '').replace('\n', '\r\n').encode() + b'\r\n')
        wire.shutdown(socket.SHUT_WR)
        while wire.recv(4096):
            pass


def sites(machine):
    said = machine.sh('belfry --config /etc/belfry-hub/belfry.conf --state /var/lib/belfry-hub sites --json')[1]
    return {one['site']: one['proved'] for one in json.loads(said)['sites']} if said.startswith('{') else {}


def main_pid(machine, unit):
    return machine.run(f'systemctl show -p MainPID --value {unit}')


def active(machine, unit):
    until(f'systemd hears that {unit} is ready', lambda: machine.sh(f'systemctl is-active -q {unit}')[0] == 0)


@test
def dpkg_installs_them_and_starts_nothing(machine):
    machine.before = files(machine)
    machine.run(f'{DPKG} -i /packages/belfry_*.deb /packages/tocsin_*.deb', 60)
    for unit in ('belfry', 'tocsin'):
        if machine.sh(f'systemctl is-active -q {unit}')[0] == 0:
            raise Failed(f'{unit} runs without a configuration')
    rights = machine.run('stat -c "%a %U:%G %n" /var/lib/belfry /etc/belfry /etc/belfry/belfry.conf /etc/tocsin')
    for wanted in ('700 belfry:belfry /var/lib/belfry', '750 root:belfry /etc/belfry',
                   '640 root:belfry /etc/belfry/belfry.conf', '700 root:root /etc/tocsin'):
        if wanted not in rights:
            raise Failed(f'not {wanted}: {rights}')


@test
def systemd_starts_belfry_as_a_user_of_its_own(machine):
    machine.run(f"cat >/etc/belfry/belfry.conf <<'EOF'\n{BELFRY}EOF\n")
    machine.code = re.search(r'([0-9A-Z]{4}-){6}[0-9A-Z]{4}', machine.run('belfry pair unit'))[0]
    machine.run('systemctl enable --now belfry', 60)
    active(machine, 'belfry')
    until('belfry answers', lambda: status(machine)['running'])
    users = machine.run('ps -o user,comm')
    if not re.search(r'belfry +belfry\n', users) or not re.search(r'(nobody|65534) +belfry-gate', users):
        raise Failed(users)


@test
def it_proves_what_comes_on_a_serial_line(machine):
    say(machine, 0, 20)
    until('20 lines are proved', lambda: proved(machine) == 20)
    down = [row for row in status(machine)['rows'] if 'lost' in row['state'].lower()]
    if down:
        raise Failed(str(down))


@test
def systemd_starts_a_hub_as_a_user_of_its_own_which_hears_the_site(machine):
    machine.run('mkdir /tmp/nats; mount -t tmpfs nats /tmp/nats; nats-server -a 127.0.0.1 -js -sd /tmp/nats >/run/nats.log 2>&1 &')
    machine.run(f"echo 'Hub {NATS}' >/etc/belfry-hub/belfry.conf;"
                f"echo 'Notify hub nats {NATS} site=ams1' >>/etc/belfry/belfry.conf;"
                'chmod 640 /etc/belfry-hub/belfry.conf; chgrp belfry-hub /etc/belfry-hub/belfry.conf')
    machine.run('systemctl enable --now belfry-hub && belfry reload', 60)
    active(machine, 'belfry-hub')
    until('it is another user', lambda: re.search(r'belfry-h\S* +belfry', machine.run('ps -o user,comm')))
    say(machine, 20, 1)
    until('the hub has the line that the site proved', lambda: sites(machine).get('ams1', 0) >= 1, 60)


@test
def systemd_starts_the_agent(machine):
    machine.run(f"cat >/etc/tocsin/tocsin.conf <<'EOF'\n{TOCSIN}EOF\n"
                'chmod 600 /etc/tocsin/tocsin.conf; mkdir -p /srv/watched; mkdir -p -m 700 /var/lib/tocsin;'
                f'echo one >/srv/watched/file; echo {CODE} | tocsin pair - && tocsin baseline build')
    machine.run('systemctl start tocsin', 60)
    active(machine, 'tocsin')


@test
def an_upgrade_keeps_configuration_keys_and_what_runs(machine):
    pid, hub = main_pid(machine, 'belfry'), main_pid(machine, 'belfry-hub')
    configuration = machine.run('cat /etc/belfry/belfry.conf')
    machine.run(f'{DPKG} --force-confold -i /packages/next-belfry.deb /packages/next-tocsin.deb', 60)
    active(machine, 'belfry')
    active(machine, 'tocsin')
    active(machine, 'belfry-hub')
    if machine.run('cat /etc/belfry/belfry.conf') != configuration:
        raise Failed('the configuration is another one')
    if main_pid(machine, 'belfry') == pid or main_pid(machine, 'belfry-hub') == hub:
        raise Failed('the old program still runs')
    until('belfry answers', lambda: status(machine)['running'])
    say(machine, 21, 10)
    until('31 lines are proved', lambda: proved(machine) == 31)


@test
def what_is_removed_stops_and_keeps_its_keys(machine):
    machine.run(f'{DPKG} -r belfry tocsin', 60)
    for unit in ('belfry', 'belfry-hub', 'tocsin'):
        if machine.sh(f'systemctl is-active -q {unit}')[0] == 0:
            raise Failed(f'{unit} runs on')
    machine.run('test -f /var/lib/belfry/ledger.db && test -f /etc/belfry/belfry.conf && test ! -e /usr/sbin/belfry')


@test
def what_is_purged_leaves_nothing(machine):
    machine.run(f'{DPKG} -P belfry tocsin; systemctl stop tocsin belfry 2>/dev/null; rm -rf /srv/lines /srv/watched', 60)
    left = sorted(files(machine) - machine.before)
    left = [name for name in left if name not in ('/usr/lib/sysusers.d', '/usr/share/doc', '/var/tmp')]
    if left:
        raise Failed(f'left: {left}')


def report(machine, folder):
    print('--- the console\n' + text(f'{folder}/console')[-3000:])
    try:
        print('--- systemd\n' + machine.sh('systemctl status -l --no-pager belfry tocsin; systemctl --failed --no-pager')[1])
        print('--- logs\n' + machine.sh('cat /run/*.log; belfry status; ps -o user,comm | tail')[1])
    except Failed as why:
        print(why)


def devices(folder):
    return ['-m', '512M', '-vga', 'std', '-chardev', f'file,id=console,path={folder}/console', '-serial', 'chardev:console',
            '-chardev', f'socket,id=uart,path={folder}/uart,server=on,wait=off', '-serial', 'chardev:uart']


if __name__ == '__main__':
    sys.exit(run_tests(TESTS, devices, report))
