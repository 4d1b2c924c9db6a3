// Step 3: what is inside, once the backup has been opened and proved.

import { olderTitle, saveFound } from './copy.js';
import { make, notice } from './dom.js';
import { NAMELESS, TABLES_SHOWN, begin as rows } from './rows.js';
import { bytes, count, grouped, list, size } from './words.js';

/** Whether a person must be told that the state may be an older one: files were left out, and no state was expected. */
export const mayBeOlder = ({ leftOut, expect, found }) =>
  found ? found.older : leftOut.files.length > 0 && expect === undefined;

/** The elements that show a summary. `source` is `{ chain, expect, leftOut, found }`; the first two are for a look at
 * rows, `found` is what was found in copies. */
export function inside(summary, source) {
  const { report, bundles, tables, schema, selection, encoding, applicationId, userVersion } = summary;
  const sum = numbers => numbers.reduce((total, number) => total + number, 0);
  const all = schema.filter(({ kind }) => kind === 'table').length;
  const found = `${count(sum(tables.map(table => table.rows)), 'row')} in ${count(tables.length, 'table')}`;
  return make(
    'div',
    { class: 'inside' },
    notice(
      mayBeOlder(source) ? 'warn' : 'good',
      opened(source),
      make('p', `${found}. Every row was read, and together they are the state that ${source.leftOut.last} leads to.`),
      missing(source),
    ),
    selection && part(selection),
    make(
      'dl',
      { class: 'facts' },
      fact('State id', make('code', grouped(report.stateId))),
      fact('Domain', domainOf(summary)),
      fact('Signed by', make('code', report.verifyKey)),
      fact('Backup', `${count(bundles.length, 'file')}, ${size(sum(bundles.map(bundle => bundle.size)))}`),
      fact('Database', `${encoding}; application_id ${applicationId}, user_version ${userVersion}`),
    ),
    make('details', make('summary', `Tables with rows: ${tables.length} of ${all}`), tablesOf(tables)),
    make('details', make('summary', `Schema: ${count(schema.length, 'statement')}`), schemaOf(schema)),
    tables.length > 0 && rows(tables, source),
  );
}

/** The title of what was opened. */
export function opened(source) {
  if (!mayBeOlder(source)) return 'Opened, and proved to be complete';
  return source.found ? olderTitle(source.found) : 'Opened, but files were left out: it may be an older state';
}

/** What was left out of the chain, and so is not in the database. */
function missing({ leftOut: { files, others, last }, expect, found }) {
  if (found) return saveFound(found);
  const older = 'They may hold what was changed later. Look for sound copies of them, and of what is missing, in another place.';
  const known = 'The state is the one that you noted, so nothing of it is in them.';
  return [
    files.length > 0 && [
      make('p', `${count(files.length, 'file')} left out: `, make('strong', list(files.map(({ name, why }) => `${name} (${why})`))), '.'),
      make('p', expect === undefined ? older : known),
    ],
    others > 0 && make('p', `The files lead to ${count(others + 1, 'different state')}; this is the one of ${last}.`),
  ].flat();
}

/** The name of a domain is a label, unless the key proves it. */
export function domainOf({ domain, domainProven }) {
  if (domainProven) return domain;
  const unknown = 'only the recovery key can tell whether the domain has this name';
  const why = domainProven === false ? 'the domain has another name' : unknown;
  return `${domain || 'none'} (a label: ${why})`;
}

const fact = (name, value) => [make('dt', name), make('dd', value)];

/** A state that is a part of a database must not be taken for the whole. */
function part({ tables, exclude, conditions, cache }) {
  return notice(
    'warn',
    'This is a part of a database',
    make('p', 'Who made the backup chose what goes into it. The recovered database has that part alone.'),
    tables && make('p', `Only the tables ${list(tables)}.`),
    exclude.length > 0 && make('p', `Without ${list(exclude)}.`),
    conditions.map(({ table, sql }) => make('p', `Of ${table} only the rows where `, make('code', sql), '.')),
    cache.length > 0 && make('p', `Without the rows of ${list(cache)}.`),
  );
}

/** A place that scrolls by itself, by keyboard too. */
const scroll = (label, ...children) =>
  make('div', { class: 'scroll', role: 'region', tabindex: '0', 'aria-label': label }, ...children);

function tablesOf(tables) {
  const number = { class: 'number' };
  const row = ({ name, rows: n }) =>
    make('tr', make('td', name || NAMELESS), make('td', number, n.toLocaleString('en')));
  const head = make('tr', make('th', { scope: 'col' }, 'Table'), make('th', { scope: 'col', ...number }, 'Rows'));
  const body = tables.slice(0, TABLES_SHOWN).map(row);
  return scroll('Tables and their rows', make('table', make('thead', head), make('tbody', body)), rest(tables));
}

function schemaOf(schema) {
  const statements = schema.slice(0, TABLES_SHOWN).map(({ sql }) => make('pre', { class: 'schema' }, `${sql};`));
  return scroll('Schema', statements, rest(schema));
}

const rest = ({ length }) =>
  length > TABLES_SHOWN && make('p', { class: 'schema' }, `and ${(length - TABLES_SHOWN).toLocaleString('en')} more`);

/**
 * What was recovered and saved, out of `source` (see `inside`). `address`: that of a download, where it is one.
 */
export function saved({ size: length, sqliteVersion, ...recovered }, name, { address }, source) {
  const state = `it is the state that ${source.leftOut.last} leads to`;
  const link = address && make('a', { href: address, download: name, id: 'download' }, 'save it now');
  return [
    notice(
      mayBeOlder(source) ? 'warn' : 'good',
      savedTitle(source, link),
      make('p', make('strong', name), `, ${bytes(length)}.`),
      link && make('p', 'The browser puts it with its downloads. If it did not: ', link, '.'),
      make('p', `SQLite ${sqliteVersion} built it here, gave back every row, and found the file in order: ${state}.`),
      missing(source),
    ),
    anew(recovered),
  ].filter(Boolean);
}

function savedTitle(source, isDownload) {
  const done = isDownload ? 'The database is complete' : 'The database is saved';
  if (!mayBeOlder(source)) return done;
  return source.found ? `${done}. ${olderTitle(source.found)}` : `${done}, but files were left out: it may be an older state`;
}

/** What is no part of a state, and was therefore computed when the database was built: what to do with it. */
function anew({ advice, expressionIndexes, partialIndexes, storedColumns, leftOut }) {
  if (advice === null) return undefined;
  const isIndex = expressionIndexes.length + partialIndexes.length > 0;
  const names = [...new Set([...leftOut, ...expressionIndexes, ...partialIndexes, ...storedColumns])];
  let title = 'Before you use it: columns were computed here';
  if (isIndex) title = 'Before you use it: run REINDEX';
  if (leftOut.length > 0) title = 'All rows are there, but indexes are missing';
  return notice(
    'warn',
    title,
    make('p', advice),
    names.length > 10 && make('details', make('summary', `All ${names.length} of them`), make('p', `${list(names)}.`)),
  );
}
