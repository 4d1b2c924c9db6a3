// Chromium, headless: `node chromium.mjs DIST DIRECTORY` answers the cases of a directory, a line each, with the package in
// DIST/npm in a worker of a page. LIFEBOAT_MODULES: where playwright-core is installed.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { extname, join, resolve } from 'node:path';

const { chromium } = createRequire(join(process.env.LIFEBOAT_MODULES, 'package.json'))('playwright-core');
const [dist, directory] = process.argv.slice(2);
const PLACES = { npm: join(resolve(dist), 'npm'), cases: resolve(directory), everywhere: import.meta.dirname };
const TYPES = { '.js': 'text/javascript', '.mjs': 'text/javascript', '.wasm': 'application/wasm', '.json': 'application/json' };

const server = createServer(async ({ url }, response) => {
  const [place, ...names] = decodeURIComponent(url).slice(1).split('/');
  const content = PLACES[place] ? await readFile(join(PLACES[place], ...names)).catch(() => null) : '<!doctype html>';
  response.writeHead(content === null ? 404 : 200, { 'content-type': TYPES[extname(url)] ?? 'text/html' });
  response.end(content);
});
await new Promise(listening => server.listen(0, '127.0.0.1', listening));

const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
try {
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await page.exposeFunction('answered', line => console.log(line));
  await page.evaluate(
    () =>
      new Promise((done, failed) => {
        const worker = new Worker('/everywhere/worker.mjs', { type: 'module' });
        worker.onerror = event => failed(new Error(event.message));
        worker.onmessage = ({ data }) => (data === null ? done() : answered(data));
      }),
  );
} finally {
  await browser.close();
  server.close();
}
