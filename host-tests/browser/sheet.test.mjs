// The recovery sheet in the page: the key on one sheet of paper, and nowhere when it is closed.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
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

/** The QR code as it is seen in the page, for the Rust side to read: width and height, and a byte of grey for each dot. */
async function seen(page, name) {
  const code = page.getByRole('img', { name: 'The key as a QR code' });
  await code.scrollIntoViewIfNeeded();
  const { x, y, width, height } = await code.boundingBox();
  const [left, top] = await page.evaluate(() => [scrollX, scrollY]);
  const devtools = await page.context().newCDPSession(page);
  // As sharp as on a screen of many dots; a print has more still.
  const shot = await devtools.send('Page.captureScreenshot', { clip: { x: x + left, y: y + top, width, height, scale: 4 } });
  const picture = await page.evaluate(async png => {
    const image = new Image();
    image.src = `data:image/png;base64,${png}`;
    await image.decode();
    const { width, height } = image;
    const context = new OffscreenCanvas(width, height).getContext('2d');
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(0, 0, width, height);
    return { width, height, dots: Array.from({ length: width * height }, (_, at) => data[4 * at]) };
  }, shot.data);
  const size = Buffer.alloc(8);
  size.writeUInt32LE(picture.width);
  size.writeUInt32LE(picture.height, 4);
  writeFileSync(fixture(`${name}.dots`), Buffer.concat([size, Buffer.from(picture.dots)]));
}

test('a sheet from a key alone', async t => {
  const page = await opened(t);
  await page.evaluate(() => (window.print = () => (document.title = 'printed')));
  await enter(page, key);
  const text = await sheet(page);
  assert.equal((await page.textContent('.sheet .key')).replace(/\s/g, ''), key.trim());
  await seen(page, 'recovery');
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
  await seen(page, 'dark');
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
    await seen(page, kind);
    assert.equal(await pages(page), 1);
    await page.click('#close-sheet');
  }
  await enter(page, `${key.trim().slice(0, -1)}b`);
  await page.click('#show-sheet');
  await page.waitForFunction(() => document.activeElement.id === 'key');
  assert.match(await page.textContent('#key-says'), /After “lifeboatkey1” there is never “b”/);
  assert.equal(await page.locator('.sheet').count(), 0);
});

test('a key that is cleared at once is on no sheet', async t => {
  const page = await opened(t);
  await enter(page, key);
  // Both before the code can be drawn.
  await page.evaluate(() => ['show-sheet', 'forget'].forEach(id => document.getElementById(id).click()));
  await page.waitForTimeout(500);
  assert.equal(await page.locator('.sheet').count(), 0);
  // Asked for twice, it is shown once.
  await enter(page, key);
  await page.evaluate(() => [1, 2].forEach(() => document.getElementById('show-sheet').click()));
  await page.waitForSelector('#sheet[open] .sheet');
  await page.waitForTimeout(200);
  assert.equal(await page.locator('.sheet').count(), 1);
});
