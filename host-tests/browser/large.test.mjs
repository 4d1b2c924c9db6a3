// The acceptance database, 173 MB: the page stays alive, can be stopped, and gives it back.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { choose, fixture, key, look, opened, save } from './support.mjs';

/** How long a page may be deaf, in milliseconds. */
const LONGEST = 200;

/** Begins to measure the longest time between two timers of a page. */
const watch = page =>
  page.evaluate(() => {
    let last = performance.now();
    window.longest = 0;
    setInterval(() => {
      const now = performance.now();
      window.longest = Math.max(window.longest, now - last);
      last = now;
    }, 5);
  });
const longest = page =>
  page.evaluate(() => {
    const { longest } = window;
    window.longest = 0;
    return Math.round(longest);
  });

test('the acceptance database', async t => {
  const page = await opened(t);
  // What this machine lets a page wait that does nothing.
  const idle = await page.context().newPage();
  t.after(() => idle.close());
  await Promise.all([page, idle].map(watch));
  const timed = async (name, work) => {
    await Promise.all([page, idle].map(longest));
    const began = performance.now();
    await work();
    const seconds = (performance.now() - began) / 1000;
    const [busy, still] = await Promise.all([page, idle].map(longest));
    t.diagnostic(`${name}: ${seconds.toFixed(1)} s; longest wait of the page ${busy} ms, of an idle one ${still} ms`);
    assert.ok(busy < Math.max(LONGEST, 2 * still), `${name}: the page was deaf for ${busy} ms`);
  };

  await timed('check', () => choose(page, 'zkap.bundle'));
  await timed('open', () => look(page));
  await page.selectOption('#table', { label: 'unblinded-tokens (512,000 rows)' });
  await timed('rows', async () => {
    await page.click('#show-rows');
    await page.waitForSelector('.rows table');
  });
  await timed('cancel', async () => {
    await page.click('#save-database');
    await page.click('#save >> text=Cancel');
    await page.waitForFunction(() => document.activeElement.id === 'save-database');
    // The browser tells of its end in its own time.
    for (let waits = 0; page.workers().length > 0 && waits < 50; waits++) await page.waitForTimeout(100);
    assert.equal(page.workers().length, 0);
  });
  await timed('save', () => save(page, fixture('saved-zkap.db')));
});

test('opening can be cancelled', async t => {
  const page = await opened(t);
  await choose(page, 'zkap.bundle');
  await page.fill('#key', key);
  await page.click('#look');
  await page.click('#inside >> text=Cancel');
  await page.waitForFunction(() => document.activeElement.id === 'look');
  assert.equal(await page.locator('.inside').count(), 0);
  assert.match(await look(page), /Opened/);
});
