// Node: `node copies.mjs DIST` answers questions about copies, which it reads as JSON from its input, a line each, with the
// package in DIST/npm.

import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, rmSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const dist = process.argv[2];
const lifeboat = await import(pathToFileURL(resolve(dist, 'npm/sqlite-lifeboat/recovery/src/node.js')));

for (const asked of JSON.parse(readFileSync(0, 'utf8'))) {
  const { copies, key, out, ...choice } = asked;
  rmSync(out, { force: true });
  try {
    const options = Object.fromEntries(Object.entries(choice).filter(([, value]) => value !== null));
    const found = await lifeboat.find(copies, key, options);
    const { save } = found;
    await lifeboat.recoverFile(found.chain, key, out, { expect: save.stateId });
    if (found.older !== found.leftOut.length > 0) throw new Error('it is older when saves were left out');
    const steps = found.chain.map(path => {
      const copy = copies.findIndex(directory => path.startsWith(`${directory}/`));
      return [copy, relative(copies[copy], path), readFileSync(path).length];
    });
    console.log(
      JSON.stringify({
        number: save.number,
        state_id: save.stateId,
        date: save.date,
        writer: save.writer,
        label: save.label,
        uuid: save.uuid,
        left_out: found.leftOut.map(({ number, why }) => [number, why]),
        steps,
        standing: found.copies.map(({ standing }) => standing),
        unfit: found.unfit.map(({ name, why }) => [name, why]),
        junk: found.copies.map(({ junk }) => junk),
        sha256: createHash('sha256').update(readFileSync(out)).digest('hex'),
      }),
    );
    // The files themselves, with their paths, as a browser has them.
    const files = copies.flatMap((directory, number) => filesOf(directory, number));
    const again = await lifeboat.find(files, key, options);
    if (again.save.recordHash !== save.recordHash || again.chain.length !== found.chain.length) throw new Error('files differ');
    const { bytes } = await lifeboat.recover(again.chain, key);
    if (!readFileSync(out).equals(bytes)) throw new Error('what comes of files differs');
  } catch (error) {
    if (!(error instanceof lifeboat.LifeboatError)) throw error;
    console.log(JSON.stringify({ error: error.kind, message: error.text }));
  }
}

function filesOf(directory, number) {
  const name = join(directory, '.');
  const { names, source } = listed(name);
  return names.map(path => [`dropped ${number}/copy/${path}`, new Blob([readFileSync(source(path))])]);
}

function listed(directory) {
  const names = [];
  const go = below => {
    for (const entry of readdirSync(join(directory, below), { withFileTypes: true })) {
      const path = join(below, entry.name);
      if (entry.isDirectory()) go(path);
      else names.push(path);
    }
  };
  go('');
  return { names, source: path => join(directory, path) };
}
