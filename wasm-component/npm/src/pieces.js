// Bundles in pieces, whatever form they have.

import { LifeboatError, misuse, said } from './error.js';
import { keyIn } from './key.js';

/** @typedef {import('./core.js').Bundle} Bundle */

// The most that the component takes at one time. Chunks that come together are opened together, which takes less time.
const PIECE = 1 << 20;

/**
 * The bundles of a chain, oldest first.
 * @param {import('./types.js').Chain<string | URL>} chain
 * @param {((path: string | URL) => Promise<Bundle>) | undefined} file opens what a path names, where there are files
 * @returns {Promise<Bundle[]>}
 */
export async function bundlesOf(chain, file) {
  const sources = Array.isArray(chain) ? chain : [chain];
  if (sources.length === 0) throw misuse('the chain has no bundle; give a full bundle, or one and its deltas');
  const bundles = [];
  for (const source of sources) bundles.push(await bundleOf(source, file));
  return bundles;
}

/**
 * @param {unknown} source
 * @param {((path: string | URL) => Promise<Bundle>) | undefined} file
 * @returns {Promise<Bundle>}
 */
export async function bundleOf(source, file) {
  if (typeof source === 'string' || source instanceof URL) {
    refuseKey(source, 'a bundle');
    if (file) return file(source);
    throw misuse('there are no paths here; give the bundle as bytes, a Blob or a stream');
  }
  if (source instanceof ArrayBuffer || ArrayBuffer.isView(source)) {
    const bytes = view(source);
    return { size: bytes.length, read: () => [bytes][Symbol.iterator]() };
  }
  if (typeof Blob === 'function' && source instanceof Blob) {
    const name = 'name' in source ? `'${source.name}'` : undefined;
    return { name, size: source.size, read: () => slices(source, name ?? 'the bundle') };
  }
  const readable = /** @type {ReadableStream<unknown> | null | undefined} */ (source);
  if (typeof readable?.getReader === 'function') return { read: () => stream(readable) };
  const iterable = /** @type {AsyncIterable<unknown> | null | undefined} */ (source);
  if (typeof iterable?.[Symbol.asyncIterator] === 'function') return { read: () => iterable[Symbol.asyncIterator]() };
  throw misuse('a bundle is given as bytes, a Blob, a stream or an async iterable of bytes, or in Node as a path');
}

/**
 * If a key was given as a path, says so, but does not show it.
 * @param {unknown} path
 * @param {string} what
 */
export function refuseKey(path, what) {
  if (typeof path !== 'string') return;
  const order = 'look at the order of the arguments';
  const key = keyIn(path);
  if (key) throw misuse(`${key} stands where the path of ${what} belongs; ${order}`);
  if (/^(file|env):/.test(path)) {
    const form = "the form of a key, 'file:PATH' or 'env:NAME', stands";
    throw misuse(`${form} where the path of ${what} belongs; ${order} (a file URL is given as a URL)`);
  }
}

/**
 * The pieces of a bundle. Each is valid until the next one is asked for. If the caller stops early, the source is
 * closed.
 * @param {Bundle} bundle
 * @param {AbortSignal | undefined} signal
 * @returns {AsyncGenerator<Uint8Array, void>}
 */
export async function* pieces(bundle, signal) {
  const iterator = bundle.read();
  let isOver = false;
  try {
    for (;;) {
      const { value, done } = await abortable(iterator.next(), signal);
      if (done) {
        isOver = true;
        return;
      }
      const bytes = view(value);
      for (let at = 0; at < bytes.length; at += PIECE) yield bytes.subarray(at, at + PIECE);
    }
  } finally {
    if (!isOver) {
      // The first error matters more than a failure here. After an abort the source may hang, so nobody waits for it.
      const left = Promise.resolve(iterator.return?.()).catch(() => {});
      if (!signal?.aborted) await left;
    }
  }
}

/**
 * Waits, but not longer than until the abort.
 * @template T
 * @param {T | PromiseLike<T>} value
 * @param {AbortSignal | undefined} signal
 * @returns {Promise<T>}
 */
export function abortable(value, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal?.reason);
    if (signal?.aborted) stop();
    signal?.addEventListener('abort', stop, { once: true });
    const done = () => signal?.removeEventListener('abort', stop);
    Promise.resolve(value).then(resolve, reject).finally(done);
  });
}

/**
 * @param {unknown} value
 * @returns {Uint8Array}
 */
function view(value) {
  if (value instanceof Uint8Array) return value;
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  throw misuse('a piece of a bundle is not bytes; a stream of bytes must have no text encoding');
}

/**
 * @param {Blob} blob
 * @param {string} name
 */
async function* slices(blob, name) {
  const slice = 1 << 20;
  for (let at = 0; at < blob.size; at += slice) {
    try {
      yield await blob.slice(at, at + slice).arrayBuffer();
    } catch (error) {
      throw new LifeboatError('host', `${name} cannot be read: ${said(error)}`, { cause: error });
    }
  }
}

/**
 * A stream as an iterator. Not every browser can make one of it.
 * @param {ReadableStream<unknown>} source
 * @returns {AsyncIterator<unknown>}
 */
function stream(source) {
  const reader = source.getReader();
  return {
    async next() {
      const { value, done } = await reader.read();
      if (done) reader.releaseLock();
      return { value, done };
    },
    async return() {
      await reader.cancel();
      return { value: undefined, done: true };
    },
  };
}
