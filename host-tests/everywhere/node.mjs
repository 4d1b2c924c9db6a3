// Node: `node node.mjs DIST DIRECTORY` answers the cases of a directory, a line each, with the package in DIST/npm.

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { answer } from './answer.mjs';

const [dist, directory] = process.argv.slice(2);
const lifeboat = await import(pathToFileURL(resolve(dist, 'npm/sqlite-lifeboat/recovery/src/node.js')));
for (const asked of JSON.parse(readFileSync(join(directory, 'cases.json'), 'utf8'))) {
  const bundles = asked.bundles.map(file => new Uint8Array(readFileSync(join(directory, file))));
  console.log(JSON.stringify(await answer(lifeboat, asked, bundles)));
}
