// Pieces of work, each in a worker of its own: the page stays alive whatever the size, and a worker that ends takes with it
// the key, what was opened, and the memory.

import { Failure } from './words.js';

/** The work was stopped by the person. */
export class Cancelled extends Error {}

const text = id => document.getElementById(id).textContent;
const script = URL.createObjectURL(new Blob([text('worker')], { type: 'text/javascript' }));

/** The core modules of the component, by name: unpacked and compiled once, used by each worker. */
const modules = compile();
modules.catch(() => {}); // whoever starts the first work is told

async function compile() {
  const packed = JSON.parse(text('component'));
  const compiled = Object.entries(packed).map(async ([name, base64]) => {
    const bytes = Uint8Array.from(atob(base64), character => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
    return [name, await WebAssembly.compile(await new Response(stream).arrayBuffer())];
  });
  return Object.fromEntries(await Promise.all(compiled));
}

/**
 * Starts a piece of work: `job` is one of those in `worker.js`, `input` what it wants. `tell` takes what it reports on the
 * way; `take` takes the pieces of a file, one at a time.
 *
 * Gives `{ result, cancel }`. The promise fails with a `Failure`, or with `Cancelled`.
 */
export function start(job, input, { tell = () => {}, take } = {}) {
  let worker;
  let cancel;
  const result = new Promise((resolve, reject) => {
    cancel = () => reject(new Cancelled());
    modules.then(
      compiled => {
        if (cancel === undefined) return;
        worker = new Worker(script);
        worker.onerror = event => reject(new Failure('host', event.message ?? 'the worker did not start'));
        worker.onmessage = ({ data }) => {
          if ('done' in data) resolve(data.done);
          else if ('failed' in data) reject(new Failure(data.failed.kind, data.failed.message, data.failed.remarks));
          else if ('piece' in data) take(data.piece).then(() => worker.postMessage('more'), reject);
          else tell(data.told);
        };
        worker.postMessage({ job, modules: compiled, input });
      },
      error => reject(new Failure('host', `the component does not start: ${error.message}`)),
    );
  }).finally(() => {
    cancel = undefined;
    // The page keeps what this gives longer than the work takes, but not the key.
    input = undefined;
    worker?.terminate();
  });
  return { result, cancel: () => cancel?.() };
}
