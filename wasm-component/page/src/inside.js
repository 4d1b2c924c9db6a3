// Step 3: what is inside, once the backup has been opened and proved.

import { make, notice } from './dom.js';
import { NAMELESS, begin as rows } from './rows.js';
import { bytes, count, grouped, list, size } from './words.js';

/** Statements of a schema that are shown: more would be a burden to the browser. */
const SCHEMA_SHOWN = 1000;


/** The elements that show a summary. `source` is `{ chain, key }`, for a look at rows. */
export function inside(summary, source) {
  const { report, bundles, tables, schema, selection } = summary;
  const total = tables.reduce((sum, table) => sum + table.rows, 0);
  const size_ = bundles.reduce((sum, bundle) => sum + bundle.size, 0);
  const all = schema.filter(({ kind }) => kind === 'table').length;
  return make('div', { class: 'inside' },
    notice('good', 'Opened, and proved to be complete',
      make('p', {}, `${count(total, 'row')} in ${count(tables.length, 'table')}. Every row was read, and together they are the state that was backed up.`)),
    selection && part(selection),
    make('dl', { class: 'facts' },
      fact('State id', make('code', {}, grouped(report.stateId))),
      fact('Domain', summary.domain || 'none'),
      fact('Signed by', make('code', {}, report.verifyKey)),
      fact('Backup', `${count(bundles.length, 'file')}, ${size(size_)}`),
      fact('Database', settings(summary)),
    ),
    make('details', {}, make('summary', {}, `Tables with rows: ${tables.length} of ${all}`), tableOf(tables)),
    make('details', {}, make('summary', {}, `Schema: ${count(schema.length, 'statement')}`), schemaOf(schema)),
    tables.length > 0 && rows(tables, source),
  );
}

const fact = (name, ...value) => [make('dt', {}, name), make('dd', {}, ...value)];

function settings({ encoding, applicationId, userVersion }) {
  return `${encoding}; application_id ${applicationId}, user_version ${userVersion}`;
}

/** A state that is a part of a database must not be taken for the whole. */
function part({ tables, exclude, conditions, cache }) {
  return notice('warn', 'This is a part of a database',
    make('p', {}, 'Who made the backup chose what goes into it. The recovered database has that part alone.'),
    tables && make('p', {}, `Only the tables ${list(tables)}.`),
    exclude.length > 0 && make('p', {}, `Without ${list(exclude)}.`),
    conditions.map(({ table, sql }) => make('p', {}, `Of ${table} only the rows where `, make('code', {}, sql), '.')),
    cache.length > 0 && make('p', {}, `Without the rows of ${list(cache)}.`));
}

function tableOf(tables) {
  return make('div', { class: 'scroll', role: 'region', tabindex: '0', 'aria-label': 'Tables and their rows' },
    make('table', {},
      make('thead', {}, make('tr', {}, make('th', { scope: 'col' }, 'Table'), make('th', { scope: 'col', class: 'number' }, 'Rows'))),
      make('tbody', {}, tables.map(({ name, rows: n }) => make('tr', {}, make('td', {}, name || NAMELESS), make('td', { class: 'number' }, n.toLocaleString('en')))))));
}

function schemaOf(schema) {
  const hidden = schema.length - SCHEMA_SHOWN;
  return make('div', { class: 'scroll', role: 'region', tabindex: '0', 'aria-label': 'Schema' },
    schema.slice(0, SCHEMA_SHOWN).map(({ sql }) => make('pre', { class: 'schema' }, `${sql};`)),
    hidden > 0 && make('p', { class: 'schema' }, `and ${hidden} more`));
}

/** What was recovered and saved. `again` is the address of a download. */
export function saved(recovered, name, { address }) {
  const { sqliteVersion, expressionIndexes, partialIndexes, storedColumns } = recovered;
  const anew = [...expressionIndexes, ...partialIndexes, ...storedColumns];
  return notice('good', address ? 'The database is complete' : 'The database is saved',
    make('p', {}, make('strong', {}, name), `, ${bytes(recovered.size)}.`),
    address && make('p', {}, 'The browser puts it with its downloads. If it did not: ', make('a', { href: address, download: name, id: 'download' }, 'save it now'), '.'),
    make('p', {}, `SQLite ${sqliteVersion} built it here, gave back every row, and found the file in order: it is the state that was backed up.`),
    anew.length > 0 && make('details', {}, make('summary', {}, `Computed anew: ${anew.length}`),
      make('p', {}, `Indexes on expressions or with a condition, and stored generated columns, are no part of a backup. SQLite computed these anew; with functions that changed between versions they may differ: ${list(anew)}.`)));
}
