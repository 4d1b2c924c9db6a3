// What can be done with bundles, wherever JavaScript runs: `sqlite-lifeboat/recovery/core`.

import type { Lifeboat, Source } from './types.js';

export * from './types.js';

/**
 * Gives a core module of the component: `recovery.core.wasm`, `recovery.core2.wasm` or `recovery.core3.wasm`. The
 * module is compiled, or given as bytes. It is called once for each.
 */
export type LoadModule = (name: string) => Module | Promise<Module>;
type Module = CompiledModule | Uint8Array | ArrayBuffer;
// `WebAssembly.Module`: the types of Node do not have it.
type CompiledModule = typeof globalThis extends { WebAssembly: { Module: { prototype: infer M } } } ? M : object;

/** The text of a key, from whatever a caller gives as the key. `what`: `recovery key` or `verify key`, for messages. */
export type KeyOf = (key: unknown, what: string) => Promise<string>;

/** A bundle that was not read yet. */
export interface Bundle {
  /** For messages. */
  name?: string;
  /** The length, if it is known before the bundle is read. */
  size?: number;
  /** Begins to read it. This works once. Each piece is valid until the next one is asked for. */
  read(): AsyncIterator<unknown> | Iterator<unknown>;
}

/** A copy of a series. */
export interface Copy {
  /** For messages. */
  name: string;
  /** The names of all objects in it, relative to it: `<domain id>/log/…`. Others are passed over. */
  names: string[];
  /** What lies under one of these names. */
  source(name: string): Source<string | URL>;
}

/** Lists the directory of a copy. */
export type DirectoryOf = (path: string | URL) => Promise<Copy>;

/**
 * The API with modules that come from anywhere, for example from bytes within a page:
 * `const { recover } = lifeboat(name => bytes[name])`. The modules are compiled once. Each piece of work has its own
 * instance.
 *
 * `file`: what a path means, if there are files. `key`: what a key may be, besides its text. `directory`: what is in a
 * directory, if there are any.
 */
export declare function lifeboat<Path extends string | URL = never>(
  load: LoadModule,
  file?: (path: Path) => Promise<Bundle>,
  key?: KeyOf,
  directory?: DirectoryOf,
): Lifeboat<Path>;
