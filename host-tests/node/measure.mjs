// Uses the package once, in a process of its own: `measure.mjs USE BUNDLE KEY TARGET`. Prints the seconds, the largest
// resident set in MiB, the longest time in milliseconds that a timer had to wait, building aside, and the rows of each table.

import * as lifeboat from 'sqlite-lifeboat/recovery';

const [use, bundle, key, target] = process.argv.slice(2);
const counts = {};
const count = (name, rows) => (counts[name] = (counts[name] ?? 0) + rows);
const began = performance.now();
let longest = 0;
let last = began;
let isBuilding = false;
const timer = setInterval(() => {
  const now = performance.now();
  if (!isBuilding) longest = Math.max(longest, now - last);
  last = now;
  isBuilding = false;
}, 1);
const progress = ({ phase }) => (isBuilding ||= phase === 'building');

if (use === 'verify') await lifeboat.verify(bundle);
if (use === 'rows') for await (const { table, rows } of lifeboat.rows(bundle, key)) count(table, rows.length);
if (use === 'info') (await lifeboat.info(bundle, key)).tables.forEach(({ name, rows }) => count(name, rows));
if (use === 'recoverFile') {
  const { summary } = await lifeboat.recoverFile(bundle, key, target, { progress });
  summary.tables.forEach(({ name, rows }) => count(name, rows));
}

clearInterval(timer);
const seconds = (performance.now() - began) / 1000;
console.log(JSON.stringify({ seconds, peak: process.resourceUsage().maxRSS / 1024, longest, counts }));
