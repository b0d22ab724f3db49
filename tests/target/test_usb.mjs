// The release image before a hostile USB host: what the core's fuzzer does, at the controller's registers and at any
// microsecond. TOCSIN_TARGET_SETUPS setup packets (10000) from TOCSIN_TARGET_SEED (1).
import { check, equal, finish, machine, number, test } from './check.mjs';
import { Source } from './lines.mjs';
import { logOf, NAME, plugged, readOut, recorder, status } from './recorder.mjs';
import { Host } from './usb.mjs';

const SETUPS = number('TOCSIN_TARGET_SETUPS', 10000);
const SEED = number('TOCSIN_TARGET_SEED', 1);
const DATA1 = 1 << 13;

const KNOWN = [
  [0x80, 6, 0, 1, 0, 0, 18, 0], [0x80, 6, 0, 2, 0, 0, 255, 0], [0x80, 6, 3, 3, 9, 4, 255, 0], [0x00, 5, 5, 0, 0, 0, 0, 0],
  [0x00, 9, 1, 0, 0, 0, 0, 0], [0x00, 9, 0, 0, 0, 0, 0, 0], [0xc0, 1, 0, 0, 0, 0, 255, 255], [0x02, 1, 0, 0, 1, 0, 0, 0],
  [0x02, 3, 0, 0, 1, 0, 0, 0], [0x01, 11, 0, 0, 0, 0, 0, 0], [0x82, 0, 0, 0, 1, 0, 2, 0], [0x80, 8, 0, 0, 0, 0, 1, 0],
  [0x02, 1, 0, 0, 0x82, 0, 0, 0], [0x02, 3, 0, 0, 0x82, 0, 0, 0], [0x01, 11, 0, 0, 1, 0, 0, 0],
];

// Known requests, most with one byte changed, some nothing but noise.
function hostileSetup(byte) {
  const setup = KNOWN[byte() % KNOWN.length].slice();
  const how = byte() % 8;
  if (how === 0) return setup.map(byte);
  if (how < 5) setup[byte() % 8] = byte();
  return setup;
}

// One transfer as a host should not do it: packets either way, with any pause between them, broken off anywhere.
function hostileTransfer(m, byte, dump) {
  const wire = m.usb;
  const setup = hostileSetup(byte);
  const asked = setup[0] & 0x80 ? setup[6] | (setup[7] << 8) : 0;
  let got = 0;
  wire.setup(wire.address, setup);
  for (let packets = byte() % 6; packets > 0; packets--) {
    m.run((byte() % 64) / 1000);
    switch (byte() % 8) {
      case 0: wire.out(wire.address, 0, Buffer.alloc(byte() % 65)); break;
      case 1: wire.out(wire.address, 0, Buffer.alloc(0)); break;
      case 2:
        wire.last[3] = wire.control[3] & DATA1 ? 0 : null; // whatever the host began anew
        wire.out(wire.address, 1, Buffer.alloc(byte() % 65, 0x0a));
        break;
      case 3:
        wire.last[4] = wire.control[4] & DATA1 ? 0 : null;
        check(wire.in(wire.address, 2).answer !== 'ack' || dump, 'an endpoint that is not there answers');
        break;
      default: {
        const { answer, data } = wire.in(wire.address, 0);
        if (answer === 'ack') got += data.length;
        check(got <= asked, `${got} bytes for ${asked} asked: ${setup}`);
      }
    }
  }
  if (byte() === 0) wire.busReset();
  if (byte() === 0) wire.suspend(byte() & 1);
}

// The host's end of the toggles is where the device's is after a reset.
function ordinary(m) {
  const host = new Host(m);
  host.reset();
  host.enumerate();
  return host;
}

test(`${SETUPS} hostile setup packets leave a device that enumerates, takes lines and keeps them`, () => {
  const m = machine(NAME, { seed: SEED });
  const byte = () => Math.floor(m.random() * 256);
  const source = new Source('web01', m.random);
  const lines = [];
  m.vbus(true);
  check(m.run(1000, () => m.usb.connected), 'it starts');
  plugged(m);
  for (let sent = 1; sent <= SETUPS; sent++) {
    hostileTransfer(m, byte, false);
    if (sent % 500 === 0 || sent === SETUPS) {
      const line = source.next({ severity: 'CRIT' });
      equal(ordinary(m).write(1, Buffer.from(`\n${line}\n`)), line.length + 2, 'taken');
      lines.push(line);
    }
  }
  m.run(1000);
  equal(logOf(m).records.filter((r) => r.text.startsWith('!')).map((r) => r.text).join('\n'), lines.join('\n'), 'log');
});

test('a logger that dumps is read out whole behind a hostile host, takes nothing and marks nothing', () => {
  const m = recorder({ seed: SEED, button: true });
  const byte = () => Math.floor(m.random() * 256);
  plugged(m);
  for (let sent = 0; sent < SETUPS / 5; sent++) hostileTransfer(m, byte, true);
  const host = ordinary(m);
  equal(host.write(1, Buffer.from('!1 '), 100), 0, 'taken');
  const { records, head } = readOut(m);
  check(records.length >= 1 && records.every((r) => r.text.startsWith('#')), 'its own notes');
  equal(head.harvested, 0, 'harvested');
  equal(status(host).rubbish, 0, 'rubbish');
});

// Lines that come whole to m, each with a bus reset some microseconds behind its last packet, and whether all are kept.
function keepsThroughResets(m) {
  const source = new Source('web01', m.random);
  const lines = [];
  for (let us = 0; us < 60; us += 3) {
    const host = plugged(m);
    const line = source.next({ severity: 'CRIT' });
    const bytes = Buffer.from(`${line}\n`);
    const last = bytes.length - (bytes.length % 64);
    equal(host.write(1, bytes.subarray(0, last)), last, 'taken');
    host.insist(100, () => {
      const answer = m.usb.out(host.address, 1, bytes.subarray(last));
      if (answer === 'ack') {
        m.run(us / 1000);
        m.usb.busReset();
      }
      return answer;
    });
    m.run(20);
    lines.push(line);
  }
  m.run(500);
  return logOf(m).records.filter((r) => r.text.startsWith('!')).map((r) => r.text).join() === lines.join();
}

// It is the host's last word on a packet that the device has it.
test('what was acknowledged when the bus was reset is kept', () => {
  check(keepsThroughResets(recorder()), 'all lines are in the log');
});

test('a port that forgets it is found out', () => {
  const m = machine(`${NAME}_usbd_reset`);
  m.vbus(true);
  check(m.run(1000, () => m.usb.connected), 'it starts');
  check(!keepsThroughResets(m), 'a line is missing');
});

test('a bus reset at any moment of SET_ADDRESS leaves the device at address 0', () => {
  const m = recorder();
  for (let us = 0; us < 60; us++) {
    const host = plugged(m);
    host.reset();
    equal(m.usb.setup(0, [0, 5, 9, 0, 0, 0, 0, 0]), 'ack', 'SETUP');
    m.run(1, () => m.usb.answers(0, 0) === 'ack');
    equal(m.usb.in(0, 0).answer, 'ack', 'status stage');
    m.run(us / 1000);
    m.usb.busReset();
    m.run(10);
    equal(m.usb.address, 0, `address, with the reset ${us} us behind the status stage`);
  }
});

test('the bus is suspended and resumed, and the host goes on', () => {
  const m = recorder();
  const host = plugged(m);
  const source = new Source('web01', m.random);
  m.usb.suspend(true);
  m.run(100);
  m.usb.suspend(false);
  m.run(1);
  equal(host.write(1, Buffer.from(`${source.next()}\n`)) > 64, true, 'taken');
  m.run(100);
  equal(status(host).lines, 1, 'lines');
});

finish();
