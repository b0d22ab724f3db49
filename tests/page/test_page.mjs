// The status page in a browser. TOCSIN_PAGE names another program than belfry-page, TOCSIN_PAGE_PICTURES a folder for pictures.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { Browser, until, wait } from './browser.mjs';
import { Fake, alarm, belfry, get, host, line, site } from './fake.mjs';

const axe = fs.readFileSync(path.join(process.env.TOCSIN_PAGE_TREE, 'node_modules/axe-core/axe.min.js'), 'utf8');
const only = process.argv[2];
let browser;

function check(condition, what) {
  if (!condition) throw new Error(`not true: ${what}`);
}

function equal(got, want, what) {
  if (got !== want) throw new Error(`${what}: ${JSON.stringify(got)}, not ${JSON.stringify(want)}`);
}

async function with_fake(answers, body) {
  const fake = await new Fake(answers).start();
  try {
    return await body(fake, `http://127.0.0.1:${fake.port}`);
  } finally {
    fake.stop();
  }
}

async function with_tab(options, body) {
  const tab = await browser.tab(options);
  try {
    return await body(tab);
  } finally {
    await tab.close();
  }
}

async function keep_picture(tab, name) {
  if (process.env.TOCSIN_PAGE_PICTURES) await tab.picture(path.join(process.env.TOCSIN_PAGE_PICTURES, `${name}.png`));
}

const live = (tab) => until('the page is live', () => tab.run("document.getElementById('live').textContent === ', live'"));

// ---- with belfry itself

// actor.c: a belfry that runs, and an agent that says what it is told to.
async function a_proved_alarm_appears_without_a_reload() {
  const actor = spawn(path.join(process.env.TOCSIN_BIN, 'page_actor'), [], { stdio: ['pipe', 'pipe', 'inherit'] });
  let heard = '';
  actor.stdout.on('data', (text) => { heard += text; });
  try {
    const port = await until('belfry runs', () => heard.match(/^port (\d+)$/m)?.[1]);
    await until('the page is served', () => get(port, '/').then((a) => a.body.includes('web03'), () => false));
    return await with_tab({}, async (tab) => {
      await tab.open(`http://127.0.0.1:${port}/`);
      await live(tab);
      check(await tab.run("document.body.textContent.includes('No alarm is open')"), 'no alarm is open before');
      await tab.run("document.querySelector('#lines a').focus(); window.mark = document.activeElement; "
        + "window.seen = 0; new MutationObserver(() => { if (!window.seen && document.getElementById('alarms')?.textContent.includes('disk.failing')) "
        + 'window.seen = Date.now(); }).observe(document.body, { subtree: true, childList: true, characterData: true });');
      const loads = tab.loads;
      actor.stdin.write('alarm\n');
      const said = await until('it is said', () => heard.match(/^said (\d+)$/m)?.[1]);
      const seen = await until('it is seen', () => tab.run('window.seen'));
      equal(tab.loads, loads, 'times the page was loaded');
      check(await tab.run('document.activeElement === window.mark && window.mark.isConnected'), 'the focus stayed where it was');
      check(await tab.run("document.title.includes('1 open alarm')"), 'the title says it');
      await keep_picture(tab, 'alarm');
      equal(tab.said.join('; '), '', 'what the browser complains of');
      return `${seen - said} ms from the wire to the screen`;
    });
  } finally {
    actor.stdin.end();
    await new Promise((done) => { actor.once('exit', done); });
  }
}

// ---- hostile text

// Through latin1 each character is one byte; what ends a field or a line on the link is left out, as belfry does.
const bytes = [...Array(256).keys()].filter((b) => ![0, 9, 10].includes(b)).map((b) => String.fromCharCode(b)).join('');
const hostile = ['<script>window.hit=1</script>', '<img src=x onerror=window.hit=2>', '"><svg onload=window.hit=3>', "' onmouseover='window.hit=4",
  '</title><b class=hit>', '\x1b[2J\x1b]0;hit\x07', '\xe2\x80\xae\xc2\x9b31m\xe2\x80\x8b', '&lt;b class=hit&gt;', 'javascript:window.hit=5', bytes.slice(0, 120),
  bytes.slice(120)];

async function hostile_text_is_inert() {
  const answers = {
    status: () => [belfry(), line('tty'), line('<b class=hit>'), line('x onclick=window.hit=6')],
    hosts: () => hostile.map((text) => host(text.slice(0, 15), 'tty')),
    alarms: () => hostile.map((text, i) => alarm(i + 1, 2, text.slice(0, 15), 'tty', text.slice(0, 31), text)),
    recent: () => hostile.map((text, i) => alarm(i + 1, 2, text.slice(0, 15), 'tty', text.slice(0, 31), text)),
    beats: () => ['beats\t<b class=hit>\tx\t1\t1'],
  };
  return with_fake(answers, (fake, base) => with_tab({}, async (tab) => {
    for (const url of ['/', '/alarms', '/l/tty', '/t/tty']) {
      await tab.open(base + url);
      if (url !== '/t/tty') {
        await live(tab);
        await wait(300); // the script has taken over a fresh page, too
        equal(await tab.run("document.querySelectorAll('script').length"), 1, 'scripts in the page');
        check(await tab.run("[...document.querySelectorAll('*')].every((e) => [...e.attributes].every((a) => !a.name.startsWith('on')))"), 'no handlers');
      }
      equal(await tab.run('String(window.hit)'), 'undefined', `what ran in ${url}`);
      equal(await tab.run("document.querySelectorAll('.hit, svg[onload], img[src=x]').length"), 0, `elements made of text in ${url}`);
      const { body } = await get(fake.port, url);
      check(/^[\x20-\x7e\n]*$/.test(body), `only printable ASCII in ${url}`);
    }
    await tab.open(`${base}/alarms`);
    const text = await tab.run("document.getElementById('alarms').textContent");
    check(text.includes('<script>window.hit=1</script>') && text.includes('%1B[2J%1B]0;hit%07') && text.includes('%E2%80%AE%C2%9B31m'), 'it is shown as text');
    const plain = (await get(fake.port, '/status.txt')).body + (await get(fake.port, '/metrics')).body;
    check(/^[\x20-\x7e\n]*$/.test(plain), 'only printable ASCII in plain text and metrics');
    equal(tab.said.join('; '), '', 'what the browser complains of');
    return `${hostile.length} texts`;
  }));
}

// ---- for everybody

async function axe_finds_nothing() {
  let rules = 0;
  await with_fake(site(60), async (fake, base) => {
    for (const scheme of ['light', 'dark']) {
      for (const url of ['/', '/alarms', '/l/rack1-01', '/?from=20']) {
        await with_tab({ scheme }, async (tab) => {
          await tab.open(base + url);
          await live(tab);
          await tab.run(axe);
          const found = JSON.parse(await tab.run("axe.run(document, { resultTypes: ['violations'] }).then((r) => JSON.stringify({ "
            + 'violations: r.violations.map((v) => [v.id, v.nodes.length, v.nodes[0].html, v.nodes[0].failureSummary]), passes: r.passes.length }))'));
          equal(JSON.stringify(found.violations), '[]', `violations in ${url}, ${scheme}`);
          rules += found.passes;
          await keep_picture(tab, `${scheme}${url.replace(/\W/g, '-')}`);
        });
      }
    }
  });
  return `${rules} rules passed on 8 pages`;
}

async function without_scripts_all_of_it_is_there() {
  return with_fake(site(8), (fake, base) => with_tab({ scripts: false }, async (tab) => {
    await tab.open(`${base}/`);
    const { root } = await tab.ask('DOM.getDocument', { depth: 0 });
    const { outerHTML } = await tab.ask('DOM.getOuterHTML', { nodeId: root.nodeId });
    check(outerHTML.includes('SILENT') && outerHTML.includes('LINE LOST') && (outerHTML.match(/<img /g) ?? []).length === 8, 'states and pictures');
    check(outerHTML.includes('href="?refresh=10"'), 'a way to have it renewed');
    check(!outerHTML.includes(', live'), 'nothing ran');
    const loads = tab.loads;
    await tab.open(`${base}/?refresh=2`);
    await until('it is loaded anew by itself', () => tab.loads >= loads + 3);
    await keep_picture(tab, 'no-scripts');
  }));
}

async function it_can_be_used_by_keyboard_and_on_a_narrow_screen() {
  return with_fake(site(8), async (fake, base) => {
    await with_tab({}, async (tab) => {
      await tab.open(`${base}/`);
      await tab.press('Tab');
      equal(await tab.run('document.activeElement.className'), 'skip', 'what Tab reaches first');
      await tab.press('Enter');
      equal(await until('the content has the focus', () => tab.run("document.activeElement.id || ''")), 'main', 'what it leads to');
      for (let i = 0; i < 4 && await tab.run("!document.activeElement.matches('#lines a')"); i++) await tab.press('Tab');
      equal(await tab.run('document.activeElement.textContent'), 'rack1-01', 'the worst line is the first one');
      await tab.press('Enter');
      await until('its page is open', () => tab.run("location.pathname === '/l/rack1-01' && document.querySelector('svg[role=img] title')?.textContent"));
    });
    await with_tab({ width: 360, height: 740 }, async (tab) => {
      await tab.open(`${base}/`);
      check(await tab.run('document.documentElement.scrollWidth <= 360'), 'nothing but the tables scrolls sideways');
      await keep_picture(tab, 'narrow');
    });
  });
}

async function five_hundred_lines_are_60_kb_and_one_page() {
  return with_fake(site(500), async (fake, base) => {
    const { body } = await get(fake.port, '/');
    check(body.length <= 61440, `${body.length} bytes are at most 61440`);
    return with_tab({ height: 1300 }, async (tab) => {
      await tab.open(`${base}/`);
      await live(tab);
      equal(await tab.run("document.querySelectorAll('#lines tbody tr').length"), 500, 'rows');
      const texts = await tab.run("[...document.querySelectorAll('#lines tbody tr')].slice(0, 6).map((r) => r.cells[1].textContent).join('|')");
      check(/^SILENT.*\|LINE LOST.*ERRO.*WARN.*stopped|^SILENT.*\|LINE LOST.*ERRO.*stopped.*WARN/.test(texts), `the worst first: ${texts}`);
      await keep_picture(tab, 'many');
      return `${body.length} bytes`;
    });
  });
}

// ---- who asks

async function only_reading_is_answered_and_only_under_a_name_that_cannot_lead_elsewhere() {
  await with_fake(site(8), async (fake) => {
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE']) {
      const a = await get(fake.port, '/', { method, body: method === 'POST' ? 'a=b' : undefined });
      equal(a.status, 405, method);
      equal(a.headers.allow, 'GET, HEAD', 'what is allowed');
    }
    equal((await get(fake.port, '/', { method: 'HEAD' })).status, 200, 'HEAD');
    for (const name of ['evil.example', 'localhost.evil.example', `evil.example:${fake.port}`]) {
      equal((await get(fake.port, '/', { headers: { host: name } })).status, 421, name);
    }
    equal((await get(fake.port, '/', { headers: { host: 'localhost' } })).status, 200, 'localhost');
    for (const url of ['/x', '/l/', '/l/nobody', '/l/../etc/passwd', '/t/%00', `/${'x'.repeat(5000)}`]) equal((await get(fake.port, url)).status, 404, url.slice(0, 40));
    const big = await get(fake.port, '/', { headers: { x: 'y'.repeat(40000) } }).then((a) => a.status, () => 431);
    check(big >= 400 && big < 500, `headers of 40 kB: ${big}`);
    const policy = (await get(fake.port, '/')).headers['content-security-policy'];
    check(policy.startsWith("default-src 'none'") && !policy.includes('unsafe'), policy);
  });
}

// Root becomes nobody; whoever else runs the test stays who he is.
async function the_process_has_nothing_to_lose() {
  await with_fake(site(8), async (fake) => {
    const proc = `/proc/${fake.child.pid}`;
    const status = fs.readFileSync(`${proc}/status`, 'latin1');
    const is = (name) => status.match(new RegExp(`^${name}:\\s*(.*)$`, 'm'))[1];
    equal(is('Seccomp'), '2', 'system calls are filtered');
    equal(is('NoNewPrivs'), '1', 'no new privileges');
    equal(is('CapEff'), '0000000000000000', 'capabilities');
    equal(is('Uid').split(/\s+/)[0], process.getuid() === 0 ? '65534' : `${process.getuid()}`, 'user');
    if (process.getuid() === 0) {
      const files = fs.readdirSync(`${proc}/fd`).map((n) => [Number(n), fs.readlinkSync(`${proc}/fd/${n}`)]).filter(([n]) => n !== 2);
      check(files.every(([, to]) => to === '/dev/null' || to.startsWith('socket:') || to === 'anon_inode:[eventpoll]' || to === 'anon_inode:[eventfd]'), `open: ${files}`);
    }
  });
}

async function a_slow_reader_and_many_streams_slow_nobody() {
  await with_fake(site(500), async (fake) => {
    const sockets = [...Array(20)].map(() => {
      const s = net.connect(fake.port, '127.0.0.1');
      s.on('error', () => {});
      s.pause();
      for (let i = 0; i < 20; i++) s.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
      return s;
    });
    const streams = [];
    for (let i = 0; i < 33; i++) {
      streams.push(await new Promise((done, fail) => {
        http.get({ host: '127.0.0.1', port: fake.port, path: '/events', agent: false }, (answer) => { answer.on('error', () => {}); done(answer); }).on('error', fail);
      }));
    }
    equal(streams.filter((s) => s.statusCode === 200).length, 32, 'streams');
    equal(streams[32].statusCode, 503, 'the 33rd');
    let heard = '';
    streams[0].on('data', (text) => { heard += text; });
    fake.changed();
    await until('a stream hears of news', () => heard.includes('event: news'));
    equal((await get(fake.port, '/')).status, 200, 'the page meanwhile');
    sockets.forEach((s) => s.destroy());
    streams.forEach((s) => s.destroy());
    await until('their places are free', () => get(fake.port, '/metrics').then((a) => a.body.includes('belfry_page_streams 0\n')));
  });
}

// ----

const tests = [a_proved_alarm_appears_without_a_reload, hostile_text_is_inert, axe_finds_nothing, without_scripts_all_of_it_is_there,
  it_can_be_used_by_keyboard_and_on_a_narrow_screen, five_hundred_lines_are_60_kb_and_one_page,
  only_reading_is_answered_and_only_under_a_name_that_cannot_lead_elsewhere, the_process_has_nothing_to_lose,
  a_slow_reader_and_many_streams_slow_nobody];
let failed = 0;

browser = new Browser(process.env.TOCSIN_CHROMIUM, process.env.TOCSIN_CHROMIUM_LIBRARIES);
for (const test of tests.filter((t) => !only || t.name === only)) {
  const name = test.name.replaceAll('_', ' ');
  try {
    const said = await test();
    console.log(`ok   ${name}${said ? `: ${said}` : ''}`);
  } catch (e) {
    failed++;
    console.log(`FAIL ${name}: ${e.stack}`);
  }
}
await browser.close();
console.log(failed === 0 ? 'all passed' : `${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
