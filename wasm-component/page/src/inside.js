// Step 3: what is inside, once the backup has been opened and proved.

import { make, notice } from './dom.js';
import { NAMELESS, TABLES_SHOWN, begin as rows } from './rows.js';
import { bytes, count, grouped, list, size } from './words.js';

/** The elements that show a summary. `source` is `{ chain, key, expect }`, for a look at rows. */
export function inside(summary, source) {
  const { report, bundles, tables, schema, selection, encoding, applicationId, userVersion } = summary;
  const sum = numbers => numbers.reduce((total, number) => total + number, 0);
  const all = schema.filter(({ kind }) => kind === 'table').length;
  const found = `${count(sum(tables.map(table => table.rows)), 'row')} in ${count(tables.length, 'table')}`;
  return make(
    'div',
    { class: 'inside' },
    notice(
      'good',
      'Opened, and proved to be complete',
      make('p', `${found}. Every row was read, and together they are the state that was backed up.`),
    ),
    selection && part(selection),
    make(
      'dl',
      { class: 'facts' },
      fact('State id', make('code', grouped(report.stateId))),
      fact('Domain', summary.domain || 'none'),
      fact('Signed by', make('code', report.verifyKey)),
      fact('Backup', `${count(bundles.length, 'file')}, ${size(sum(bundles.map(bundle => bundle.size)))}`),
      fact('Database', `${encoding}; application_id ${applicationId}, user_version ${userVersion}`),
    ),
    make('details', make('summary', `Tables with rows: ${tables.length} of ${all}`), tablesOf(tables)),
    make('details', make('summary', `Schema: ${count(schema.length, 'statement')}`), schemaOf(schema)),
    tables.length > 0 && rows(tables, source),
  );
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

/** What was recovered and saved. `address`: that of a download, where it is one. */
export function saved({ size: length, sqliteVersion, ...recovered }, name, { address }) {
  const proof = 'gave back every row, and found the file in order: it is the state that was backed up';
  const link = address && make('a', { href: address, download: name, id: 'download' }, 'save it now');
  return notice(
    'good',
    link ? 'The database is complete' : 'The database is saved',
    make('p', make('strong', name), `, ${bytes(length)}.`),
    link && make('p', 'The browser puts it with its downloads. If it did not: ', link, '.'),
    make('p', `SQLite ${sqliteVersion} built it here, ${proof}.`),
    anew(recovered),
  );
}

/** What is no part of a state, and was therefore computed when the database was built. */
function anew({ expressionIndexes, partialIndexes, storedColumns }) {
  const names = [...new Set([...expressionIndexes, ...partialIndexes, ...storedColumns])];
  if (names.length === 0) return undefined;
  return make(
    'details',
    make('summary', `Computed anew: ${names.length}`),
    make('p', 'A backup does not hold what is computed: indexes and generated columns. SQLite computed these here:'),
    make('p', `${list(names)}.`),
    make('p', 'They differ from what was lost only where a function that they use differs between versions of SQLite.'),
  );
}
