"""unit - what the shipped unit has to show under systemd, a function a test; in this order, on one machine"""
import json
import re
import sys
import time

from machine import Failed, run_tests, text, until

LINES = '/srv/lines'  # the channel
CONFIGURATION = f'''Host unit
Beat 2
Watch /srv/watched
Watch /srv/beside
Receiver 10.0.2.2
Channel serial /dev/ttyS1 115200 8n1
Channel tty /dev/tty8 lock
Channel file {LINES}
'''
CODE = '0C0G-8085-1410-C000-0000-0000-00FS'  # a pairing with nobody

TESTS = []


def test(function):
    TESTS.append(function)
    return function


def lines(machine):
    return machine.run(f'cat {LINES} 2>/dev/null; true')


def told(machine, pattern, behind=''):
    """A line that matches, of those that came after `behind`."""
    until(f'a line with {pattern}', lambda: re.search(pattern, lines(machine)[len(behind):]))


def status(machine):
    said = machine.sh('tocsin --json status --findings')[1]
    return json.loads(said) if said.startswith('{') else {'rights': [], 'detectors': [], 'channels': []}


@test
def systemd_starts_it_and_is_told_that_it_guards(machine):
    machine.run(f"cat >/etc/tocsin/tocsin.conf <<'EOF'\n{CONFIGURATION}EOF\n"
                'chmod 600 /etc/tocsin/tocsin.conf; mkdir -p /srv/watched /srv/beside; mkdir -m 700 /var/lib/tocsin;'
                f'echo one >/srv/watched/file; echo {CODE} | tocsin pair - && tocsin baseline build')
    machine.run('systemctl start tocsin.service', 60)
    until('systemd hears that it guards', lambda: machine.sh('systemctl is-active -q tocsin.service')[0] == 0)
    told(machine, 'agent.start end=first')


@test
def no_process_misses_a_layer_of_its_sandbox(machine):
    told(machine, 'rights=narrow')
    until('all have said so', lambda: len(status(machine)['rights']) == 9)
    wrong = [p for p in status(machine)['rights'] if p['level'] not in ('narrow', 'starter') or p['missing']]
    if wrong:
        raise Failed(str(wrong))


@test
def no_source_and_no_channel_is_missing(machine):
    def all_ok():
        answer = status(machine)
        return answer if answer['detectors'] and all(d['state'] == 'ok' for d in answer['detectors']) else None

    answer = until('each detector is ok', all_ok)
    found = ' '.join(d['sources'] for d in answer['detectors'])
    for source in ('fanotify', 'tracepoint of listen()', 'proc connector', 'rtnetlink', 'mountinfo'):
        if source not in found:
            raise Failed(f'{source} is not named: {found}')
    lost = [c for c in answer['channels'] if c['state'] == 'lost']
    if lost:
        raise Failed(str(lost))


@test
def it_tells_of_files_ports_and_remounts(machine):
    before = lines(machine)
    machine.run('echo two >/srv/watched/file; nc -l -p 4444 >/dev/null 2>&1 & echo $! >/run/deed; mkdir -p /srv/over;'
                'mount -t tmpfs over /srv/watched')
    told(machine, 'integrity.changed path=/srv/watched/file', before)
    told(machine, 'port.unexpected port=tcp/4444', before)
    told(machine, 'mount.added', before)
    machine.run('mount -o remount,ro /srv/watched')
    machine.run('umount /srv/watched; kill $(cat /run/deed)')
    told(machine, 'mount.ok', before)


@test
def a_process_that_is_stopped_is_set_going_again_without_the_right_to_signal_everybody(machine):
    before = lines(machine)
    caps = int(machine.run("sed -n 's/^CapBnd:.//p' /proc/$(systemctl show -p MainPID --value tocsin.service)/status"), 16)
    if caps & (1 << 5 | 1 << 0):
        raise Failed(f'{caps:x}')
    pid = machine.sh('grep -ls "^Name:.tocsin-netwatch" /proc/[0-9]*/status')[1].split('/')[2]
    machine.run(f'kill -STOP {pid}')
    told(machine, 'proc=netwatch state=stopped', before)
    told(machine, 'proc=netwatch of=[0-9]* state=ok', before)
    until('it runs', lambda: machine.run(f"sed -n 's/^State:.//p' /proc/{pid}/status")[0] != 'T')


@test
def nothing_forbids_it_a_call(machine):
    restarts = machine.run('systemctl show -p NRestarts tocsin.service')
    if 'NRestarts=0' not in restarts or re.search(r'proc=\w+ state=(killed|exited)', lines(machine)):
        raise Failed(restarts)


@test
def systemd_starts_it_again_when_its_first_process_is_killed(machine):
    for _ in range(3):
        before = lines(machine)
        machine.run('kill -9 $(systemctl show -p MainPID --value tocsin.service)')
        told(machine, 'proc=warden state=lost', before)
        told(machine, 'agent.start end=unclean', before)
        until('systemd hears that it guards', lambda: machine.sh('systemctl is-active -q tocsin.service')[0] == 0)


@test
def a_stop_is_a_goodbye_and_no_failure(machine):
    before = lines(machine)
    began = time.monotonic()
    machine.run('systemctl stop tocsin.service', 60)
    print(f'    stopped in {time.monotonic() - began:.1f} s')
    told(machine, 'agent.stop why=asked', before)
    result = machine.run('systemctl show -p Result,ExecMainStatus tocsin.service')
    if 'Result=success' not in result or 'ExecMainStatus=0' not in result:
        raise Failed(result)


def shows_what_is_below_a_private_mount(machine):
    """The mount beside it reaches every copy of the table of mounts: when that is told, the other was looked for."""
    before = lines(machine)
    machine.run('mount -t tmpfs over /srv/watched; mount --make-private /srv/watched; mkdir /srv/watched/below;'
                'mount -t tmpfs below /srv/watched/below; mount -t tmpfs beside /srv/beside')
    told(machine, 'mount.added path=/srv/beside', before)
    shown = 'mount.added path=/srv/watched/below' in lines(machine)[len(before):]
    # Whoever looks at a new mount, the agent or systemd, may be at it in this moment.
    machine.run('for at in /srv/beside /srv/watched/below /srv/watched; do'
                ' umount $at || { sleep 1; umount $at; } || exit 1; done')
    return shown


@test
def with_mounts_of_its_own_it_would_be_blind_to_some_of_the_machines(machine):
    def guards():
        until('systemd hears that it guards', lambda: machine.sh('systemctl is-active -q tocsin.service')[0] == 0)

    machine.run('systemctl start tocsin.service', 60)
    guards()
    if not shows_what_is_below_a_private_mount(machine):
        raise Failed('a mount below a private one is not told by the shipped unit')
    for setting in ('PrivateMounts', 'ProtectKernelTunables'):
        machine.run(f"printf '[Service]\\n{setting}=yes\\n' >/etc/systemd/system/tocsin.service.d/blind.conf;"
                    'systemctl daemon-reload; systemctl restart tocsin.service', 120)
        guards()
        if shows_what_is_below_a_private_mount(machine):
            raise Failed(f'{setting}= hides nothing: it could be in the unit')
    machine.run('rm /etc/systemd/system/tocsin.service.d/blind.conf; systemctl daemon-reload;'
                'systemctl stop tocsin.service', 120)


def report(machine, folder):
    print('--- the console\n' + text(f'{folder}/console')[-4000:])
    try:
        print('--- the kernel\n' + machine.sh('dmesg | grep -v "syscall=101" | grep -E "type=1326|tocsin" | tail -30')[1])
        print('--- systemd\n' + machine.sh('systemctl status -l --no-pager tocsin.service; systemctl --failed --no-pager')[1])
        print('--- the agent\n' + machine.sh('cat /run/tocsin.log; tocsin status --findings; tocsin channels')[1] + lines(machine)[-3000:])
    except Failed as why:
        print(why)


def devices(folder):
    return ['-vga', 'std', '-netdev', 'user,id=net', '-device', 'e1000,netdev=net,romfile=',
            '-chardev', f'file,id=console,path={folder}/console', '-serial', 'chardev:console',
            '-chardev', f'file,id=uart,path={folder}/uart', '-serial', 'chardev:uart']


if __name__ == '__main__':
    sys.exit(run_tests(TESTS, devices, report))
