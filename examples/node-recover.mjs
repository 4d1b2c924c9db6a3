// Recovers a database in Node: node node-recover.mjs app.bundle [DELTA…] app.key app.db

import { LifeboatError, recoverFile } from 'sqlite-lifeboat/recovery';

const bundles = process.argv.slice(2);
const [keyFile, target] = bundles.splice(-2);
if (bundles.length === 0) {
  console.error('usage: node node-recover.mjs FULL-BUNDLE [DELTA…] KEY-FILE TARGET');
  process.exit(2);
}

try {
  // The file appears complete and proved, or not at all.
  const { summary, size, advice } = await recoverFile(bundles, `file:${keyFile}`, target);
  for (const { name, rows } of summary.tables) console.log(`${rows} rows in ${name}`);
  console.log(`recovered ${size} bytes to ${target}: the state ${summary.report.stateId}`);
  if (advice) console.log(advice);
} catch (error) {
  if (!(error instanceof LifeboatError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
