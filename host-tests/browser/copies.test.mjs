// Copies of a series: folders that are chosen or dropped, and what the page says of an older state.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { assertClean, enter, fixture, key, look, opened, otherKey, save } from './support.mjs';

const title = (page, place) => page.locator(`${place} .notice h3`).first().innerText();
const notice = (page, place) => page.locator(`${place} .notice`).first().innerText();

/** Chooses a folder, and waits until it was gone through. */
async function chooseFolder(page, name) {
  await page.setInputFiles('#folder', fixture(name));
  await page.waitForSelector('#file-lists[aria-busy=false] .copies');
}

/** Looks into what was chosen, until the page has said what it found. */
async function opens(page, text = key) {
  const said = await look(page, text);
  await page.waitForSelector('#save-database, #inside .notice.bad, #inside .series');
  return said;
}

test('a copy', async t => {
  const page = await opened(t);
  await chooseFolder(page, 'sound');
  assert.equal(await page.textContent('#file-lists h3'), 'A copy of saves');
  assert.match(await page.innerText('.copies'), /^sound\n\d+ objects\nRemove/);
  assert.match(await enter(page, key), /Typed without a mistake/);
  assert.equal(await opens(page), 'Opened, and proved to be complete');
  const said = await notice(page, '#inside');
  assert.match(said, /together they are the state that save number 45 leads to\./);
  assert.match(said, /Save number 45 of Feb 17, 2026, [^\n]*, saved by till 7, “save 45”\./);
  assert.doesNotMatch(said, /older|left out/i);
  assert.equal(await save(page, fixture('saved-sound.db')), 'sound.recovered.db');
  assert.match(await notice(page, '#save'), /^The database is complete\n[^]*the state that save number 45 leads to/);
});

test('rows of a copy', async t => {
  const page = await opened(t);
  await chooseFolder(page, 'sound');
  await opens(page);
  await page.click('#show-rows');
  await page.waitForSelector('.rows table');
  assert.match(await page.innerText('.rows'), /The first 50 rows of tokens/);
});

test('a copy that lost its newest save', async t => {
  const page = await opened(t);
  await chooseFolder(page, 'newest lost');
  assert.match(await opens(page), /^This is an OLDER state: number 44 of Feb 16, 2026/);
  const said = await notice(page, '#inside');
  assert.match(said, /These newer saves cannot be recovered from what is here\. Look for another copy\./);
  assert.match(said, /number 45 of Feb 17, 2026[^\n]*: the bundle [0-9a-f]{64} of number 45 is in no copy/);
  assert.ok(await page.locator('#step-inside.part').count(), 'no tick, which would say that all is well');
  await save(page, fixture('saved-older.db'));
  assert.match(await title(page, '#save'), /^The database is complete\. This is an OLDER state: number 44 of /);
  // Together with a sound copy it is no longer older.
  await chooseFolder(page, 'middle lost');
  assert.equal(await page.textContent('#file-lists h3'), '2 copies of saves');
  assert.equal(await opens(page), 'Opened, and proved to be complete');
  assert.match(await notice(page, '#inside'), /Save number 45 of /);
});

test('the state that was noted', async t => {
  const page = await opened(t);
  await chooseFolder(page, 'sound');
  await page.click('summary:has-text("I noted the state id")');
  const { states } = JSON.parse(readFileSync(fixture('facts.json')));
  await page.fill('#expect', states[17]);
  assert.equal(await opens(page), 'Opened, and proved to be complete');
  const said = await notice(page, '#inside');
  assert.match(said, /Save number 17 of /);
  assert.match(said, /The copies hold a newer save: number 45 of /);
  await page.fill('#expect', '0'.repeat(64));
  assert.equal(await opens(page), 'The browser could not do it');
  assert.match(await notice(page, '#inside'), /no record is of the state 0{64}; the newest is 45/);
});

test('what is in the way', async t => {
  const page = await opened(t);
  await chooseFolder(page, 'record damaged');
  assert.match(await opens(page), /^This is an OLDER state: number 44/);
  assert.match(await notice(page, '#inside'), /number 45: its record is damaged\n[^]*1 object in the copies cannot be used[^]*it has not the hash in its name/);
  await page.click('text=Remove record damaged');
  await chooseFolder(page, 'junk');
  assert.equal(await opens(page), 'Opened, and proved to be complete');
  assert.match(await notice(page, '#inside'), /junk: \d+ names not of a copy were passed over/);
  assert.equal(await opens(page, otherKey), 'This is not the key of this backup');
  assert.match(await notice(page, '#inside'), /none with a record of this key/);
  await page.click('text=Remove junk');
  await chooseFolder(page, 'left');
  await chooseFolder(page, 'right');
  assert.equal(await opens(page), 'This is not what was expected');
  assert.match(await notice(page, '#inside'), /the log forks: two places saved to it[^]*state [0-9a-f]{64}[^]*state [0-9a-f]{64}/);
});

test('several databases of one key', async t => {
  const page = await opened(t);
  await chooseFolder(page, 'two series');
  assert.equal(await opens(page), 'The copies hold 2 databases of this key');
  assert.match(await page.innerText('.series'), /Newest save: number 45 of Feb 17, 2026/);
  await page.locator('.series li', { hasText: 'number 1 of' }).getByRole('button').click();
  await page.waitForSelector('#save-database');
  assert.match(await notice(page, '#inside'), /1 row in 1 table\.[^]*Save number 1 of Jan 1, 2026/);
});

test('a folder that holds a copy, and more', async t => {
  const page = await opened(t);
  // It has the copy `place/copy`, a key's file, and a database.
  await chooseFolder(page, 'place');
  assert.match(await page.innerText('.copies'), /^place\/copy\n/);
  await page.waitForFunction(() => document.querySelector('#key-says').textContent.includes('Taken from my.key'));
  await page.click('#look');
  await page.waitForSelector('#save-database');
  assert.match(await notice(page, '#inside'), /Save number 45 of /);
});

test('a folder without a copy', async t => {
  const page = await opened(t);
  await page.setInputFiles('#folder', fixture('many'));
  await page.waitForSelector('#file-lists .notice');
  assert.equal(await title(page, '#file-lists'), 'many holds no copy, and too many files');
  await page.setInputFiles('#folder', fixture('empty files'));
  // First it says that it looks at the file.
  await page.waitForFunction(() => document.querySelector('#file-lists').innerText.includes('1 file cannot be used'));
});

test('a folder is dropped', async t => {
  const page = await opened(t);
  // Only a person can drop a folder: its entries are made here as a browser makes them.
  const files = [];
  const go = below => {
    for (const entry of readdirSync(fixture(join('newest lost', below)), { withFileTypes: true })) {
      const path = join(below, entry.name);
      if (entry.isDirectory()) go(path);
      else files.push([path, readFileSync(fixture(join('newest lost', path))).toString('base64')]);
    }
  };
  go('');
  await page.evaluate(dropped => {
    const root = { name: 'stick', isDirectory: true, below: new Map() };
    for (const [path, base64] of dropped) {
      const names = path.split('/');
      let at = root;
      for (const name of names.slice(0, -1)) {
        if (!at.below.has(name)) at.below.set(name, { name, isDirectory: true, below: new Map() });
        at = at.below.get(name);
      }
      const bytes = Uint8Array.from(atob(base64), character => character.charCodeAt(0));
      const file = new File([bytes], names.at(-1));
      at.below.set(file.name, { name: file.name, isDirectory: false, file: resolve => resolve(file) });
    }
    const withReader = entry => {
      if (!entry.isDirectory) return entry;
      // In parts, as browsers give them.
      const left = [...entry.below.values()].map(withReader);
      return { ...entry, createReader: () => ({ readEntries: resolve => resolve(left.splice(0, 3)) }) };
    };
    const item = { kind: 'file', webkitGetAsEntry: () => withReader(root) };
    const event = new Event('drop', { bubbles: true, cancelable: true });
    event.dataTransfer = { types: ['Files'], items: [item], files: [] };
    document.body.dispatchEvent(event);
  }, files);
  await page.waitForSelector('#file-lists[aria-busy=false] .copies');
  assert.match(await page.innerText('.copies'), /^stick\n/);
  assert.match(await opens(page), /^This is an OLDER state: number 44/);
});

for (const scheme of ['light', 'dark']) {
  test(`accessible: ${scheme}`, async t => {
    const page = await opened(t, { scheme });
    await chooseFolder(page, 'newest lost');
    await opens(page);
    await assertClean(page, scheme);
  });
}
