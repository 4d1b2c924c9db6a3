// Where the database goes: into the file that the person chooses, piece by piece; or, where the browser cannot do that, into
// its downloads.

import { Failure } from './words.js';

const TYPES = [
  { description: 'SQLite database', accept: { 'application/vnd.sqlite3': ['.db', '.sqlite', '.sqlite3'] } },
];

/** What to call the database that comes out of a bundle. */
export const nameFor = bundle => `${bundle.replace(/\.(bundle|lifeboat)$/i, '') || 'database'}.recovered.db`;

/**
 * Asks where to save. To be called in answer to a click. None: the person thought better of it.
 *
 * A place is `{ name, write, finish, abandon }`: `write` takes pieces, in order; `finish` makes the file appear, complete,
 * and gives the address of a download where it is one; `abandon` leaves nothing behind.
 */
export async function choosePlace(name) {
  if ('showSaveFilePicker' in window) {
    try {
      return await file(await window.showSaveFilePicker({ suggestedName: name, types: TYPES }));
    } catch (error) {
      if (error.name === 'AbortError') return undefined;
      // A browser that has the function and does not allow it, here or at all.
      if (error.name !== 'SecurityError' && error.name !== 'NotAllowedError') throw refused(name, error);
    }
  }
  return download(name);
}

/** A file on disk. What is written goes beside it, and takes its place when it is closed. */
async function file(handle) {
  const isNew = (await handle.getFile()).size === 0;
  const stream = await handle.createWritable();
  let written = 0;
  return {
    name: handle.name,
    async write(piece) {
      await stream.write(piece).catch(error => Promise.reject(refused(handle.name, error)));
      written += piece.byteLength;
    },
    async finish() {
      await stream.close().catch(error => Promise.reject(refused(handle.name, error)));
      const { size } = await handle.getFile();
      if (size !== written)
        throw new Failure('host', `'${handle.name}' has ${size} bytes instead of ${written}: save it again`);
      return {};
    },
    async abandon() {
      await stream.abort().catch(() => {});
      // The browser made an empty file when the name was chosen.
      if (isNew) await handle.remove?.().catch(() => {});
    },
  };
}

/** A download. The browser keeps the parts, large ones on disk. */
function download(name) {
  const parts = [];
  return {
    name,
    async write(piece) {
      parts.push(new Blob([piece]));
    },
    async finish() {
      return { address: URL.createObjectURL(new Blob(parts, { type: 'application/vnd.sqlite3' })) };
    },
    async abandon() {
      parts.length = 0;
    },
  };
}

function refused(name, error) {
  const remedy = 'is there room on the disk? What was there before is unchanged';
  return new Failure('host', `'${name}' could not be written: ${error.message || error.name}; ${remedy}`);
}
