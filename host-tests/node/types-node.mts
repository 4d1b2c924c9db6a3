// What a program in Node writes, checked by the compiler alone.

import { createReadStream } from 'node:fs';
import {
  find,
  info,
  recover,
  recoverFile,
  recoverToStream,
  rows,
  saves,
  verify,
  IllFormedText,
  LifeboatError,
} from 'sqlite-lifeboat/recovery';
import type {
  Batch,
  Chain,
  Found,
  Kind,
  Progress,
  Recovered,
  Remarks,
  Report,
  Salvaged,
  SalvagedDatabase,
  Save,
  Summary,
  Value,
  Verified,
} from 'sqlite-lifeboat/recovery';
import { lifeboat } from 'sqlite-lifeboat/recovery/core';

declare const key: string;
declare const bytes: Uint8Array;

const checked: Verified = await verify('a.bundle');
const opened: Summary = await verify(['a.bundle', new URL('file:///b.bundle')], {
  key,
  expect: checked.report.stateId,
});
const signed: boolean = (await verify(bytes, { verifyKey: 'lifeboatverify1…' })).report.authentic;
const summary: Summary = await info(createReadStream('a.bundle'), key);
const base: string | null = opened.bundles[0].baseId;
const report: Report = summary.report;
const count: number = summary.tables[0].rows;

const controller = new AbortController();
const progress = ({ phase, done, total }: Progress) => console.log(phase, done, total ?? '?');
const {
  bytes: file,
  size,
  sqliteVersion,
} = await recover(bytes.buffer as ArrayBuffer, key, { progress, signal: controller.signal });
file satisfies Uint8Array;
size satisfies number;
const recovered: Recovered = await recoverFile('a.bundle', key, 'a.db', { replace: true, pageSize: 4096 });
await recoverToStream(new Blob([]), key, new WritableStream<Uint8Array>());

const shown = (value: Value): string => {
  if (value === null) return 'NULL';
  if (value instanceof IllFormedText) return `${value.encoding} ${value.bytes.length} ${value}`;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  return typeof value === 'bigint'
    ? (value + 1n).toString()
    : typeof value === 'number'
      ? value.toFixed()
      : value.trim();
};
for await (const { table, columns, rows: batch } of rows('a.bundle', key) satisfies AsyncIterable<Batch>) {
  for (const { rowid, values } of batch) console.log(table, columns[0], rowid ?? 0n, values.map(shown));
}
const iterator = rows('a.bundle', key);
const last = await iterator.next();
if (last.done) last.value satisfies Summary;

const salvaged: Salvaged = await info('a.bundle', key, { salvage: true });
for (const range of salvaged.missing) {
  if ('table' in range) console.log(range.table, range.from, range.to);
  else if ('part' in range) console.log(range.part);
  else console.log(range.after, range.before);
}
const rescued: SalvagedDatabase = await recoverFile('a.bundle', key, 'a.db', { salvage: true, replace: true });
rescued.foreignKeyCheck satisfies string[];
const left = await rows('a.bundle', key, { salvage: true }).next();
if (left.done) left.value satisfies Salvaged;

try {
  await verify([]);
} catch (error) {
  if (error instanceof LifeboatError && error.kind === 'wrong key') console.log(error.text, error.cause);
}
const kind: Kind = 'too big';
const own = lifeboat(async () => bytes);
const chain: Chain = [bytes, createReadStream('a.delta')];
await own.info(chain, key);

// @ts-expect-error A path means nothing to the core.
await own.verify('a.bundle');
// @ts-expect-error A summary takes the recovery key.
(await verify('a.bundle')).tables;
// @ts-expect-error The key is text.
await info('a.bundle', bytes);
// @ts-expect-error There is no such option.
await info('a.bundle', key, { expcet: '' });
// @ts-expect-error Only files are replaced.
await recover('a.bundle', key, { replace: true });
// @ts-expect-error There is no such kind.
const none: Kind = 'wrong-key';

console.log(signed, base, report, count, sqliteVersion, recovered, kind, none);

const found: Found<string | URL> = await find(['stick/copy', 'disk/copy'], key, { at: '2026-11-29' });
const path: Chain<string | URL> = found.chain;
await recoverFile(path, key, 'a.db', { expect: found.save.stateId });
const number: number = found.save.number;
const older: boolean = found.older;
for await (const { date } of saves('stick/copy', key)) date satisfies string | null;
const remarks: Remarks = found;
const save: Save | null = remarks.copies[0].newest;
// @ts-expect-error: a state is a text
await find('stick/copy', key, { state: 7 });
