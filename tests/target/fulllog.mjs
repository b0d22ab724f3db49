// A log without a free slot, as firmware/store/SPEC.md, section 3 has it: the reserve full of kept records, the ring gone
// round several times.
import { crc32, Source } from './lines.mjs';
import { LOG } from './recorder.mjs';

const SECTOR = 4096;
const SLOTS = 27;
const LAPS = 5; // of the ring

function head(region, sequence, first) {
  const bytes = Buffer.alloc(40);
  bytes.write('TS');
  bytes[2] = 1;
  bytes[3] = region;
  [sequence, LAPS, first, 0, 0, 0, 0, 3].forEach((value, i) => bytes.writeUInt32LE(value, 4 + 4 * i));
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 36)), 36);
  return bytes;
}

function slot(number, region, text) {
  const bytes = Buffer.alloc(12 + text.length);
  bytes.writeUInt32LE(number, 4);
  bytes.writeUInt16LE(3, 8);
  bytes[10] = region === 0 ? 1 : 0;
  bytes[11] = text.length;
  bytes.write(text, 12, 'latin1');
  bytes.writeUInt32LE(crc32(bytes.subarray(4)), 0);
  return bytes;
}

// Returns the number of the last record, and the ring's last lines.
export function fill(mem, random) {
  const sectors = Math.floor((mem.length - LOG) / SECTOR / 2);
  const source = new Source('web01', random);
  const map = Buffer.alloc(36);
  const newest = [];
  map.writeUInt32LE(crc32(map.subarray(0, 32)), 32);
  mem.fill(0xff, LOG);
  for (const region of [0, 1]) {
    for (let sector = 0; sector < sectors; sector++) {
      const at = LOG + (region * sectors + sector) * SECTOR;
      const number = (i) => 1 + region + 2 * (sector * SLOTS + i);
      for (const copy of [0, 1]) {
        mem.set(head(region, 1 + sector + (region ? (LAPS - 1) * sectors : 0), number(0)), at + 40 * copy);
        mem.set(map, at + 80 + 36 * copy);
      }
      for (let i = 0; i < SLOTS; i++) {
        const text = source.next({ severity: region ? 'NOTE' : 'CRIT' });
        mem.set(slot(number(i), region, text), at + 208 + 144 * i);
        if (region === 1 && sector === sectors - 1) newest.push(text);
      }
    }
  }
  return { last: 2 * sectors * SLOTS, newest };
}
