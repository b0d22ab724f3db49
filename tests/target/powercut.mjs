// A recorder whose power goes again and again, and what has to hold after each time.
import { check, equal } from './check.mjs';
import { isNote, Source } from './lines.mjs';
import { committed, CONSOLE, logOf, numbered, recorder, SERVER } from './recorder.mjs';

const SEVERITIES = ['CRIT', 'NOTE', 'ERRO', 'INFO'];

export class Round {
  constructor(seed, name) {
    this.m = recorder({ seed, flash: { program: 0.3e6 + 2.7e6 * (seed % 3) / 2, erase: 45e6 + 300e6 * (seed % 2) } }, name);
    this.sources = [new Source('web01', this.m.random), new Source('db02', this.m.random)];
    this.sent = new Set();
    this.known = new Map();
    this.excused = new Set(); // numbers given and not yet committed when the power went
  }

  feed() {
    const lines = Math.floor(this.m.random() * 12);
    for (let i = 0; i < lines; i++) {
      const which = this.m.random() < 0.5 ? SERVER : CONSOLE;
      const severity = SEVERITIES[Math.floor(this.m.random() * SEVERITIES.length)];
      const line = this.sources[which].next({ severity, detail: Math.floor(this.m.random() * 60) });
      this.sent.add(line);
      this.m.uart[which].feed(`${line}\n`);
    }
  }

  // Returns what the flash was doing, or null.
  cut() {
    const { m } = this;
    this.feed();
    if (m.random() < 0.3) m.run(m.random() * 150);
    else {
      const operation = m.chip.operations + 1 + Math.floor(m.random() * 12);
      m.run(300, () => m.chip.operations >= operation && m.chip.busy);
      m.run(m.chip.busy ? m.random() * (m.chip.op.until - m.clock.nanos) / 1e6 : 0);
    }
    const kept = committed(m);
    for (let n = kept + 1; n <= numbered(m); n++) this.excused.add(n);
    const kind = m.powerCycle();
    this.judge(kept);
    return kind;
  }

  judge(kept) {
    const { m } = this;
    const log = new Map(logOf(m).records.map((r) => [r.number, r.text]));
    for (let n = 1; n <= kept; n++) check(log.has(n) || this.excused.has(n), `record ${n} of ${kept} committed ones is there`);
    for (const [n, text] of this.known) if (n <= kept) equal(log.get(n), text, `record ${n}`);
    for (const [n, text] of log) {
      check(this.sent.has(text) || isNote(text), `record ${n} was sent: ${JSON.stringify(text)}`);
      if (n <= kept) this.known.set(n, text);
    }
    check(m.run(1500, () => m.usb.connected), 'it starts');
    check(m.run(1500, () => committed(m) > kept), `the log takes more than its ${kept} records`);
  }
}
