// What is cleared is gone, from the memory of the page too: that of its scripts, once what nothing holds was collected.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { choose, fixture, key, opened, save } from './support.mjs';

/** All that the scripts of the page hold, as text. */
async function memory(page) {
  const devtools = await page.context().newCDPSession(page);
  let snapshot = '';
  devtools.on('HeapProfiler.addHeapSnapshotChunk', ({ chunk }) => (snapshot += chunk));
  for (let times = 0; times < 3; times++) await devtools.send('HeapProfiler.collectGarbage');
  await devtools.send('HeapProfiler.takeHeapSnapshot');
  await devtools.detach();
  return snapshot;
}

test('a key that was cleared is in no memory of the page', async t => {
  const page = await opened(t);
  // What the driver of the tests puts in, and each element that it waited for, it keeps: the key is typed, and no element given.
  const there = selector => page.waitForFunction(selector => document.querySelector(selector) !== null, selector);
  await choose(page, '0.bundle');
  await page.focus('#key');
  await page.keyboard.type(key.trim());
  await there('#key-says.good');
  // The test sees what a script holds.
  await page.evaluate(() => (window.held = document.querySelector('#key').value));
  assert.ok((await memory(page)).includes(key.trim()));
  await page.evaluate(() => delete window.held);

  await page.click('#show-sheet');
  await there('#sheet[open] .sheet');
  await page.click('#close-sheet');
  await page.click('#look');
  await there('#inside .notice.good');
  await page.click('#forget');
  assert.ok(!(await memory(page)).includes(key.trim()));
});

test('with a backup that is open and saved, no script holds the key: it is in its field', async t => {
  const page = await opened(t);
  await choose(page, '0.bundle');
  await page.focus('#key');
  await page.keyboard.type(key.trim());
  await page.click('#look');
  await page.click('#show-rows');
  await page.waitForSelector('#rows-title');
  await save(page, fixture('saved-open.db'));
  await page.waitForSelector('#save .notice.good');
  assert.ok(!(await memory(page)).includes(key.trim()));
});
