// Recovery in the page, from the files to the database.

import assert from 'node:assert/strict';
import { appendFileSync, copyFileSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { choose, enter, fixture, key, listed, look, opened, otherKey, save } from './support.mjs';

const notice = (page, place) => page.locator(`${place} .notice`).first().innerText();
const same = (one, other) =>
  assert.ok(readFileSync(fixture(one)).equals(readFileSync(fixture(other))), `${one} is not ${other}`);

test('a bundle', async t => {
  const page = await opened(t);
  await choose(page, '0.bundle');
  assert.deepEqual(await listed(page), ['0.bundle']);
  assert.match(await page.textContent('#file-lists h3'), /A full bundle, complete and undamaged/);
  assert.match(await enter(page, key), /This key made these files/);
  assert.equal(await look(page), 'Opened, and proved to be complete');
  assert.equal(await save(page, fixture('saved-0.db')), '0.recovered.db');
  assert.match(await notice(page, '#save'), /^The database is complete\n[^]*it is the state that 0\.bundle leads to/);
  same('saved-0.db', 'elsewhere-0.db');
});

test('a chain in a wrong order', async t => {
  const page = await opened(t);
  await choose(page, '2.bundle', '0.bundle', '1.bundle');
  assert.deepEqual(await listed(page), ['0.bundle', '1.bundle', '2.bundle']);
  await look(page);
  assert.match(await page.innerText('.facts'), /3 files/);
  await save(page, fixture('saved-2.db'));
  same('saved-2.db', 'elsewhere-2.db');
});

test('the beginning of a chain is an earlier state', async t => {
  const page = await opened(t);
  await choose(page, '1.bundle', '2.bundle', '0.bundle');
  await page.click('text=Remove 2.bundle');
  assert.deepEqual(await listed(page), ['0.bundle', '1.bundle']);
  await look(page);
  await save(page, fixture('saved-1.db'));
});

test('files are dropped', async t => {
  const page = await opened(t);
  const files = ['1.bundle', '0.bundle'].map(name => [name, readFileSync(fixture(name)).toString('base64')]);
  await page.evaluate(dropped => {
    const transfer = new DataTransfer();
    for (const [name, base64] of dropped) {
      transfer.items.add(new File([Uint8Array.from(atob(base64), character => character.charCodeAt(0))], name));
    }
    for (const type of ['dragover', 'drop'])
      document.body.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: transfer }));
  }, files);
  await page.waitForSelector('#file-lists ol');
  assert.deepEqual(await listed(page), ['0.bundle', '1.bundle']);
});

test('keys', async t => {
  const page = await opened(t);
  assert.match(await enter(page, key), /Typed without a mistake/);
  await choose(page, '0.bundle');
  await page.waitForFunction(() => document.querySelector('#key-says').textContent.includes('made these files'));
  const spaced = key.match(/.{1,4}/g).join(' ');
  assert.match(await enter(page, spaced), /made these files/);
  assert.match(await enter(page, otherKey), /not the key of 0\.bundle/);
  assert.equal(await page.getAttribute('#key', 'aria-invalid'), 'true');
  const wrong = key.at(-1) === 'q' ? 'p' : 'q';
  assert.match(await enter(page, key.slice(0, -1) + wrong), /a character is wrong; compare it with its copy/);
  assert.match(await enter(page, key.slice(0, -2)), /68 characters instead of 70/);
  assert.match(await enter(page, `${key.slice(0, 30)}o${key.slice(31)}`), /there is never “o”/);
  assert.match(await enter(page, 'swordfish'), /not a recovery key/);
  await page.click('#look');
  await page.waitForFunction(() => document.activeElement.id === 'key');
  assert.equal(await page.locator('#inside .notice').count(), 0);
});

test('a key comes from its file', async t => {
  const page = await opened(t);
  await page.setInputFiles('#files', [fixture('key')]);
  await page.waitForFunction(() => document.querySelector('#key-says').textContent.includes('Taken from key'));
  assert.equal(await page.inputValue('#key'), key);
  assert.equal(await page.getAttribute('#key', 'type'), 'password');
  await page.click('#show');
  assert.equal(await page.getAttribute('#key', 'type'), 'text');
  await page.click('#forget');
  assert.equal(await page.inputValue('#key'), '');
  assert.equal(await page.getAttribute('#key', 'type'), 'password');
});

test('the keys of one domain', async t => {
  for (const [kind, length] of [
    ['write', 97],
    ['read', 147],
  ]) {
    const page = await opened(t);
    await choose(page, '0.bundle', `${kind}.key`);
    await page.waitForFunction(() => document.querySelector('#key-says').textContent.includes('made these files'));
    const its = await page.inputValue('#key');
    assert.match(await enter(page, its.slice(0, -2)), new RegExp(`${length - 2} characters instead of ${length}`));
    assert.equal(await look(page, its.match(/.{1,4}/g).join(' ')), 'Opened, and proved to be complete');
    assert.match(await page.innerText('.facts'), /default \(a label: only the recovery key can tell/);
  }
});

test('what was opened goes with the key', async t => {
  const page = await opened(t);
  await choose(page, '0.bundle');
  await look(page);
  await page.click('#forget');
  assert.equal(await page.locator('#inside .inside').count(), 0);
  assert.equal(await page.locator('#save-database').count(), 0);
  assert.ok(!(await page.content()).includes(key));
});

test('a wrong key, however it is entered', async t => {
  const page = await opened(t);
  await choose(page, '0.bundle');
  await page.fill('#key', otherKey);
  await page.click('#look');
  await page.waitForSelector('#key[aria-invalid]');
  assert.match(await page.textContent('#key-says'), /not the key of 0\.bundle/);
});

test('damage', async t => {
  const page = await opened(t);
  await choose(page, 'flipped.bundle', 'cut.bundle', 'noise', 'empty', 'live.db');
  const said = await page.locator('#file-lists li').allInnerTexts();
  assert.match(said[0], /flipped\.bundle[^]*Damaged[^]*Item \d+ at byte \d+[^]*another copy/);
  assert.match(said[1], /cut\.bundle[^]*Not complete[^]*ends at byte 5000/);
  assert.match(said[2], /noise[^]*not a Lifeboat bundle/);
  assert.match(said[3], /empty[^]*Not complete[^]*empty/);
  assert.match(said[4], /live\.db[^]*Not a bundle, but a database/);
  await page.fill('#key', key);
  await page.click('#look');
  assert.match(await notice(page, '#file-lists'), /A backup is needed first/);
  assert.equal(await page.evaluate(() => document.activeElement.id), 'choose');
});

test('a file that changes while the page is open', async t => {
  const page = await opened(t);
  copyFileSync(fixture('0.bundle'), fixture('moving.bundle'));
  await choose(page, 'moving.bundle');
  assert.match(await enter(page, key), /made these files/);
  await page.click('#look');
  await page.waitForSelector('#save-database');
  appendFileSync(fixture('moving.bundle'), 'more');
  await page.click('#save-database');
  await page.waitForSelector('#save .notice');
  assert.match(await notice(page, '#save'), /could not do it[^]*host: 'moving\.bundle' cannot be read/);
  assert.equal(await page.locator('#save-database').count(), 1);
});

test('a delta alone, and a missing link', async t => {
  const page = await opened(t);
  await choose(page, '1.bundle');
  assert.match(await notice(page, '#file-lists'), /The full bundle is missing[^]*leads to the state [0-9a-f]{64}/);
  await choose(page, '0.bundle', '2.bundle');
  assert.deepEqual(await listed(page), ['0.bundle', '1.bundle', '2.bundle']);
  await page.click('text=Remove 1.bundle');
  assert.deepEqual(await listed(page), ['0.bundle']);
  assert.match(await page.innerText('#file-lists ul'), /2\.bundle[^]*Does not fit[^]*is not here/);
  assert.match(await look(page), /Opened/);
});

const steps = page =>
  page.locator('.step').evaluateAll(all => all.map(({ classList }) => ['done', 'part'].filter(name => classList.contains(name)).join(' ')));

test('a chain without one of its deltas is not called complete', async t => {
  const page = await opened(t);
  await choose(page, '0.bundle', '1.damaged.bundle', '2.bundle', 'live.db');
  assert.deepEqual(await listed(page), ['0.bundle']);
  const title = 'Opened, but files were left out: it may be an older state';
  assert.equal(await look(page), title);
  const left = /2 files left out: 1\.damaged\.bundle \(Damaged\) and 2\.bundle \(Does not fit\)\.[^]*changed later/;
  assert.match(await notice(page, '#inside'), left);
  assert.match(await notice(page, '#inside'), /the state that 0\.bundle leads to/);
  await save(page, fixture('part.db'));
  await page.waitForSelector('#save .notice');
  const said = await notice(page, '#save');
  assert.match(said, /^The database is complete, but files were left out: it may be an older state/);
  assert.match(said, left);
  assert.deepEqual(await steps(page), ['done part', 'done', 'done part', 'done part']);

  // Who noted which state it must be, knows that nothing is missing.
  const state = (await page.innerText('.facts code')).replace(/\s/g, '');
  await page.click('summary:has-text("I noted")');
  await page.fill('#expect', state.toUpperCase().match(/.{4}/g).join(' '));
  assert.equal(await look(page), 'Opened, and proved to be complete');
  assert.match(await notice(page, '#inside'), /2 files left out[^]*The state is the one that you noted/);
  assert.deepEqual(await steps(page), ['done', 'done', 'done', '']);

  await page.fill('#expect', '');
  await page.click('text=Remove 1.damaged.bundle');
  await page.click('text=Remove 2.bundle');
  assert.equal(await look(page), 'Opened, and proved to be complete');
  assert.doesNotMatch(await notice(page, '#inside'), /left out/);
  assert.deepEqual(await steps(page), ['done', 'done', 'done', '']);
});

test('what was computed here is told with what to do', async t => {
  const page = await opened(t);
  await choose(page, 'values.bundle', '0.bundle');
  await page.locator('fieldset label').filter({ hasText: 'values.bundle' }).click();
  await look(page);
  assert.match(await notice(page, '#inside'), /The files lead to 2 different states; this is the one of values\.bundle\./);
  await save(page, fixture('values-saved.db'));
  await page.waitForSelector('#save .notice.warn');
  const said = await page.locator('#save .notice.warn').innerText();
  assert.match(said, /^Before you use it: run REINDEX[^]*SQLite 3\.[0-9.]+, inside the component, computed the index computed\. /);
  assert.match(said, /run REINDEX with the SQLite that will use the database, before it is used\.$/);
});

test('two states: the person chooses', async t => {
  const page = await opened(t);
  await choose(page, '0.bundle', '1.bundle', 'values.bundle');
  const choices = page.locator('fieldset label');
  assert.equal(await choices.count(), 2);
  await choices.filter({ hasText: 'values.bundle' }).click();
  assert.deepEqual(await listed(page), ['values.bundle']);
  await choices.filter({ hasText: '1.bundle' }).click();
  assert.deepEqual(await listed(page), ['0.bundle', '1.bundle']);
});

test('an expected state', async t => {
  const page = await opened(t);
  await choose(page, '0.bundle');
  await page.click('summary:has-text("I noted")');
  await page.fill('#expect', 'abc');
  await page.fill('#key', key);
  await page.click('#look');
  await page.waitForSelector('#expect[aria-invalid]');
  assert.match(await page.textContent('#expect-says'), /64 characters[^]*this has 3/);
  await page.fill('#expect', '00'.repeat(32));
  assert.match(await look(page), /not what was expected/);
  assert.match(await notice(page, '#inside'), /mismatch: .*it holds state [0-9a-f]{64}, not 0000/);
});

test('rows', async t => {
  const page = await opened(t);
  await choose(page, 'values.bundle');
  await look(page);
  assert.match(await page.innerText('#inside'), /This is a part of a database[^]*Without secret/);
  const rows = async name => {
    await page.selectOption('#table', { label: name });
    await page.click('#show-rows');
    await page.waitForFunction(
      title => document.querySelector('#rows-title')?.textContent.endsWith(title),
      name.replace(/ \(.*/, ''),
    );
    return page
      .locator('.rows tbody tr')
      .evaluateAll(all => all.map(row => [...row.cells].map(cell => `${cell.className}: ${cell.textContent}`)));
  };
  assert.deepEqual(await rows('v (8 rows)'), [
    ['number rowid: 1', 'null: NULL'],
    ['number rowid: 2', 'integer number: -9223372036854775808'],
    ['number rowid: 3', 'real number: 1.0'],
    ['number rowid: 4', 'real number: -Inf'],
    ['number rowid: 5', "blob: x'00ff'"],
    ['number rowid: 6', `blob: x'${'00'.repeat(16)}… 5,000 bytes`],
    ['number rowid: 7', 'text: <b>a\\u{0}\\u{202e}</b>'],
    ['number rowid: 8', `text: ${'x'.repeat(240)} … 2,000,000 characters`],
  ]);
  const many = await rows('n (1,000 rows)');
  assert.equal(many.length, 50);
  assert.deepEqual(many[49], ['text: k0050', 'integer number: 50']);
  assert.match(await page.textContent('#rows-title'), /The first 50 rows of n/);
});
