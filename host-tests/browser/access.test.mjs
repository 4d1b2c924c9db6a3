// For everybody: axe-core finds nothing in any state of the page, light and dark, wide and narrow; a keyboard is enough.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PATIENCE, VIEWS, assertClean, choose, enter, fixture, key, look, opened, otherKey, save } from './support.mjs';

for (const [scheme, width] of VIEWS) {
  test(`axe-core, ${scheme}, ${width} pixels wide`, async t => {
    const page = await opened(t, { scheme, width });
    const clean = state => assertClean(page, state);
    await clean('at the beginning');
    await choose(page, '1.bundle');
    await clean('a delta alone');
    await choose(page, '0.bundle', '2.bundle', 'flipped.bundle', 'live.db', 'values.bundle');
    await clean('a choice, and files that cannot be used');
    await enter(page, otherKey);
    await clean('a wrong key');
    await page.locator('fieldset label').filter({ hasText: 'values.bundle' }).click();
    await enter(page, key);
    await page.click('summary:has-text("I noted")');
    await page.fill('#expect', '00'.repeat(32));
    await look(page);
    await clean('not the expected state');
    await page.fill('#expect', '');
    await page.click('#look');
    await page.waitForSelector('.inside');
    for (const summary of await page.locator('.inside summary').all()) await summary.click();
    await page.click('#show-rows');
    await page.waitForSelector('.rows table');
    await clean('opened');
    await save(page, fixture('access.db'));
    await page.waitForSelector('#save .notice');
    await clean('saved');
  });
}

test('a keyboard is enough', async t => {
  const page = await opened(t);
  const focus = () =>
    page.evaluate(() => {
      const { id, textContent } = document.activeElement;
      return id === '' || id.startsWith('remove-') ? textContent : id;
    });
  const tab = async () => {
    await page.keyboard.press('Tab');
    assert.ok(
      await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle !== 'none'),
      `no outline: ${await focus()}`,
    );
    return focus();
  };

  // Early, as Chromium has to be told that it shall not ask.
  const chooser = page.waitForEvent('filechooser');
  assert.equal(await tab(), 'choose');
  await page.keyboard.press('Enter');
  await (await chooser).setFiles([fixture('1.bundle'), fixture('0.bundle')]);
  await page.waitForSelector('#file-lists ol');
  assert.match(await page.textContent('#status'), /A chain: a full bundle and 1 delta, complete and undamaged/);
  assert.equal(await tab(), 'choose-folder');
  assert.equal(await tab(), 'Remove 0.bundle');
  assert.equal(await tab(), 'Remove 1.bundle');
  await page.keyboard.press('Space');
  await page.waitForFunction(() => document.querySelectorAll('#file-lists li').length === 1);
  assert.equal(await focus(), 'Remove 0.bundle');

  assert.equal(await tab(), 'key');
  await page.keyboard.type(key);
  await page.keyboard.press('Enter');
  await page.waitForSelector('.inside');
  assert.equal(await focus(), 'Opened, and proved to be complete');
  assert.match(await tab(), /^Tables with rows/);
  assert.match(await tab(), /^Schema/);
  assert.equal(await tab(), 'table');
  await page.keyboard.press('ArrowDown');
  assert.equal(await tab(), 'show-rows');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.rows table');
  assert.equal(await focus(), 'rows-title');
  await tab(); // the rows, which can be scrolled
  assert.equal(await tab(), 'save-database');
  const download = page.waitForEvent('download', { timeout: PATIENCE });
  await page.keyboard.press('Enter');
  await (await download).saveAs(fixture('keyboard.db'));
  await page.waitForSelector('#save .notice');
  assert.equal(await focus(), 'The database is complete');
  assert.equal(await tab(), 'download');
  await tab();
  assert.match(await focus(), /Clear the key and start over/);
  await page.keyboard.press('Enter');
  await page.waitForFunction(
    () => document.querySelector('#key').value === '' && !document.querySelector('#file-lists li'),
  );
  assert.equal(await focus(), 'choose');
});
