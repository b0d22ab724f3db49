// The release image: what comes in by USB and both serial lines is in flash and comes out of the console, to the byte.
import { check, equal, finish, machine, test } from './check.mjs';
import { fill } from './fulllog.mjs';
import { isNote, Source } from './lines.mjs';
import { committed, CONSOLE, logOf, NAME, plugged, readOut, recorder, SERVER, status } from './recorder.mjs';

const KINDS = ['CRIT', 'WARN', 'NOTE', 'INFO', 'ERRO'];

// The lines that came out of the console, without the notes.
function sentOn(m) {
  const lines = m.text(CONSOLE).split('\r\n').filter(Boolean);
  const notes = lines.filter((line) => line.startsWith('#'));
  for (const note of notes) check(isNote(note), `a note with a check that fits: ${note}`);
  return lines.filter((line) => !line.startsWith('#'));
}

function same(got, want, what) {
  equal(got.length, want.length, `${what}: how many`);
  const rest = new Set(got);
  for (const line of want) check(rest.delete(line), `${what}: ${line}`);
}

test('it is up within 100 ms of power: takes bytes, has its log, shows itself on USB', () => {
  const m = machine(NAME);
  const source = new Source('web01', m.random);
  const line = source.next({ severity: 'CRIT' });
  m.vbus(true);
  check(m.run(100, () => m.usb.connected), 'pull-up within 100 ms');
  const ms = m.ms;
  const n = machine(NAME);
  n.run(20);
  n.uart[SERVER].feed(`${line}\n`);
  n.run(150);
  check(logOf(n).records.some((r) => r.text === line), 'a line that began 20 ms after power is in the log');
  return `pull-up at ${ms.toFixed(1)} ms`;
});

test('a full log is open as soon, and an alarm that the reserve has no room for goes to the ring', () => {
  const m = machine(NAME);
  const source = new Source('web02', m.random);
  const { last } = fill(m.chip.mem, m.random);
  m.vbus(true);
  check(m.run(100, () => m.usb.connected), 'pull-up within 100 ms');
  const ms = m.ms;
  m.uart[SERVER].feed(`${source.next({ severity: 'CRIT' })}\n`);
  check(m.run(1000, () => committed(m) >= last + 2), 'the boot and the alarm are committed');
  m.run(1200); // it looks once a second
  const page = status(plugged(m));
  equal(page.flags & 17, 17, 'ready, and the reserve is full');
  check(page.refused >= 2, 'both were refused by the reserve');
  return `${last} records, pull-up at ${ms.toFixed(1)} ms`;
});

test('what a host sends again at once after a start is known from a full log, and is there once', () => {
  const m = machine(NAME);
  const { last, newest } = fill(m.chip.mem, m.random);
  const fresh = new Source('web03', m.random).next();
  m.vbus(true);
  check(m.run(100, () => m.usb.connected), 'pull-up within 100 ms');
  const host = plugged(m);
  const ms = m.ms;
  for (const line of [...newest, fresh]) equal(host.write(1, Buffer.from(`${line}\n`), 4000), line.length + 1, 'taken');
  const took = m.ms - ms;
  check(m.run(1000, () => committed(m) >= last + 2), 'the boot and the new line are committed');
  m.run(500);
  equal(committed(m), last + 2, 'the last record');
  return `${newest.length + 1} lines taken ${took.toFixed(0)} ms after it was plugged in`;
});

test('a host finds the device and reads its counters', () => {
  const m = recorder();
  const host = plugged(m);
  const { device, config, strings } = host.enumerate();
  equal(device.readUInt32LE(8), 0x00011209, 'VID:PID');
  equal(strings.join(), 'tocsin,tocsin logger,D66412349BCDEF01', 'strings');
  equal(config[4], 1, 'interfaces');
  const page = status(host);
  equal(page.flags & 1, 1, 'ready');
  equal(page.boots, 1, 'boots');
});

test('lines by USB and both serial lines are kept, and come out once, to the byte', () => {
  const m = recorder();
  const host = plugged(m);
  const sources = ['usb', 'server', 'console'].map((name) => new Source(name, m.random));
  const sent = [];
  for (let i = 0; i < 60; i++) {
    const lines = sources.map((source) => source.next({ severity: KINDS[i % 5], detail: (i * 7) % 70 }));
    sent.push(...lines);
    m.uart[SERVER].feed(`${lines[1]}\r\n`);
    m.uart[CONSOLE].feed(`${lines[2]}\n`);
    equal(host.write(1, Buffer.from(`${lines[0]}\n`)), lines[0].length + 1, 'taken');
    m.run(30);
  }
  m.run(2000);
  same(sentOn(m), sent, 'console');
  const { records } = logOf(m);
  same(records.filter((r) => !r.text.startsWith('#')).map((r) => r.text), sent, 'log');
  for (const record of records.filter((r) => r.text.startsWith('!'))) {
    equal(record.kept, /CRIT|ERRO/.test(record.text), `region of ${record.text}`);
  }
  check(m.relay(), 'the relay calls');
  const page = status(host);
  equal(page.lines, sent.length, 'lines counted');
  equal(page.overruns, 0, 'overruns');
  return `${m.stackUsed} bytes of stack used`;
});

test('noise, torn lines and lines with a bit turned over are no records', () => {
  const m = recorder();
  const source = new Source('web01', m.random);
  const good = source.next({ severity: 'CRIT' });
  const noise = Array.from({ length: 3000 }, () => Math.floor(m.random() * 256));
  const turned = Buffer.from(source.next({ severity: 'CRIT' }));
  turned[20] ^= 1;
  m.uart[SERVER].feed([...noise, 10, ...turned, 10, ...Buffer.from(source.next()).subarray(0, 50), 10]);
  m.uart[SERVER].feed(`${good}\n`);
  m.run(1000);
  same(sentOn(m), [good], 'console');
  same(logOf(m).records.filter((r) => !isNote(r.text)).map((r) => r.text), [good], 'log');
});

test('held at power-up, the button gives the log away; pressed again for long, it marks what was read', () => {
  const m = recorder();
  const source = new Source('web01', m.random);
  const lines = Array.from({ length: 20 }, () => source.next({ severity: 'CRIT' }));
  m.uart[SERVER].feed(`${lines.join('\n')}\n`);
  m.run(500);
  m.button(true);
  m.powerCycle();
  const first = readOut(m);
  same(first.records.filter((r) => r.text.startsWith('!')).map((r) => r.text), lines, 'dump');
  equal(first.head.harvested, 0, 'harvested before');
  m.button(false);
  m.run(200);
  m.button(true);
  m.run(1000);
  m.button(false);
  m.run(500);
  equal(status(first.host).harvested, 0, 'a short press marks nothing');
  m.button(true);
  m.run(2500);
  m.button(false);
  m.run(500);
  equal(status(first.host).harvested, first.end.last, 'harvested');
});

test('while it only listens it sleeps', () => {
  const m = recorder();
  m.run(500);
  const cycles = m.cycles;
  m.run(1000);
  const share = (m.cycles - cycles) / 48e6;
  check(share < 0.05, `${(100 * share).toFixed(1)} % busy`);
  return `${(100 * share).toFixed(1)} % busy`;
});

test('a watchdog reset in the middle of an erase loses nothing that was committed', () => {
  const m = recorder({ flash: { erase: 400e6 } });
  const source = new Source('web01', m.random);
  let sent = '';
  for (let i = 0; i < 40; i++) sent += `${source.next({ severity: 'NOTE' })}\n`;
  m.uart[SERVER].feed(sent);
  m.run(2000, () => committed(m) > 20 && m.chip.busy);
  const before = logOf(m).records;
  const kept = committed(m);
  m.rp.peripherals[0x40058].onWatchdogTrigger();
  m.run(1500);
  const after = new Map(logOf(m).records.map((r) => [r.number, r.text]));
  for (const record of before) if (record.number <= kept) equal(after.get(record.number), record.text, 'record');
  equal(m.resets, 1, 'resets');
});

finish();
