// What the component says, as JavaScript likes it: sizes and counts as numbers, null for what is not there.

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
  applicationId: summary.applicationId,
  userVersion: summary.userVersion,
  encoding: ENCODINGS[summary.encoding],
  schema: summary.schema,
  tables: summary.tables.map(({ name, rows }) => ({ name, rows: Number(rows) })),
  selection: summary.selection ? { ...summary.selection, tables: summary.selection.tables ?? null } : null,
});

/**
 * @param {import('../component/interfaces/lifeboat-recovery-recovery.js').Recovered} recovered
 * @returns {import('./types.js').Recovered}
 */
export const recoveredOf = recovered => ({
  summary: summaryOf(recovered.summary),
  size: Number(recovered.size),
  expressionIndexes: recovered.expressionIndexes,
  partialIndexes: recovered.partialIndexes,
  storedColumns: recovered.storedColumns,
  sqliteVersion: recovered.sqliteVersion,
});
