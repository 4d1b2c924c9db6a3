// A worker in a browser: answers one case after the other, with `sqlite-lifeboat/recovery` as a page has it.

import * as lifeboat from '/npm/sqlite-lifeboat/recovery/src/browser.js';
import { answer } from './answer.mjs';

const bytes = async file => new Uint8Array(await (await fetch(`/cases/${encodeURIComponent(file)}`)).arrayBuffer());

for (const asked of await (await fetch('/cases/cases.json')).json()) {
  const bundles = await Promise.all(asked.bundles.map(bytes));
  postMessage(JSON.stringify(await answer(lifeboat, asked, bundles)));
}
postMessage(null);
