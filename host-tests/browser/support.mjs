// What the tests of the recovery page share: Chromium with nothing in it, and a page that is watched.
//
// They are started by host-tests/tests/browser.rs with LIFEBOAT_PAGE, the page; LIFEBOAT_FIXTURES, a directory with
// bundles, keys and databases that it made; and LIFEBOAT_MODULES, where the packages of package.json are installed.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { pathToFileURL } from 'node:url';

const { LIFEBOAT_PAGE, LIFEBOAT_FIXTURES, LIFEBOAT_MODULES } = process.env;
const require = createRequire(join(LIFEBOAT_MODULES, 'package.json'));
const { chromium } = require('playwright-core');

/** Themes, and widths in pixels, in which a page is looked at. */
export const VIEWS = [
  ['light', 900],
  ['dark', 900],
  ['light', 320],
  ['dark', 320],
];

/** axe-core finds nothing in the page, and it is no wider than the window. */
export async function assertClean(page, state) {
  const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe);
  const { violations, passes } = await page.evaluate(() => axe.run());
  assert.ok(passes.some(({ id }) => id === 'color-contrast') && passes.length > 10, 'axe-core looks at little');
  const found = violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html}\n${failureSummary}`).join('\n')}`,
  );
  assert.deepEqual(found, [], state);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(wide, 0, `${state}: wider than the window`);
}

/** A file that the Rust side made. */
export const fixture = name => join(LIFEBOAT_FIXTURES, name);
export const key = readFileSync(fixture('key'), 'utf8');
export const otherKey = readFileSync(fixture('other.key'), 'utf8');

/** Patience: everything here takes well below a second on an idle machine. */
export const PATIENCE = 180_000;

const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

let profile;
let context;

/** Chromium, with an empty profile; one for the tests of a file. */
async function browser() {
  if (context) return context;
  profile = mkdtempSync(join(tmpdir(), 'lifeboat-chromium-'));
  context = await chromium
    .launchPersistentContext(profile, {
      executablePath: '/usr/bin/chromium',
      headless: true,
      args: ARGS,
      acceptDownloads: true,
    })
    .catch(error => assert.fail(`Chromium does not start; is the package chromium installed? ${error.message}`));
  return context;
}

after(async () => {
  await context?.close();
  if (profile) rmSync(profile, { recursive: true, force: true });
});

/**
 * The recovery page, opened from disk. It must ask for nothing and complain of nothing: that is checked when the test ends.
 * `picker`: whether the browser can save into a file that the person chooses, which headless Chromium cannot ask for.
 */
export async function opened(
  t,
  { url = pathToFileURL(LIFEBOAT_PAGE).href, scheme = 'light', width = 900, picker = false } = {},
) {
  const page = await (await browser()).newPage();
  page.setDefaultTimeout(PATIENCE);
  await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
  await page.setViewportSize({ width, height: 900 });
  const requests = [];
  const complaints = [];
  page.on('request', request => requests.push(request.url()));
  page.on('console', message => complaints.push(message.text()));
  page.on('pageerror', error => complaints.push(String(error)));
  if (!picker) await page.addInitScript(() => delete window.showSaveFilePicker);
  await page.goto(url);
  t.after(async () => {
    await page.close();
    // The worker's script is an object of the page itself.
    assert.deepEqual(
      requests.filter(request => request !== url && !request.startsWith('blob:')),
      [],
    );
    assert.deepEqual(complaints, []);
  });
  return page;
}

/** Chooses files, and waits until all are checked. */
export async function choose(page, ...names) {
  await page.setInputFiles('#files', names.map(fixture));
  await page.waitForSelector('#file-lists[aria-busy=false]');
}

/** The names of the files in a list: of the chain by default. */
export const listed = (page, list = 'ol') => page.locator(`#file-lists ${list} .title`).allTextContents();

/** Types a key, and waits for what is said of it. */
export async function enter(page, text) {
  await page.fill('#key', text);
  await page.locator('#key').blur();
  await page.waitForFunction(() => document.querySelector('#key-says').textContent !== '');
  return page.textContent('#key-says');
}

/** Opens the chosen files with a key, and gives what is said first. */
export async function look(page, text = key) {
  await page.fill('#key', text);
  await page.click('#look');
  await page.waitForSelector('#inside .notice');
  return page.textContent('#inside .notice h3');
}

/** Saves the database as a download, to a path. */
export async function save(page, path) {
  const download = page.waitForEvent('download', { timeout: PATIENCE });
  await page.click('#save-database');
  await (await download).saveAs(path);
  return (await download).suggestedFilename();
}
