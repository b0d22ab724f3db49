// All three inputs at once, as fast as they go, for TOCSIN_TARGET_STREAM_S (2) seconds of the board's time; and what a line
// costs. The console's own line cannot carry two lines' worth: what is kept is judged by the flash.
import { check, equal, finish, number, test } from './check.mjs';
import { Source } from './lines.mjs';
import { CONSOLE, LOG, plugged, recorder, SERVER, status } from './recorder.mjs';

const SECONDS = number('TOCSIN_TARGET_STREAM_S', 2);
const ERASE_MS = number('TOCSIN_TARGET_ERASE_MS', 45);
const [SECTOR, SLOTS_AT, SLOT, TEXT_AT] = [4096, 208, 144, 12]; // firmware/store/SPEC.md, section 3

// Strikes off the lines that got into flash, slot by slot as they are written.
class Ledger {
  constructor(m) {
    this.waiting = new Set();
    this.last = null;
    m.chip.onBegin = (op) => {
      this.look(m.chip.mem);
      const inSector = (op.at - LOG) % SECTOR - SLOTS_AT;
      if (op.kind === 'program' && inSector >= 0) this.last = op.at - inSector % SLOT;
    };
  }

  look(mem) {
    if (this.last === null) return;
    const length = mem[this.last + TEXT_AT - 1];
    this.waiting.delete(Buffer.from(mem.subarray(this.last + TEXT_AT, this.last + TEXT_AT + length)).toString('latin1'));
  }
}

test(`${SECONDS} s of both lines at 115200 baud and USB as fast as it is taken lose nothing`, () => {
  const m = recorder({ flash: { erase: ERASE_MS * 1e6 } });
  const host = plugged(m);
  const ledger = new Ledger(m);
  const sources = [0, 1, 2].map((i) => new Source(`host${i}`, m.random));
  const sent = [0, 0, 0];
  const line = (i) => {
    const text = sources[i].next({ severity: sent[i] % 50 ? 'NOTE' : 'CRIT' });
    ledger.waiting.add(text);
    sent[i]++;
    return `${text}\n`;
  };
  const end = m.ms + SECONDS * 1000;
  let usb = Buffer.alloc(0);
  while (m.ms < end) {
    for (const uart of [CONSOLE, SERVER]) while (m.uart[uart].wire.length - m.uart[uart].wireAt < 300) m.uart[uart].feed(line(uart));
    if (!usb.length) usb = Buffer.from(line(2) + line(2) + line(2));
    if (m.usb.out(host.address, 1, usb.subarray(0, 64)) === 'ack') usb = usb.subarray(64);
    m.run(0.05);
  }
  host.write(1, usb);
  m.run(3000);
  ledger.look(m.chip.mem);
  equal(m.uart[SERVER].overruns + m.uart[CONSOLE].overruns, 0, 'overruns of the queues');
  const page = status(host);
  equal(page.overruns, 0, 'overruns counted');
  equal(page.lines, sent.reduce((a, b) => a + b), 'lines counted');
  equal(ledger.waiting.size, 0, `lines not in flash, the first ${[...ledger.waiting][0]}`);
  return `${sent[SERVER]} + ${sent[CONSOLE]} lines by the serial lines, ${sent[2]} by USB`;
});

test('what a line costs', () => {
  const m = recorder();
  const source = new Source('web01', m.random);
  const count = 100;
  const idle = (ms) => {
    const before = m.cycles;
    m.run(ms);
    return m.cycles - before;
  };
  idle(1000);
  const asleep = idle(3000);
  m.uart[SERVER].feed(Array.from({ length: count }, () => `${source.next()}\n`).join(''));
  const cycles = Math.round((idle(3000) - asleep) / count);
  check(cycles < 300000, `${cycles} cycles`);
  return `${cycles} cycles a line of 131 characters by a serial line, written to flash and sent on: ${(48e6 / cycles).toFixed(0)} a second at most`;
});

finish();
