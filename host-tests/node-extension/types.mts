// What a program with the drivers writes, checked by the compiler alone.

import { DatabaseSync } from 'node:sqlite';
import Database from 'better-sqlite3';
import * as lifeboat from 'sqlite-lifeboat';
import { LifeboatError, fileOf, log, protect, restore, save, status, verify } from 'sqlite-lifeboat';
import type { Kind, RestoreReport, Save, SaveSummary, Status, StoresStatus, VerifyReport } from 'sqlite-lifeboat';
import { recoverFile } from 'sqlite-lifeboat/recovery';

const db = new Database('app.db');
const own = new DatabaseSync('app.db', { allowExtension: true });
const key: string = lifeboat.keygen();
const stores = ['dir:copy'] as const;

const now: SaveSummary = save(db, key, stores, { label: 'x', date: new Date(), where: { t: 'x > 1' } });
const later: Promise<SaveSummary> = save(fileOf(own), key, 'dir:copy', { signal: AbortSignal.timeout(1), driver: 'node:sqlite' });
const url: SaveSummary = await save(new URL('file:///app.db'), ['file:a.key', 'env:KEY'], stores);
const local: Status = status(own, { schema: 'main' });
const remote: Promise<StoresStatus> = status('app.db', stores, key);
const saves: Save[] = await log(stores, key, { limit: 3 });
const first: Save | undefined = log(db, stores, { limit: 1 })[0];
const report: VerifyReport = await verify(new Uint8Array(), null, { level: 'hashes', expect: '' });
const restored: RestoreReport = restore(db, [new URL('file:///a.bundle'), 'b.bundle'], key, { replace: true });
const orNew = restore(own, stores, key, { orNew: true });
if (orNew.outcome === 'restored') console.log(orNew.rows);
const bytes: Uint8Array = lifeboat.exportBytes(db, key);
const held: number = protect(db, key, stores, { rollback: true }).protection.holders;
const pruned: boolean = (await lifeboat.prune(stores, key, { keep: { last: 3 }, dryRun: false })).done;
await recoverFile('a.bundle', key, 'a.db');

try {
  await later;
} catch (error) {
  if (error instanceof LifeboatError && error.kind === 'unreachable') console.log(error.text, error.function);
}
const kind: Kind = 'unreachable';

// @ts-expect-error A save of a connection is no promise.
save(db, key, stores).then();
// @ts-expect-error A signal cannot end what is done on a connection.
save(db, key, stores, { signal: AbortSignal.timeout(1) });
// @ts-expect-error There is no such option.
save(db, key, stores, { minumum: 1 });
// @ts-expect-error A protection needs an open connection.
protect('app.db', key, stores);
// @ts-expect-error A key from a secret has a label.
lifeboat.keygen({ secret: new Uint8Array(16) });
// @ts-expect-error There is no such kind.
const none: Kind = 'wrong-key';

console.log(now, url, local, remote, saves, first, report, restored, bytes, held, pruned, kind, none);
