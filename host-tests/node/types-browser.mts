// What a program in a browser writes, checked by the compiler alone.

import { find, recover, rows, verify, LifeboatError } from 'sqlite-lifeboat/recovery';
import { lifeboat } from 'sqlite-lifeboat/recovery/core';

declare const files: FileList;
declare const key: string;
declare const inlined: Record<string, Uint8Array>;

const { report } = await verify([...files]);
const { bytes, summary } = await recover((await fetch('a.bundle')).body!, key, { signal: AbortSignal.timeout(1000) });
const page = lifeboat(name => inlined[name]);
await page.recoverToStream(files[0], key, new WritableStream());
for await (const batch of rows(files[0].stream(), key)) console.log(batch.table);

const found = await find([...files], key, { domain: 'default' });
if (found.older) console.log(found.leftOut);
await recover(found.chain, key);
await find([['copy/name', files[0]]], key);

// @ts-expect-error There are no directories in a browser.
await find('copy', key);
// @ts-expect-error There are no paths in a browser.
await verify('a.bundle');
// @ts-expect-error Nor files to write.
import { recoverFile } from 'sqlite-lifeboat/recovery';

console.log(report, bytes, summary, LifeboatError, recoverFile);
