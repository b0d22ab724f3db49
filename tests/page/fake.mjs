// belfry-page with a belfry that answers what a test wants: its link is a socket pair, as belfry's own.
import { spawn } from 'node:child_process';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { until } from './browser.mjs';

export const now = () => Date.now();

export async function freePort() {
  const server = net.createServer();
  await new Promise((done) => { server.listen(0, '127.0.0.1', done); });
  const { port } = server.address();
  await new Promise((done) => { server.close(done); });
  return port;
}

// Of an answer to a GET: status, headers, body.
export function get(port, url, options = {}) {
  return new Promise((done, fail) => {
    const r = http.request({ host: '127.0.0.1', port, path: url, agent: false, ...options }, (answer) => {
      const pieces = [];
      answer.on('data', (p) => pieces.push(p));
      answer.on('end', () => done({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(pieces).toString('latin1') }));
    });
    r.on('error', fail);
    r.end(options.body);
  });
}

export class Fake {
  // answers: { status, hosts, alarms, recent, beats }, each a function that gives lines.
  constructor(answers) {
    this.answers = answers;
  }

  async start() {
    this.port = await freePort();
    this.child = spawn(path.join(process.env.TOCSIN_BIN, process.env.TOCSIN_PAGE ?? 'belfry-page'), ['127.0.0.1', `${this.port}`],
      { stdio: ['ignore', 'ignore', 'inherit', 'pipe'] });
    this.link = this.child.stdio[3];
    this.link.on('error', () => {});
    let rest = '';
    this.link.on('data', (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop();
      for (const line of lines) {
        const lead = (this.answers[line.split(' ')[0]] ?? (() => []))();
        this.link.write(Buffer.from(`${[...lead, 'end'].join('\n')}\n`, 'latin1'));
      }
    });
    await until('the page is served', () => get(this.port, '/status.txt').then((a) => a.body.includes('LEVEL') && !a.body.includes('1970'), () => false));
    return this;
  }

  changed() { this.link.write('changed\n'); }

  stop() {
    this.link.destroy();
    this.child.kill('SIGKILL');
  }
}

export const belfry = () => `belfry\t0.1.0\t4711\t${now() - 86400000}\t0\t0\t0\t${now()}`;

export const line = (name, up = 'up', bytes = 1000) => `line\t${name}\tserial\t${up}\t${up === 'up' ? 0 : 19}\t${bytes}\t${now() - 1000}\t0\t0`;

export const host = (name, on, state = 'alive') =>
  `host\t${name}\t${on}\t${state}\t${now() - (state === 'silent' ? 400000 : 4000)}\t35000\t100\t0\t0\t0\t0\t0\tdown\t${on}`;

export const alarm = (id, severity, name, on, code, detail, state = 'open') =>
  `alarm\t${id}\t${state}\t${severity}\t${name}\t${code}\t${on}\tOK\t1-K3QF.${id}\t${detail}\t${now() - 240000}\t${state === 'open' ? 0 : now()}\t0\t\t1`;

// A site of so many lines, of which a few are in trouble.
export function site(lines) {
  const name = (i) => `rack${Math.floor(i / 48) + 1}-${String(i % 48).padStart(2, '0')}`;
  const all = [...Array(lines).keys()];
  const state = (i) => (i === 1 ? 'silent' : i === 2 ? 'stopped' : 'alive');
  const alarms = () => [alarm(9, 2, 'web001', name(1), 'belfry.silent', 'host=web001 s=400'),
    alarm(8, 3, 'web003', name(3), 'disk.failing', 'dev=sda%201 pending=24'), alarm(7, 4, 'web004', name(4), 'belfry.gap', 'first=120 last=122')];
  return {
    status: () => [belfry(), 'notifier\tpager\texec\tup\t0\t12\t0\t1790000000000\t', 'notifier\tcentral\tsyslog\twaits\t3\t9\t0\t0\tconnection refused',
      ...all.map((i) => line(name(i), i === 5 ? 'lost' : 'up', i * 1000))],
    hosts: () => all.filter((i) => i % 9 !== 8).map((i) => host(`web${String(i).padStart(3, '0')}`, name(i), state(i))),
    alarms,
    recent: () => [...alarms(), alarm(6, 4, 'web000', name(0), 'login.failed', 'user=mallory', 'closed')],
    beats: () => all.slice(0, 50).flatMap((i) => [...Array(300).keys()].map((k) => `beats\t${name(i)}\tweb\t${Math.floor(now() / 60000) - k}\t6`)),
  };
}
