// The recovery sheet in the page: the key on one sheet of paper, and nowhere when it is closed.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { assertClean, choose, enter, fixture, key, look, opened } from './support.mjs';

/** Opens the sheet, and gives its text. */
async function sheet(page) {
  await page.click('#show-sheet');
  await page.waitForSelector('#sheet[open] .sheet');
  return page.innerText('.sheet');
}

/** How many pages it takes on paper. */
async function pages(page) {
  const pdf = (await page.pdf({ preferCSSPageSize: true })).toString('latin1');
  return pdf.match(/\/Type \/Page\n/g).length;
}

test('a sheet from a key alone', async t => {
  const page = await opened(t);
  await page.evaluate(() => (window.print = () => (document.title = 'printed')));
  await enter(page, key);
  const text = await sheet(page);
  assert.equal((await page.textContent('.sheet .key')).replace(/\s/g, ''), key.trim());
  assert.match(text, /The recovery key\n[^]*70 characters[^]*The verify key was not known/);
  assert.doesNotMatch(text, /\[\[|undefined/);
  assert.equal(await page.evaluate(() => document.activeElement.id), 'print');
  await page.click('#print');
  assert.equal(await page.title(), 'printed');
  assert.equal(await pages(page), 1);

  // Closed, by the key Escape too, it is gone; the key stays in its field, as before.
  await page.keyboard.press('Escape');
  await page.waitForSelector('.sheet', { state: 'detached' });
  assert.equal(await page.evaluate(() => document.activeElement.id), 'show-sheet');
  const groups = key.trim().slice(12, 20).match(/.{4}/g).join(' ');
  assert.ok(!(await page.content()).includes(groups));
  assert.deepEqual(await page.evaluate(() => [localStorage.length, sessionStorage.length, location.href.includes('lifeboatkey')]), [0, 0, false]);
});

test('with a backup that was opened, its verify key is on it', async t => {
  const page = await opened(t, { scheme: 'dark' });
  await choose(page, '0.bundle');
  await look(page);
  const verifyKey = (await page.innerText('.facts')).match(/lifeboatverify1[a-z0-9]+/)[0];
  assert.match(await sheet(page), new RegExp(`default: ${verifyKey}`));
  // Black on white, in the dark, too.
  const colours = await page.evaluate(() => (({ color, backgroundColor }) => [color, backgroundColor])(getComputedStyle(document.querySelector('.sheet'))));
  assert.deepEqual(colours, ['rgb(0, 0, 0)', 'rgb(255, 255, 255)']);
  await assertClean(page, 'the sheet');
  await page.click('#close-sheet');
  await page.waitForSelector('.sheet', { state: 'detached' });
  assert.equal(await pages(page) > 1, true, 'the page itself prints as before');
});

test('the keys of one domain, and no key', async t => {
  const page = await opened(t, { width: 320 });
  for (const [kind, length] of [['write', 97], ['read', 147]]) {
    const its = readFileSync(fixture(`${kind}.key`), 'utf8').trim();
    await enter(page, its.toUpperCase());
    assert.match(await sheet(page), new RegExp(`The ${kind} key\n[^]*${length} characters`));
    assert.equal((await page.textContent('.sheet .key')).replace(/\s/g, ''), its);
    assert.equal(await pages(page), 1);
    await page.click('#close-sheet');
  }
  await enter(page, `${key.trim().slice(0, -1)}b`);
  await page.click('#show-sheet');
  await page.waitForFunction(() => document.activeElement.id === 'key');
  assert.equal(await page.locator('.sheet').count(), 0);
});
