// What can be done with bundles, wherever JavaScript runs: `lifeboat-recovery/core`.

import type { Lifeboat } from './types.js';

export * from './types.js';

/**
 * Gives a core module of the component, `recovery.core.wasm`, `recovery.core2.wasm` or `recovery.core3.wasm`: compiled,
 * or as bytes. Asked once for each.
 */
export type LoadModule = (name: string) => Module | Promise<Module>;
type Module = CompiledModule | Uint8Array | ArrayBuffer;
// `WebAssembly.Module`, which the types of Node do not know.
type CompiledModule = typeof globalThis extends { WebAssembly: { Module: { prototype: infer M } } } ? M : object;

/** The text of a key, of whatever a caller gives as one. `what`: `recovery key` or `verify key`, for messages. */
export type KeyOf = (key: unknown, what: string) => Promise<string>;

/** A bundle that is not read yet. */
export interface Bundle {
  /** For messages. */
  name?: string;
  /** If it is known ahead. */
  size?: number;
  /** Begins to read it, once. Each piece is valid until the next one is asked for. */
  read(): AsyncIterator<unknown> | Iterator<unknown>;
}

/**
 * The API on modules that come from anywhere, as from bytes within a page:
 * `const { recover } = lifeboat(name => bytes[name])`. They are compiled once; each piece of work has an instance of its
 * own.
 *
 * `file`: what a path means, where there are some. `key`: what a key may be, besides its text.
 */
export declare function lifeboat<Path extends string | URL = never>(
  load: LoadModule,
  file?: (path: Path) => Promise<Bundle>,
  key?: KeyOf,
): Lifeboat<Path>;
