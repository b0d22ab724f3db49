// The release image, and what one may do with it: feed lines, read its counters, read it out as a person would.
import { execFileSync } from 'node:child_process';
import { check, equal, image, machine } from './check.mjs';
import { crc32 } from './lines.mjs';
import { Machine } from './machine.mjs';
import { Host } from './usb.mjs';

export const SERVER = 1;
export const CONSOLE = 0;
export const NAME = 'tocsin-logger';
const DUMP = 2;
export const LOG = 0x10000; // where the log begins (boards/rpi-pico/board.c)

// A recorder with the host's power on, until it shows its pull-up.
export function recorder(options, name = NAME) {
  const m = machine(name, options);
  m.vbus(true);
  check(m.run(1000, () => m.usb.connected), 'it starts');
  return m;
}

export function plugged(m) {
  const host = new Host(m);
  host.attach();
  host.enumerate();
  return host;
}

// The status page (firmware/usb/SPEC.md, section 4).
export function status(host) {
  const page = host.control([0xc0, 1, 0, 0, 0, 0, 80, 0]);
  equal(page.length, 80, 'size of the status page');
  equal(page.readUInt16LE(0), 80 << 8 | 1, 'version and size');
  const at = (offset) => page.readUInt32LE(offset);
  return {
    flags: page.readUInt16LE(2), cause: page[4], boots: at(8), committed: at(16), harvested: at(20), kept: at(24),
    ring: at(28), refused: at(36), torn: at(40), lines: at(64), rubbish: at(68), overruns: at(72),
  };
}

// Frames of a dump (firmware/dump/SPEC.md), which has to be whole.
export function parseDump(bytes) {
  const records = [];
  let end = null;
  let head = null;
  for (let at = 0; at < bytes.length;) {
    const size = bytes.readUInt16LE(at + 2);
    const body = bytes.subarray(at + 4, at + 4 + size);
    equal(bytes.readUInt32LE(at + 4 + size), crc32(bytes.subarray(at, at + 4 + size)), `check of the frame at ${at}`);
    if (bytes[at] === 0xf1) head = { committed: body.readUInt32LE(16), harvested: body.readUInt32LE(20) };
    else if (bytes[at] === 0xf2) records.push({ number: body.readUInt32LE(0), kept: bytes[at + 1] === 0, text: body.subarray(8).toString('latin1') });
    else end = { records: body.readUInt32LE(0), spoilt: body.readUInt32LE(4), last: body.readUInt32LE(8) };
    at += 4 + size + 4;
  }
  check(head && end, 'a dump with a head and an end');
  equal(end.records, records.length, 'records by the end\'s count');
  return { head, records, end };
}

// Hold the button, power up, plug in, read to the end: a frame of 20 bytes that begins with F3.
export function readOut(m) {
  const host = plugged(m);
  let bytes = Buffer.alloc(0);
  let at = 0;
  for (;;) {
    const packet = host.in(DUMP, 2000);
    bytes = Buffer.concat([bytes, packet]);
    while (bytes.length >= at + 4 && bytes.length >= at + 8 + bytes.readUInt16LE(at + 2)) {
      if (bytes[at] === 0xf3) return { ...parseDump(bytes), host };
      at += 8 + bytes.readUInt16LE(at + 2);
    }
  }
}

// The log of m as another device would read it out, now: m itself is not touched.
export function logOf(m) {
  const reader = new Machine(image(NAME), { button: true, seed: 99 });
  reader.chip.mem.set(m.chip.mem.subarray(LOG), LOG); // its image may be another
  const { records, end } = readOut(reader);
  const violations = reader.finish();
  equal(violations.length, 0, `violations while reading out (${violations[0]})`);
  return { records, end };
}

// Addresses in the images, for those who look over their shoulder.
const symbols = new Map();
function symbol(m, name) {
  if (!symbols.has(m.name)) {
    const out = execFileSync('arm-none-eabi-nm', [image(m.name).replace(/bin$/, 'elf')], { encoding: 'utf8' });
    symbols.set(m.name, new Map([...out.matchAll(/^([0-9a-f]+) \w (\S+)$/gm)].map(([, at, title]) => [title, parseInt(at, 16)])));
  }
  check(symbols.get(m.name).has(name), `${name} is in the image`);
  return symbols.get(m.name).get(name);
}

// The number of the last record that no loss of power can take any more, as the image believes.
export const committed = (m) => m.call(symbol(m, 'store_committed'));

// The number it gave last, committed or not, once it has committed a record since it started.
export const numbered = (m) => committed(m) + m.call(symbol(m, 'store_waiting'));
