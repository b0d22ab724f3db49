// Chromium without a window, driven over its own pipe (--remote-debugging-pipe): messages are JSON, each ended by a NUL.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const HANGS_MS = 60000;

export const wait = (ms) => new Promise((done) => { setTimeout(done, ms); });

// What is true within a minute, or an error that says what was not.
export async function until(what, test) {
  const end = Date.now() + HANGS_MS;
  for (;;) {
    const value = await test();
    if (value) return value;
    if (Date.now() > end) throw new Error(`not in a minute: ${what}`);
    await wait(20);
  }
}

export class Browser {
  constructor(program, libraries) {
    this.profile = fs.mkdtempSync(path.join(os.tmpdir(), 'belfry-page-'));
    this.child = spawn(program, ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--remote-debugging-pipe', `--user-data-dir=${this.profile}`,
      'about:blank'], { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'], env: { ...process.env, LD_LIBRARY_PATH: libraries } });
    this.next = 1;
    this.asked = new Map();
    this.tabs = new Map();
    this.rest = '';
    this.child.stdio[4].setEncoding('utf8');
    this.child.stdio[4].on('data', (text) => this.hear(text));
    this.child.stdio[3].on('error', () => {});
    this.child.on('exit', () => {
      for (const { fail } of this.asked.values()) fail(new Error('the browser has ended'));
      this.asked.clear();
      this.ended = true;
    });
  }

  hear(text) {
    const pieces = (this.rest + text).split('\0');
    this.rest = pieces.pop();
    for (const piece of pieces) {
      const m = JSON.parse(piece);
      const asked = this.asked.get(m.id);
      if (asked) {
        this.asked.delete(m.id);
        if (m.error) asked.fail(new Error(`${asked.method}: ${m.error.message}`));
        else asked.done(m.result);
      } else if (m.sessionId) {
        this.tabs.get(m.sessionId)?.event(m.method, m.params);
      }
    }
  }

  ask(method, params = {}, sessionId = undefined) {
    const id = this.next++;
    return new Promise((done, fail) => {
      const limit = setTimeout(() => fail(new Error(`${method}: no answer in a minute`)), HANGS_MS);
      this.asked.set(id, {
        method,
        done: (v) => { clearTimeout(limit); done(v); },
        fail: (e) => { clearTimeout(limit); fail(e); },
      });
      this.child.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  }

  async tab(options = {}) {
    const { targetId } = await this.ask('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await this.ask('Target.attachToTarget', { targetId, flatten: true });
    const tab = new Tab(this, targetId, sessionId);
    this.tabs.set(sessionId, tab);
    await tab.ask('Page.enable');
    await tab.ask('Runtime.enable');
    await tab.ask('Log.enable');
    await tab.ask('Emulation.setDeviceMetricsOverride', { width: options.width ?? 1280, height: options.height ?? 900, deviceScaleFactor: 1, mobile: false });
    await tab.ask('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: options.scheme ?? 'light' }] });
    if (options.scripts === false) await tab.ask('Emulation.setScriptExecutionDisabled', { value: true });
    return tab;
  }

  async close() {
    if (!this.ended) {
      const gone = new Promise((done) => { this.child.once('exit', done); });
      await Promise.race([this.ask('Browser.close').catch(() => {}), wait(5000)]);
      await Promise.race([gone, wait(5000)]);
      if (!this.ended) this.child.kill('SIGKILL');
    }
    fs.rmSync(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

class Tab {
  constructor(browser, target, session) {
    Object.assign(this, { browser, target, session, said: [], loads: 0 });
  }

  event(method, params) {
    if (method === 'Page.loadEventFired') this.loads++;
    if (method === 'Page.javascriptDialogOpening') this.said.push(`dialog: ${params.message}`);
    if (method === 'Runtime.exceptionThrown') this.said.push(`exception: ${params.exceptionDetails.text}`);
    if (method === 'Runtime.consoleAPICalled') this.said.push(`console: ${params.args.map((a) => a.value).join(' ')}`);
    if (method === 'Log.entryAdded') this.said.push(`log: ${params.entry.text}`);
  }

  ask(method, params) { return this.browser.ask(method, params, this.session); }

  async open(url) {
    const loads = this.loads;
    const { errorText } = await this.ask('Page.navigate', { url });
    if (errorText) throw new Error(`${url}: ${errorText}`);
    await until(`${url} is loaded`, () => this.loads > loads);
  }

  async run(text) {
    const { result, exceptionDetails } = await this.ask('Runtime.evaluate', { expression: text, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(`${exceptionDetails.text} ${exceptionDetails.exception?.description}`);
    return result.value;
  }

  async press(key) {
    await this.ask('Input.dispatchKeyEvent', { type: 'keyDown', key, code: key, windowsVirtualKeyCode: key === 'Tab' ? 9 : 13, text: key === 'Enter' ? '\r' : undefined });
    await this.ask('Input.dispatchKeyEvent', { type: 'keyUp', key, code: key, windowsVirtualKeyCode: key === 'Tab' ? 9 : 13 });
  }

  async picture(file) {
    const { data } = await this.ask('Page.captureScreenshot', {});
    fs.writeFileSync(file, Buffer.from(data, 'base64'));
  }

  async close() { await this.browser.ask('Target.closeTarget', { targetId: this.target }); }
}
