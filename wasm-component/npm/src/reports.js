// What the component says, in the forms of JavaScript: numbers for sizes and counts, and null for what is missing.

import { ENCODINGS } from './values.js';

/**
 * @param {import('../component/interfaces/lifeboat-recovery-recovery.js').Report} report
 * @returns {import('./types.js').Report}
 */
export const reportOf = report => ({
  stateId: report.stateId,
  baseId: report.baseId ?? null,
  domainId: report.domainId,
  verifyKey: report.verifyKey,
  authentic: report.authentic,
  size: Number(report.size),
  chunks: Number(report.chunks),
  stateRevision: report.stateRevision,
  suite: report.suite,
});

/**
 * @param {import('../component/interfaces/lifeboat-recovery-recovery.js').Summary} summary
 * @returns {import('./types.js').Summary}
 */
export const summaryOf = summary => ({
  report: reportOf(summary.report),
  bundles: summary.bundles.map(reportOf),
  domain: summary.domain,
  domainProven: summary.domainProven ?? null,
  applicationId: summary.applicationId,
  userVersion: summary.userVersion,
  encoding: ENCODINGS[summary.encoding],
  schema: summary.schema,
  tables: tablesOf(summary.tables),
  selection: selectionOf(summary.selection),
});

/**
 * @param {import('../component/interfaces/lifeboat-recovery-recovery.js').Recovered} recovered
 * @returns {import('./types.js').Recovered}
 */
export const recoveredOf = recovered => ({ summary: summaryOf(recovered.summary), ...builtOf(recovered.built) });

/**
 * @param {import('../component/interfaces/lifeboat-recovery-recovery.js').Built} built
 * @returns {import('./types.js').Built}
 */
export const builtOf = built => ({ ...built, size: Number(built.size), advice: adviceOf(built) });

/**
 * @param {import('../component/interfaces/lifeboat-recovery-recovery.js').Table[]} tables
 */
export const tablesOf = tables => tables.map(({ name, rows }) => ({ name, rows: Number(rows) }));

/**
 * @param {import('../component/interfaces/lifeboat-recovery-recovery.js').Selection | undefined} selection
 * @returns {import('./types.js').Selection | null}
 */
export const selectionOf = selection => (selection ? { ...selection, tables: selection.tables ?? null } : null);

/**
 * What to do about the parts that do not belong to a state and were computed here, in the words of the command. Null:
 * nothing.
 * @param {import('../component/interfaces/lifeboat-recovery-recovery.js').Built} built
 */
function adviceOf({ expressionIndexes, partialIndexes, storedColumns, leftOut, sqliteVersion }) {
  const indexes = [...new Set([...expressionIndexes, ...partialIndexes])];
  const computed = [
    ...(indexes.length > 0 ? [listed('index', 'indexes', indexes)] : []),
    ...(storedColumns.length > 0 ? [listed('stored column', 'stored columns', storedColumns)] : []),
  ].join(' and the ');
  const miss = ' It would then miss rows: run REINDEX with the SQLite that will use the database, before it is used.';
  const stored =
    ' REINDEX computes no stored columns: they are computed when the rows of their tables are updated, or all of it when ' +
    "Lifeboat's extension restores in that SQLite.";
  const said = [];
  if (computed !== '') {
    said.push(
      `SQLite ${sqliteVersion}, inside the component, computed the ${computed}. ` +
        `Another SQLite may compute the same expressions otherwise.${indexes.length > 0 ? miss : ''}` +
        (storedColumns.length > 0 ? stored : ''),
    );
  }
  if (leftOut.length > 0) {
    said.push(
      `The database is without the ${listed('index', 'indexes', leftOut)}, which SQLite ${sqliteVersion}, inside the ` +
        'component, cannot build. Create what is left out again in the application: the schema of the summary has the ' +
        'statements.',
    );
  }
  return said.length > 0 ? said.join(' ') : null;
}

/**
 * A list of names for a sentence: only the first ten, without characters that could control a terminal.
 * @param {string} one
 * @param {string} many
 * @param {string[]} names
 */
function listed(one, many, names) {
  const first = names.slice(0, 10).map(name => name.replace(/\p{Cc}/gu, '\ufffd'));
  const more = names.length > 10 ? ` and ${names.length - 10} more` : '';
  return `${names.length === 1 ? one : many} ${first.join(', ')}${more}`;
}
