// Z13, Z14: the acceptance database, 173 MB with 512,000 tokens, of which 51,200 are in error, and 100 vouchers.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { test } from 'node:test';
import { assertEqual, corpus, directory, keygen, sqlite } from './support.mjs';

/** The largest resident set that is right, in MiB. Node by itself takes about 50. */
const PEAKS = { verify: 130, info: 150, rows: 250, recoverFile: 500 };

test('the acceptance database', t => {
  const path = directory(t);
  const key = keygen();
  const source = corpus('zkap');
  sqlite(source, `SELECT length(backup_export_file('${key}', '${path('zkap.bundle')}'))`);
  const tables = sqlite(
    source,
    `SELECT json_group_object(name, rows) FROM backup_tables('${path('zkap.bundle')}', '${key}') WHERE rows > 0`,
  );

  for (const [use, most] of Object.entries(PEAKS)) {
    const args = ['measure.mjs', use, path('zkap.bundle'), key, path('copy.db')];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    const { seconds, peak, longest, counts } = JSON.parse(stdout);
    t.diagnostic(`${use}: ${seconds.toFixed(1)} s, ${Math.round(peak)} MiB, longest wait ${Math.round(longest)} ms`);
    assert.ok(peak < most, `${use}: ${peak} MiB`);
    if (use !== 'verify') assert.deepEqual(counts, JSON.parse(tables));
  }
  assertEqual(source, path('copy.db'));
  assert.ok(statSync(path('copy.db')).size > 150_000_000);
  const counts = ['unblinded-tokens', 'invalid-unblinded-tokens', 'vouchers'].map(
    table => `SELECT count(*) FROM "${table}";`,
  );
  assert.equal(sqlite(path('copy.db'), counts.join('')), '512000\n51200\n100');
});
