// The report of `lifeboat report`: one file that asks for nothing, runs nothing, and can be read by everybody.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { VIEWS, assertClean, fixture, opened } from './support.mjs';

const url = pathToFileURL(fixture('report.html')).href;

for (const [scheme, width] of VIEWS) {
  test(`axe-core, ${scheme}, ${width} pixels wide`, async t => {
    const page = await opened(t, { url, scheme, width });
    await assertClean(page, 'the report');
    const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const [red] = background.match(/\d+/g).map(Number);
    assert.ok(scheme === 'dark' ? red < 80 : red > 200, `${scheme}: ${background}`);
  });
}

test('each picture is there, and has words and a table', async t => {
  const page = await opened(t, { url });
  const pictures = await page.locator('svg:visible').all();
  assert.ok(pictures.length >= 2, `${pictures.length} pictures`);
  for (const picture of pictures) {
    const { width, height } = await picture.boundingBox();
    assert.ok(width > 200 && height > 80, `${width} by ${height}`);
    assert.equal(await picture.getAttribute('role'), 'img');
    assert.ok((await picture.getAttribute('aria-label')).length > 20);
  }
  assert.equal(await page.locator('[aria-label="Table: Saves"] tbody tr').count(), 12);
});

test('what others wrote is shown, and nothing of it runs', async t => {
  const page = await opened(t, { url });
  assert.ok((await page.textContent('body')).includes("<script>alert('hi')</script>"));
  assert.equal(await page.locator('script').count(), 0);
  assert.match(readFileSync(fixture('report.html'), 'utf8'), /http-equiv="Content-Security-Policy"[^>]*default-src 'none'/);
});

test('in print it fits the paper', async t => {
  const page = await opened(t, { url, width: 680 });
  await page.emulateMedia({ media: 'print' });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(wide, 0);
  const pdf = await page.pdf({ format: 'A4' });
  assert.ok(pdf.length > 10_000, `${pdf.length} bytes`);
});
