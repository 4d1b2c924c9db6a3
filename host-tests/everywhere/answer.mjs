// What JavaScript answers to a case, with the functions of `sqlite-lifeboat/recovery`. For Node and browsers.

import { Digest, hex, sha256 } from './digest.mjs';

const JOBS = { audit, inspect, recover, rows };

/**
 * Asks for the jobs of a case. `lifeboat`: the package; `bundles`: the bytes of each, oldest first.
 */
export async function answer(lifeboat, asked, bundles) {
  const line = { name: asked.name };
  // Bytes have no name, so that no message holds one.
  const chain = bundles.length === 1 ? bundles[0] : bundles;
  const expect = asked.expect === null ? {} : { expect: asked.expect };
  for (const job of Object.keys(asked.outcome)) {
    try {
      line[job] = await JOBS[job](lifeboat, chain, asked, expect);
    } catch (error) {
      if (!(error instanceof lifeboat.LifeboatError)) throw error;
      line[job] = { error: error.kind, message: error.text };
    }
  }
  return line;
}

async function audit(lifeboat, chain, { verify_key }, expect) {
  const { report, bundles } = await lifeboat.verify(chain, { ...expect, ...(verify_key === null ? {} : { verifyKey: verify_key }) });
  const sum = field => bundles.reduce((sum, bundle) => sum + bundle[field], 0);
  return {
    state_id: report.stateId,
    base_id: bundles[0].baseId,
    domain_id: report.domainId,
    verify_key: report.verifyKey,
    authentic: bundles.every(bundle => bundle.authentic),
    bytes: sum('size'),
    chunks: sum('chunks'),
    bundles: bundles.length,
  };
}

async function inspect(lifeboat, chain, { key }, expect) {
  const summary = await lifeboat.info(chain, key, expect);
  const kinds = kind => summary.schema.filter(object => object.kind === kind).length;
  const { selection } = summary;
  return {
    state_id: summary.report.stateId,
    domain: summary.domain,
    domain_proven: summary.domainProven,
    application_id: summary.applicationId,
    user_version: summary.userVersion,
    encoding: summary.encoding,
    tables: Object.fromEntries(summary.tables.map(({ name, rows }) => [name, rows])),
    schema: { tables: kinds('table'), indexes: kinds('index'), views: kinds('view'), triggers: kinds('trigger') },
    selection: selection && {
      tables: selection.tables,
      exclude: selection.exclude,
      where: Object.fromEntries(selection.conditions.map(({ table, sql }) => [table, sql])),
      cache: selection.cache,
    },
  };
}

async function recover(lifeboat, chain, { key, page_size, skip_indexes }, expect) {
  const pageSize = page_size === null ? {} : { pageSize: page_size };
  const recovered = await lifeboat.recover(chain, key, { ...expect, ...pageSize, skipIndexes: skip_indexes });
  return {
    state_id: recovered.summary.report.stateId,
    database_sha256: hex(await sha256(recovered.bytes)),
    bytes: recovered.bytes.length,
    rebuilt: {
      expression_indexes: recovered.expressionIndexes,
      partial_indexes: recovered.partialIndexes,
      stored_columns: recovered.storedColumns,
    },
    left_out: recovered.leftOut,
    sqlite: recovered.sqliteVersion,
    advice: recovered.advice,
  };
}

async function rows(lifeboat, chain, { key }, expect) {
  const digest = new Digest();
  const batches = lifeboat.rows(chain, key, expect);
  for (;;) {
    const { value, done } = await batches.next();
    if (done) return { state_id: value.report.stateId, rows_sha256: await digest.finish(), tables: digest.tables };
    await digest.add(value);
  }
}
