// The recovery page in headless Chromium: `node chromium.mjs PAGE BUNDLE KEY-FILE OUT TOLD` chooses the bundle, opens it, saves
// the database to OUT, and adds a line of JSON to TOLD: the longest time that the page did not answer, in milliseconds, beside
// that of an idle one. playwright-core is in `modules`, in the directory where this is run.

import { appendFileSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const { chromium } = createRequire(resolve('modules/package.json'))('playwright-core');
const [html, bundle, key, out, told] = process.argv.slice(2);

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
const longest = page => page.evaluate(() => Math.round(window.longest));

const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
try {
  const context = await browser.newContext({ acceptDownloads: true });
  const page = await context.newPage();
  page.setDefaultTimeout(180_000);
  // Saving into a file that the person chooses is nothing that headless Chromium can do: it is a download.
  await page.addInitScript(() => delete window.showSaveFilePicker);
  await page.goto(pathToFileURL(resolve(html)).href);
  const idle = await context.newPage();
  await Promise.all([page, idle].map(watch));
  await page.setInputFiles('#files', bundle);
  await page.waitForSelector('#file-lists[aria-busy=false]');
  await page.fill('#key', readFileSync(key, 'utf8'));
  await page.click('#look');
  await page.waitForSelector('#inside .notice');
  const download = page.waitForEvent('download');
  await page.click('#save-database');
  await (await download).saveAs(out);
  const [busy, still] = await Promise.all([page, idle].map(longest));
  appendFileSync(told, `${JSON.stringify({ page: busy, idle: still })}\n`);
} finally {
  await browser.close();
}
