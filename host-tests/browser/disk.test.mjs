// Saving into a file that the person chooses: the browser's own files, where the choice is made for it.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { choose, fixture, look, opened } from './support.mjs';

/** The page from a server, which is one more way to have it: pages from disk have no private files to test with. */
async function served(t) {
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'text/html');
    response.end(request.url === '/' ? readFileSync(process.env.LIFEBOAT_PAGE) : '');
  });
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const page = await opened(t, { url: `http://127.0.0.1:${server.address().port}/`, picker: true });
  await page.evaluate(() => {
    window.showSaveFilePicker = async ({ suggestedName }) => {
      if (window.change) throw new DOMException('The user aborted a request.', 'AbortError');
      const handle = await (await navigator.storage.getDirectory()).getFileHandle(suggestedName, { create: true });
      window.wrap?.(handle);
      return handle;
    };
  });
  await choose(page, '0.bundle');
  await look(page);
  return page;
}

/** What is in the browser's private directory: names and sizes. */
const kept = page =>
  page.evaluate(async () => {
    const sizes = {};
    for await (const [name, handle] of (await navigator.storage.getDirectory()).entries())
      sizes[name] = (await handle.getFile()).size;
    return sizes;
  });

test('into a file', async t => {
  const page = await served(t);
  await page.click('#save-database');
  await page.waitForSelector('#save .notice.good');
  assert.match(await page.innerText('#save .notice'), /The database is saved[^]*0\.recovered\.db/);
  const base64 = await page.evaluate(async () => {
    const handle = await (await navigator.storage.getDirectory()).getFileHandle('0.recovered.db');
    const bytes = new Uint8Array(await (await handle.getFile()).arrayBuffer());
    return btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(''));
  });
  assert.ok(Buffer.from(base64, 'base64').equals(readFileSync(fixture('elsewhere-0.db'))));
});

test('the person thinks better of it', async t => {
  const page = await served(t);
  await page.evaluate(() => {
    window.change = true;
  });
  await page.click('#save-database');
  await page.waitForTimeout(300);
  assert.equal(await page.locator('#save .notice').count(), 0);
  assert.equal(await page.locator('#save-database').count(), 1);
});

test('a disk that is full', async t => {
  const page = await served(t);
  await page.evaluate(() => {
    window.wrap = handle => {
      const create = handle.createWritable.bind(handle);
      handle.createWritable = async () => {
        const stream = await create();
        stream.write = async () => {
          throw new DOMException('No space left.', 'QuotaExceededError');
        };
        return stream;
      };
    };
  });
  await page.click('#save-database');
  await page.waitForSelector('#save .notice.bad');
  assert.match(await page.innerText('#save .notice'), /host: '0\.recovered\.db' could not be written: No space left/);
  assert.deepEqual(await kept(page), {});
});
