// The work itself, in a worker of its own: `work.js` starts one for each piece of work.

import { IllFormedText, LifeboatError, lifeboat } from 'sqlite-lifeboat/recovery/core';
import { code } from './qr.js';

/** Milliseconds between two reports of progress. */
const OFTEN = 50;
/** Characters and bytes of a value that are shown. */
const TEXT_SHOWN = 240;
const BLOB_SHOWN = 16;

const JOBS = { check, key, qr, find, info, rows, recover };

addEventListener('message', begin, { once: true });

async function begin({ data: { job, modules, input } }) {
  try {
    const recovery = lifeboat(name => modules[name]);
    postMessage({ done: await JOBS[job](recovery, input, modules) });
  } catch (error) {
    postMessage({ failed: failureOf(error) });
  }
}

/** Checks files without a key, one after the other, and reports on each by its index. */
async function check(recovery, { files }) {
  for (const [index, file] of files.entries()) {
    const progress = seldom(({ done }) => postMessage({ told: { index, done } }));
    try {
      const { report } = await recovery.verify(file, { progress });
      postMessage({ told: { index, report } });
    } catch (error) {
      postMessage({ told: { index, failed: failureOf(error) } });
    }
  }
}

/**
 * What the component says of a key: misuse when it is none. Otherwise it goes on to the head of the full bundle, if there
 * is one: wrong key when another made it. The rest of the bundle is not there, so that the best that it says is truncated.
 */
async function key(recovery, { key, head = new Uint8Array() }) {
  return recovery.info(head, key).then(() => ({ kind: 'truncated', message: '' }), failureOf);
}

/** The key as a QR code. */
async function qr(recovery, { key }, modules) {
  return code(modules['qr.wasm'], key);
}

/** Finds the bundles of the newest state in copies, or of the state that is expected. */
async function find(recovery, { copies, key, expect, domain }) {
  const options = { ...(expect && { state: expect }), ...(domain && { domain }), progress: progress() };
  return recovery.find(copies.flatMap(({ files }) => files), key, options);
}

/** Opens and proves a chain. */
async function info(recovery, { chain, key, expect }) {
  return recovery.info(chain, key, { ...(expect && { expect }), progress: progress() });
}

/** The first rows of a table. That they are all there was proved when the chain was opened. */
async function rows(recovery, { chain, key, expect, table, limit }) {
  const found = { columns: [], rows: [] };
  for await (const batch of recovery.rows(chain, key, { ...(expect && { expect }), progress: progress() })) {
    if (batch.table !== table) {
      if (found.rows.length > 0) break;
      continue;
    }
    found.columns = batch.columns;
    for (const { rowid, values } of batch.rows.slice(0, limit - found.rows.length)) {
      found.rows.push({ rowid: rowid === null ? undefined : String(rowid), cells: values.map(cell) });
    }
    if (found.rows.length === limit) break;
  }
  return found;
}

/** Builds the database and hands it out in pieces, each when the one before it was taken. */
async function recover(recovery, { chain, key, expect }) {
  const stream = new WritableStream({
    write(piece) {
      const whole = piece.byteLength === piece.buffer.byteLength ? piece : piece.slice();
      postMessage({ piece: whole }, [whole.buffer]);
      return new Promise(resolve => addEventListener('message', resolve, { once: true }));
    },
  });
  const options = { ...(expect && { expect }), skipIndexes: true, progress: progress() };
  return recovery.recoverToStream(chain, key, stream, options);
}

/** Reports of progress, not too often. */
const progress = () => seldom(told => postMessage({ told }));

function seldom(tell) {
  let phase;
  let next = 0;
  return told => {
    if (told.phase === phase && performance.now() < next) return;
    phase = told.phase;
    next = performance.now() + OFTEN;
    tell(told);
  };
}

function failureOf(error) {
  if (error instanceof LifeboatError) return { kind: error.kind, message: error.text, remarks: error.remarks };
  return { kind: 'host', message: error?.message ?? String(error) };
}

/** A value as it is shown: its type, its text, and how much more there is. */
function cell(value) {
  if (value === null) return { type: 'null', text: 'NULL' };
  if (typeof value === 'bigint') return { type: 'integer', text: String(value) };
  if (typeof value === 'number') return { type: 'real', text: real(value) };
  if (typeof value === 'string') return textCell('text', value);
  if (value instanceof IllFormedText)
    return { ...textCell('text', String(value)), more: `ill-formed ${value.encoding}, ${value.bytes.length} bytes` };
  const hex = Array.from(value.subarray(0, BLOB_SHOWN), byte => byte.toString(16).padStart(2, '0')).join('');
  const isCut = value.length > BLOB_SHOWN;
  return {
    type: 'blob',
    text: `x'${hex}${isCut ? '…' : "'"}`,
    more: isCut ? `${value.length.toLocaleString('en')} bytes` : undefined,
  };
}

function textCell(type, text) {
  if (text.length <= TEXT_SHOWN) return { type, text };
  // Not in the middle of a character of two units.
  const shown = text.slice(0, TEXT_SHOWN).replace(/[\uD800-\uDBFF]$/, '');
  return { type, text: shown, more: `… ${text.length.toLocaleString('en')} characters` };
}

/** A REAL as SQLite writes it, never to be taken for an integer. */
function real(value) {
  if (!Number.isFinite(value)) return value < 0 ? '-Inf' : 'Inf';
  if (Object.is(value, -0)) return '-0.0';
  const text = String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}
