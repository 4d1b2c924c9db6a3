// What damaged bundles can still prove, and what is missing. Facts and names are those of the extension's JSON. Values
// are those of JavaScript.

import { builtOf, selectionOf, tablesOf } from './reports.js';
import { ENCODINGS, textOf } from './values.js';

/** @typedef {import('../component/interfaces/lifeboat-recovery-recovery.js').Missing} WireMissing */
/** @typedef {import('../component/interfaces/lifeboat-recovery-recovery.js').Place} Place */
/** @typedef {import('../component/interfaces/lifeboat-recovery-recovery.js').RangeKey} RangeKey */
/** @typedef {import('../component/interfaces/lifeboat-recovery-recovery.js').KeyValue} KeyValue */

/**
 * @param {import('../component/interfaces/lifeboat-recovery-recovery.js').Salvaged} salvaged
 * @returns {import('./types.js').Salvaged}
 */
export const salvagedOf = salvaged => ({
  salvaged: true,
  domain: salvaged.domain ?? null,
  applicationId: salvaged.applicationId ?? null,
  userVersion: salvaged.userVersion ?? null,
  encoding: salvaged.encoding ? ENCODINGS[salvaged.encoding] : null,
  schema: salvaged.schema ?? null,
  tables: tablesOf(salvaged.tables),
  selection: selectionOf(salvaged.selection),
  damaged: salvaged.damaged,
  missing: salvaged.missing.map(missingOf),
  missingMore: Number(salvaged.missingMore),
});

/**
 * @param {import('./types.js').Salvaged} summary
 * @param {import('../component/interfaces/lifeboat-recovery-recovery.js').SalvagedDatabase} database
 * @returns {import('./types.js').SalvagedDatabase}
 */
export const salvagedDatabaseOf = (summary, { built, foreignKeyCheck }) => ({
  summary,
  ...builtOf(built),
  foreignKeyCheck,
});

/**
 * @param {WireMissing} missing
 * @returns {import('./types.js').Missing}
 */
function missingOf({ bundle, position, items, why, range }) {
  const where = { bundle, item: position.item, items, offset: Number(position.offset), why };
  switch (range.tag) {
    case 'part':
      return { ...where, part: range.val };
    case 'table':
      return { ...where, table: range.val.table, from: keyOf(range.val.fromKey), to: keyOf(range.val.toKey) };
    case 'between':
      return { ...where, after: endOf(range.val.after), before: endOf(range.val.before) };
  }
}

/**
 * @param {Place | undefined} place
 * @returns {import('./types.js').RangeEnd | null}
 */
function endOf(place) {
  if (place === undefined) return null;
  return place.tag === 'part' ? { part: place.val } : { table: place.val.table, key: keyOf(place.val.key) };
}

/**
 * @param {RangeKey | undefined} key
 * @returns {import('./types.js').RangeKey | null}
 */
function keyOf(key) {
  if (key === undefined) return null;
  return key.tag === 'rowid' ? key.val : key.val.map(valueOf);
}

/**
 * @param {KeyValue} value
 * @returns {import('./types.js').Value}
 */
function valueOf(value) {
  switch (value.tag) {
    case 'null':
      return null;
    case 'text':
      return textOf(ENCODINGS[value.val.encoding], value.val.bytes);
    default:
      return value.val;
  }
}
