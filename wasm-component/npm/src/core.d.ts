// What can be done with bundles, wherever JavaScript runs: `lifeboat-recovery/core`.

import type { Lifeboat, LoadModule } from './types.js';
import type { Bundle } from './pieces.js';

export * from './types.js';

/**
 * The API on modules that come from anywhere, as from bytes within a page:
 * `const { recover } = lifeboat(name => bytes[name])`. They are compiled once; each piece of work gets an instance of its own.
 */
export declare function lifeboat(load: LoadModule): Lifeboat;
/** @internal With paths. */
export declare function lifeboat<Path>(load: LoadModule, file: (path: Path) => Promise<Bundle>): Lifeboat<Path>;
