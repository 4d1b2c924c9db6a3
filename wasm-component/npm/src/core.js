// What can be done with bundles, wherever JavaScript runs. Nothing here depends on Node or on browsers.

import { instantiate } from '../component/recovery.js';
import { addNames, choiceOf, copiesOf, foundOf, readObjects, remarksOf, saveOf } from './copies.js';
import { LifeboatError, call, misuse, said } from './error.js';
import { plainKey } from './key.js';
import { checked } from './options.js';
import { abortable, bundlesOf, pieces } from './pieces.js';
import { Pace } from './pace.js';
import { recoveredOf, reportOf, summaryOf } from './reports.js';
import { salvagedDatabaseOf, salvagedOf } from './salvaged.js';
import { IllFormedText, allocate, batchOf } from './values.js';

export { IllFormedText, LifeboatError };

/** @typedef {typeof import('../component/interfaces/lifeboat-recovery-recovery.js')} Recovery */
/** @typedef {import('./types.js').Chain<string | URL>} Chain */
/** @typedef {import('./core.js').Bundle} Bundle */
/** @typedef {import('./types.js').RecoverOptions & { salvage?: boolean }} RecoverOptions */
/** @typedef {{ begin(size: number): void, write(piece: Uint8Array, at: number): void | Promise<void> }} Sink */
/** @typedef {{ push(piece: Uint8Array): void, beginDelta(): void, pushDelta(piece: Uint8Array): void }} Resource */

/**
 * See core.d.ts.
 * @param {import('./core.js').LoadModule} load
 * @param {(path: string | URL) => Promise<Bundle>} [file]
 * @param {import('./core.js').KeyOf} [keyOf]
 * @param {import('./core.js').DirectoryOf} [directory]
 * @returns {import('./types.js').Lifeboat<string | URL>}
 */
export function lifeboat(load, file, keyOf = plainKey, directory = undefined) {
  /** @type {Map<string, Promise<WebAssembly.Module>>} */
  const modules = new Map();

  /** @param {string} name */
  const compiled = name => {
    const known = modules.get(name);
    if (known) return known;
    const module = compile(load, name);
    modules.set(name, module);
    // If loading fails, try again the next time: the file may be there then.
    module.catch(() => modules.delete(name));
    return module;
  };

  /**
   * The component, for one piece of work only. Whatever happens to it, the next piece of work gets a new instance.
   * @returns {Promise<Recovery>}
   */
  const fresh = async () => {
    try {
      return (await instantiate(compiled, {})).recovery;
    } catch (error) {
      if (error instanceof LifeboatError) throw error;
      throw new LifeboatError('host', `the recovery component cannot be started: ${said(error)}`, { cause: error });
    }
  };

  return {
    /**
     * @param {Chain} chain
     * @param {import('./types.js').VerifyOptions} [options]
     * @returns {Promise<any>} a summary or less
     */
    async verify(chain, options) {
      const { key, verifyKey, expect, progress, signal, salvage } = checked(
        /** @type {import('./types.js').VerifyOptions & { salvage?: boolean }} */ (options),
      );
      if (salvage) throw misuse('verify has no option salvage; info tells what damaged bundles still prove');
      if (key !== undefined) {
        if (verifyKey === undefined) return inspect(chain, key, options);
        throw misuse('give the recovery key or the verify key: the one contains the other');
      }
      const signer = verifyKey === undefined ? undefined : await keyOf(verifyKey, 'verify key');
      const bundles = await bundlesOf(chain, file);
      const pace = new Pace(bundles, progress, signal);
      const recovery = await fresh();
      /** @type {import('../component/interfaces/lifeboat-recovery-recovery.js').Report[]} */
      const reports = [];
      for (const [index, bundle] of bundles.entries()) {
        const isLast = index + 1 === bundles.length;
        const audit = call(() => recovery.Audit.open(signer, isLast ? expect : undefined));
        try {
          for await (const piece of pieces(bundle, signal)) {
            placed(() => audit.push(piece), bundles, bundle);
            await pace.read(piece.length);
          }
          reports.push(placed(() => audit.finish(), bundles, bundle));
        } finally {
          dispose(audit);
        }
      }
      placed(() => recovery.checkLinks(reports), bundles);
      const all = reports.map(reportOf);
      return { report: all[all.length - 1], bundles: all };
    },

    /**
     * @param {Chain} chain
     * @param {string} key
     * @param {import('./types.js').Options & { salvage?: boolean }} [options]
     * @returns {Promise<any>} a summary, or what is salvaged
     */
    async info(chain, key, options) {
      if (!checked(options).salvage) return inspect(chain, key, options);
      const { salvage, salvaged } = await salvaging(chain, key, options);
      dispose(salvage);
      return salvaged;
    },

    /**
     * @param {Chain} chain
     * @param {string} key
     * @param {RecoverOptions} [options]
     * @returns {Promise<any>} as `build`
     */
    async recover(chain, key, options) {
      /** @type {Uint8Array} */
      let bytes = new Uint8Array();
      const recovered = await build(chain, key, options, {
        begin: size => void (bytes = allocate(size, 'a database file')),
        write: (piece, at) => bytes.set(piece, at),
      });
      return { ...recovered, bytes };
    },

    /**
     * @param {Chain} chain
     * @param {string} key
     * @param {WritableStream<Uint8Array>} stream
     * @param {RecoverOptions} [options]
     * @returns {Promise<any>} as `build`
     */
    async recoverToStream(chain, key, stream, options) {
      if (typeof stream?.getWriter !== 'function') throw misuse('the stream is not a WritableStream');
      const writer = stream.getWriter();
      try {
        const { signal } = checked(options);
        const recovered = await build(chain, key, options, {
          begin: () => {},
          write: piece =>
            abortable(
              writer.ready.then(() => writer.write(piece)),
              signal,
            ),
        });
        await abortable(writer.close(), signal);
        return recovered;
      } catch (error) {
        // The first error matters more than a failure here. After an abort the stream may hang, so nobody waits for it.
        const left = writer.abort(error).catch(() => {});
        if (!options?.signal?.aborted) await left;
        throw error;
      } finally {
        writer.releaseLock();
      }
    },

    /**
     * @param {Chain} chain
     * @param {string} key
     * @param {import('./types.js').Options & { salvage?: boolean }} [options]
     * @returns {AsyncGenerator<import('./types.js').Batch, any, void>} a summary, or what is salvaged
     */
    async *rows(chain, key, options) {
      if (checked(options).salvage) {
        const { salvage, salvaged, bundles, pace } = await salvaging(chain, key, options);
        try {
          for (let batch; (batch = placed(() => salvage.next(), bundles));) {
            yield batchOf(batch, salvage);
            await pace.rest();
          }
          return salvaged;
        } finally {
          dispose(salvage);
        }
      }
      const open = (/** @type {Recovery} */ recovery, /** @type {string} */ text) =>
        recovery.Rows.open(text, options?.expect);
      const { resource: rows, bundles, pace } = await begin(chain, key, options, open);
      try {
        for await (const _ of feed(rows, bundles, pace)) {
          for (let batch; (batch = placed(() => rows.next(), bundles, bundles[0]));) yield batchOf(batch, rows);
        }
        return summaryOf(finish(() => rows.finish(), bundles));
      } finally {
        dispose(rows);
      }
    },

    /**
     * @param {unknown} given
     * @param {string} key
     * @param {import('./types.js').FindOptions} [options]
     * @returns {Promise<any>} what was found
     */
    async find(given, key, options) {
      const { domain, which } = choiceOf(options);
      const { resource, copies, pace } = await beginCopies(given, key, options, domain, which);
      try {
        for await (const _ of readObjects(resource, copies, file, pace));
        const remarks = call(() => resource.remarks());
        const plan = seen(() => call(() => resource.plan()), remarksOf(remarks, copies));
        if (!plan) throw new LifeboatError('host', 'the component gave no plan');
        return foundOf(plan, remarks, copies);
      } finally {
        dispose(resource);
      }
    },

    /**
     * @param {unknown} given
     * @param {string} key
     * @param {import('./types.js').SavesOptions} [options]
     * @returns {AsyncGenerator<import('./types.js').Save, import('./types.js').Remarks, void>}
     */
    async *saves(given, key, options) {
      const { domain, which } = choiceOf(options);
      if (which.tag !== 'newest') throw misuse('saves lists all saves: leave seq, state and at out');
      const { resource, copies, pace } = await beginCopies(given, key, options, domain, { tag: 'log' });
      try {
        for await (const _ of readObjects(resource, copies, file, pace)) {
          for (const save of call(() => resource.saves())) yield saveOf(save);
        }
        const remarks = remarksOf(call(() => resource.remarks()), copies);
        seen(() => call(() => resource.plan()), remarks);
        return remarks;
      } finally {
        dispose(resource);
      }
    },
  };

  /**
   * @param {unknown} given
   * @param {string} key
   * @param {import('./types.js').SavesOptions | undefined} options
   * @param {string | undefined} domain
   * @param {import('../component/interfaces/lifeboat-recovery-recovery.js').Which} which
   */
  async function beginCopies(given, key, options, domain, which) {
    const copies = await copiesOf(given, directory);
    const text = await keyOf(key, 'recovery key');
    const pace = new Pace([], options?.progress, options?.signal);
    const recovery = await fresh();
    const resource = call(() => recovery.Copies.open(text, domain, which));
    try {
      addNames(resource, copies);
    } catch (error) {
      dispose(resource);
      throw error;
    }
    return { resource, copies, pace };
  }

  /**
   * @template T
   * @param {Chain} chain
   * @param {string} key
   * @param {import('./types.js').Options | undefined} options
   * @param {(recovery: Recovery, key: string) => T} open
   */
  async function begin(chain, key, options, open) {
    const { progress, signal } = checked(options);
    const bundles = await bundlesOf(chain, file);
    const text = await keyOf(key, 'recovery key');
    const pace = new Pace(bundles, progress, signal);
    const recovery = await fresh();
    return { resource: call(() => open(recovery, text)), bundles, pace };
  }

  /**
   * @param {Chain} chain
   * @param {string} key
   * @param {import('./types.js').Options | undefined} options
   */
  async function inspect(chain, key, options) {
    const open = (/** @type {Recovery} */ recovery, /** @type {string} */ text) =>
      recovery.Inspection.open(text, options?.expect);
    const { resource: inspection, bundles, pace } = await begin(chain, key, options, open);
    try {
      for await (const _ of feed(inspection, bundles, pace));
      return summaryOf(finish(() => inspection.finish(), bundles));
    } finally {
      dispose(inspection);
    }
  }

  /**
   * Hands on damaged bundles, for what they can still prove. The caller gets the resource, and must give it back.
   * @param {Chain} chain
   * @param {string} key
   * @param {import('./types.js').Options | undefined} options
   */
  async function salvaging(chain, key, options) {
    const open = (/** @type {Recovery} */ recovery, /** @type {string} */ text) => recovery.Salvage.open(text);
    const { resource: salvage, bundles, pace } = await begin(chain, key, options, open);
    try {
      for (const bundle of bundles) {
        placed(() => salvage.beginBundle(), bundles, bundle);
        for await (const piece of pieces(bundle, pace.signal)) {
          placed(() => salvage.push(piece), bundles, bundle);
          await pace.read(piece.length);
        }
      }
      const salvaged = salvagedOf(finish(() => salvage.finish(), bundles));
      return { salvage, salvaged, bundles, pace };
    } catch (error) {
      dispose(salvage);
      throw error;
    }
  }

  /**
   * Builds the database file. It hands the file on only when the file is proved.
   * @param {Chain} chain
   * @param {string} key
   * @param {RecoverOptions | undefined} options
   * @param {Sink} sink
   * @returns {Promise<any>} what was recovered, or what was salvaged
   */
  async function build(chain, key, options, sink) {
    const { pageSize = 4096, skipIndexes = false, salvage } = checked(options);
    const layout = { pageSize, skipIndexes };
    if (salvage) return buildSalvaged(chain, key, options, layout, sink);
    const open = (/** @type {Recovery} */ recovery, /** @type {string} */ text) =>
      recovery.Database.open(text, options?.expect, layout);
    const { resource: database, bundles, pace } = await begin(chain, key, options, open);
    try {
      for await (const _ of feed(database, bundles, pace));
      await pace.build();
      const recovered = recoveredOf(finish(() => database.finish(), bundles));
      await pour(() => database.pull(), recovered.size, sink, pace);
      return recovered;
    } finally {
      dispose(database);
    }
  }

  /**
   * The same for what damaged bundles can still prove.
   * @param {Chain} chain
   * @param {string} key
   * @param {RecoverOptions | undefined} options
   * @param {{ pageSize: number, skipIndexes: boolean }} layout
   * @param {Sink} sink
   */
  async function buildSalvaged(chain, key, options, layout, sink) {
    const { salvage, salvaged, bundles, pace } = await salvaging(chain, key, options);
    try {
      await pace.build();
      const recovered = salvagedDatabaseOf(salvaged, finish(() => salvage.build(layout), bundles));
      await pour(() => salvage.pullFile(), recovered.size, sink, pace);
      return recovered;
    } finally {
      dispose(salvage);
    }
  }
}

/**
 * If it fails, the error has what was seen in the copies.
 * @template T
 * @param {() => T} use
 * @param {import('./types.js').Remarks} remarks
 * @returns {T}
 */
function seen(use, remarks) {
  try {
    return use();
  } catch (error) {
    if (error instanceof LifeboatError) error.remarks = remarks;
    throw error;
  }
}

/**
 * Hands on a database file, piece by piece.
 * @param {() => Uint8Array | undefined} pull
 * @param {number} size
 * @param {Sink} sink
 * @param {Pace} pace
 */
async function pour(pull, size, sink, pace) {
  sink.begin(size);
  await pace.write(0, size);
  for (let at = 0, piece; (piece = call(pull));) {
    await sink.write(piece, at);
    at += piece.length;
    await pace.write(at, size);
  }
}

/**
 * Pushes the deltas of a chain, then its full bundle. After each piece of the full bundle, the caller can do its part.
 * @param {Resource} resource
 * @param {Bundle[]} bundles
 * @param {Pace} pace
 * @returns {AsyncGenerator<void, void>}
 */
async function* feed(resource, bundles, pace) {
  const [full, ...deltas] = bundles;
  for (const delta of deltas) {
    placed(() => resource.beginDelta(), bundles);
    for await (const piece of pieces(delta, pace.signal)) {
      placed(() => resource.pushDelta(piece), bundles);
      await pace.read(piece.length);
    }
  }
  // The deltas are complete, and are opened now. If one of them is wrong, the full bundle has nothing to do with it.
  if (deltas.length > 0) placed(() => resource.push(new Uint8Array()), bundles);
  for await (const piece of pieces(full, pace.signal)) {
    placed(() => resource.push(piece), bundles, full);
    yield;
    await pace.read(piece.length);
  }
}

/**
 * Ends the work on a chain.
 * @template T
 * @param {() => T} use
 * @param {Bundle[]} bundles
 * @returns {T}
 */
function finish(use, bundles) {
  try {
    return call(use);
  } catch (error) {
    // Any error may be about any bundle, but only the full bundle can still be too short.
    const isTruncated = error instanceof LifeboatError && error.kind === 'truncated';
    throw located(error, bundles, isTruncated ? bundles[0] : undefined);
  }
}

/**
 * Calls the component. An error is about one of these bundles; if it names none, it is about `bundle`.
 * @template T
 * @param {() => T} use
 * @param {Bundle[]} bundles
 * @param {Bundle} [bundle]
 * @returns {T}
 */
function placed(use, bundles, bundle) {
  try {
    return call(use);
  } catch (error) {
    throw located(error, bundles, bundle);
  }
}

/**
 * @param {unknown} error
 * @param {Bundle[]} bundles
 * @param {Bundle | undefined} bundle
 */
function located(error, bundles, bundle) {
  if (!(error instanceof LifeboatError)) return error;
  if (bundles.length === 1) return error.at(bundles[0].name);
  // If the component names the bundle, the error's text has the number already.
  if (error.bundle !== undefined) return error.at(bundles[error.bundle - 1]?.name);
  if (!bundle) return error;
  const number = bundles.indexOf(bundle) + 1;
  const place = `bundle ${number} of the chain`;
  return error.at(bundle.name ? `${bundle.name}: ${place}` : place, number);
}

/**
 * @param {import('./core.js').LoadModule} load
 * @param {string} name
 */
async function compile(load, name) {
  const loaded = await load(name);
  if (!(loaded instanceof ArrayBuffer) && !ArrayBuffer.isView(loaded)) return loaded;
  return WebAssembly.compile(/** @type {BufferSource} */ (loaded));
}

/**
 * Gives a resource back. The key in it goes, too.
 * @param {object} resource
 */
function dispose(resource) {
  const free = /** @type {Record<symbol, () => void>} */ (resource)[Symbol.dispose ?? Symbol.for('dispose')];
  try {
    free.call(resource);
  } catch {
    // After a trap, nothing can be given back. The whole instance is dropped.
  }
}
