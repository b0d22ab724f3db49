// The rig sees what it should: images with a planted bug, and boards that nobody should have.
import { check, equal, finish, forget, image, test } from './check.mjs';
import fs from 'node:fs';
import { Machine } from './machine.mjs';
import { Round } from './powercut.mjs';
import { Host } from './usb.mjs';

function violations(m, pattern) {
  check(m.violations.some((v) => pattern.test(v)), `a violation like ${pattern}: ${JSON.stringify(m.violations.slice(0, 3))}`);
}

test('a program without write enable is seen, by the rig and by the image', () => {
  const m = new Machine(image('probe_flash_enable'));
  m.run(100);
  m.uartOut[0] = [];
  m.uart[0].feed('f');
  m.run(300);
  violations(m, /without write enable/);
  equal(m.text(0), 'flash BAD\n', 'answer');
});

test('a boot2 with one bit turned over is not run', () => {
  const bytes = fs.readFileSync(image('probe'));
  bytes[17] ^= 4;
  const m = new Machine(bytes);
  m.run(700);
  violations(m, /no sound boot2/);
  equal(m.text(0), '', 'nothing ran');
});

test('an erase that outlasts the boot ROM is seen', () => {
  const m = new Machine(image('probe'), { flash: { erase: 2e9 } });
  m.run(100);
  m.uart[0].feed('f');
  m.run(50, () => m.chip.busy);
  m.pinReset();
  m.run(1000);
  violations(m, /no sound boot2/);
});

test('a record that is called committed too early is found by power cuts', () => {
  let cuts = 0;
  try {
    for (const round = new Round(3, 'tocsin-logger_store_early'); cuts < 60; cuts++) round.cut();
  } catch (e) {
    check(/record \d+ of \d+ committed/.test(e.message), `a committed record is missing, not: ${e.message}`);
    return `after ${cuts + 1} cuts`;
  } finally {
    forget();
  }
  throw new Error(`not within ${cuts} cuts`);
});

test('a toggle that stands still is seen', () => {
  const m = new Machine(image('tocsin-logger_usbd_toggle'));
  m.run(150);
  const host = new Host(m);
  host.attach();
  host.enumerate();
  host.write(1, Buffer.alloc(200));
  violations(m, /DATA[01] where DATA[01] is due/);
});

finish();
