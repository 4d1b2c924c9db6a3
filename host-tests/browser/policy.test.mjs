// Nothing goes out: the page asks for nothing (each test checks that when it ends), and could not if it wanted to.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { opened } from './support.mjs';

/** Each way out that a script has, but for leaving the page. */
const WAYS = {
  fetch: async url => fetch(url),
  XMLHttpRequest: url =>
    new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.onload = resolve;
      request.onerror = reject;
      request.open('GET', url);
      request.send();
    }),
  WebSocket: url =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(url.replace('http', 'ws'));
      socket.onopen = resolve;
      socket.onerror = reject;
    }),
  EventSource: url =>
    new Promise((resolve, reject) => {
      const source = new EventSource(url);
      source.onopen = resolve;
      source.onerror = reject;
    }),
  beacon: async url => navigator.sendBeacon(url, 'key'),
  import: url => import(url),
  worker: url =>
    new Promise((resolve, reject) => {
      const code = `fetch('${url}').then(() => postMessage('out'), () => postMessage('in'))`;
      const worker = new Worker(URL.createObjectURL(new Blob([code])));
      worker.onmessage = ({ data }) => (data === 'out' ? resolve : reject)();
    }),
  scripts: url =>
    new Promise((resolve, reject) => {
      const code = `try { importScripts('${url}'); postMessage('out') } catch { postMessage('in') }`;
      const worker = new Worker(URL.createObjectURL(new Blob([code])));
      worker.onmessage = ({ data }) => (data === 'out' ? resolve : reject)();
    }),
};

/** Each element that fetches something. */
const ELEMENTS = {
  img: 'src',
  script: 'src',
  iframe: 'src',
  embed: 'src',
  object: 'data',
  audio: 'src',
  video: 'poster',
  track: 'src',
  stylesheet: 'href',
  icon: 'href',
  prefetch: 'href',
  preload: 'href',
  modulepreload: 'href',
  manifest: 'href',
};

function insert([name, attribute, url]) {
  const isLink = attribute === 'href';
  const element = document.createElement(isLink ? 'link' : name);
  if (isLink) element.rel = name;
  element[attribute] = url;
  document.body.append(element);
}

test('the policy holds', async t => {
  // Chromium opens a connection for a frame or a form before it looks at the policy, and sends nothing through it.
  let requests = 0;
  const server = createServer(socket => {
    socket.on('error', () => {});
    socket.once('data', () => {
      requests += 1;
    });
    socket.once('data', () =>
      socket.end('HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 0\r\n\r\n'),
    );
  });
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const url = `http://127.0.0.1:${server.address().port}/`;

  const page = await opened(t);
  page.removeAllListeners('console'); // which is told of each refusal
  page.removeAllListeners('request');
  for (const [name, way] of Object.entries(WAYS)) {
    const result = await page.evaluate(
      `(${way})('${url}${name}').then(value => value === false ? 'in' : 'out', () => 'in')`,
    );
    if (name !== 'beacon') assert.equal(result, 'in', name);
  }
  for (const [name, attribute] of Object.entries(ELEMENTS)) await page.evaluate(insert, [name, attribute, url + name]);
  await page.evaluate(url => {
    const form = document.createElement('form');
    form.action = url;
    document.body.append(form);
    form.submit();
    for (const name of ['onclick', 'onfocus']) document.body.setAttribute(name, `fetch('${url}')`);
    document.body.click();
    document.body.insertAdjacentHTML(
      'beforeend',
      `<img src=x onerror="fetch('${url}')"><style>body { background: url(${url}) }</style>`,
    );
  }, url);
  await page.waitForTimeout(1000);
  assert.match(page.url(), /^file:/);
  assert.equal(requests, 0);

  // And the trap is one: from a page without such a policy all of that gets there.
  const other = await page.context().newPage();
  await other.evaluate(url => fetch(url), url);
  await other.evaluate(insert, ['img', 'src', `${url}img`]);
  await other.waitForTimeout(500);
  assert.ok(requests >= 2, `${requests}`);
});

test('the page is one file', () => {
  const page = readFileSync(process.env.LIFEBOAT_PAGE, 'utf8');
  const policy = [
    "default-src 'none'",
    "script-src 'sha256-HASH' 'wasm-unsafe-eval'",
    "style-src 'sha256-HASH'",
    'worker-src blob:',
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  const head = page.slice(0, 1000).replace(/sha256-[^']{44}/g, 'sha256-HASH');
  assert.ok(head.includes(`<meta http-equiv="Content-Security-Policy" content="${policy}">`), head);
  assert.deepEqual(page.match(/\b(?:src|href)="(?!data:)[^"]*"/g), null);
  assert.equal(page.match(/<script/g).length, 3);
  assert.ok(page.length < 2_000_000, `${page.length} bytes`);
});
