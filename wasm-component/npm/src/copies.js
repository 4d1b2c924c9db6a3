// Copies of a series: which of their bundles lead to the state that is meant. Nothing here depends on Node or on browsers.

import { LifeboatError, call, misuse } from './error.js';
import { kindOf, text } from './options.js';
import { bundleOf, pieces } from './pieces.js';

/** @typedef {import('../component/interfaces/lifeboat-recovery-recovery.js').Copies} Resource */
/** @typedef {import('../component/interfaces/lifeboat-recovery-recovery.js').Save} WireSave */
/** @typedef {import('../component/interfaces/lifeboat-recovery-recovery.js').Remarks} WireRemarks */
/** @typedef {import('../component/interfaces/lifeboat-recovery-recovery.js').Plan} WirePlan */
/** @typedef {import('../component/interfaces/lifeboat-recovery-recovery.js').Which} Which */
/** @typedef {import('./types.js').Source<string | URL>} Source */
/** @typedef {import('./core.js').Copy} Copy */
/** @typedef {import('./pace.js').Pace} Pace */

/** The most names that the component takes in one call. */
const NAMES = 10_000;
/** A path of an object: that of its copy, and its name there. */
const OBJECT = /^((?:.*?\/)??)([0-9a-f]{32}\/(?:log|bundles|floor)\/[^]*)$/;

/**
 * The copies that are meant: directories, or files with their paths.
 * @param {unknown} given
 * @param {import('./core.js').DirectoryOf | undefined} directory opens a directory, where there are any
 * @returns {Promise<Copy[]>}
 */
export async function copiesOf(given, directory) {
  const list = Array.isArray(given) ? given : [given];
  const isPath = (/** @type {unknown} */ one) => typeof one === 'string' || one instanceof URL;
  if (list.length > 0 && list.every(isPath)) {
    if (!directory) throw misuse('there are no directories here; give the files of the copies, each with its path');
    const copies = [];
    for (const path of list) copies.push(await directory(path));
    return copies;
  }
  /** @type {Map<string, Map<string, Source>>} */
  const copies = new Map();
  for (const one of list) {
    const [path, file] = pathOf(one);
    const [, name, object] = OBJECT.exec(path) ?? [];
    if (object === undefined) continue;
    const copy = copies.get(name) ?? new Map();
    copies.set(name, copy.set(object, file));
  }
  return [...copies].map(([name, files]) => ({
    name: name.replace(/\/$/, ''),
    names: [...files.keys()],
    source: name => /** @type {Source} */ (files.get(name)),
  }));
}

/**
 * A file with its path.
 * @param {unknown} one
 * @returns {[string, Source]}
 */
function pathOf(one) {
  if (Array.isArray(one) && one.length === 2 && typeof one[0] === 'string') return [one[0], one[1]];
  if (typeof Blob === 'function' && one instanceof Blob) {
    const { webkitRelativePath, name } = /** @type {{ webkitRelativePath?: string, name?: string }} */ (/** @type {unknown} */ (one));
    return [webkitRelativePath || name || '', one];
  }
  throw misuse(`the copies are given as files with their paths, [path, file], or in Node as the paths of directories; this is ${kindOf(one)}`);
}

const OPTIONS = ['domain', 'seq', 'state', 'at', 'progress', 'signal'];

/**
 * Checks the options of `find` and of `saves`.
 * @param {import('./types.js').FindOptions | undefined} options
 * @returns {{ domain: string | undefined, which: Which }}
 */
export function choiceOf(options = {}) {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) throw misuse('the options are not an object');
  for (const name of Object.keys(options)) {
    if (!OPTIONS.includes(name)) throw misuse(`there is no option ${JSON.stringify(name)}; known options: ${OPTIONS.join(', ')}`);
  }
  const { domain, seq, state, at, progress, signal } = options;
  for (const [name, value] of Object.entries({ domain, state, at })) {
    if (name in options) text(value, `the option ${name}`);
  }
  if (progress !== undefined && typeof progress !== 'function') throw misuse('the option progress is not a function');
  if (signal !== undefined && typeof signal?.aborted !== 'boolean') throw misuse('the option signal is not an AbortSignal');
  if ('seq' in options && !(typeof seq === 'bigint' ? seq >= 0n && seq < 1n << 63n : Number.isSafeInteger(seq) && Number(seq) >= 0))
    throw misuse('the option seq is the number of a save: 1, 2, …');
  const chosen = Object.keys({ seq, state, at }).filter(name => name in options);
  if (chosen.length > 1) throw misuse(`the options ${chosen.join(' and ')} exclude one another: give one`);
  return { domain, which: whichOf(options) };
}

/**
 * @param {import('./types.js').FindOptions} options
 * @returns {Which}
 */
function whichOf({ seq, state, at }) {
  if (seq !== undefined) return { tag: 'number', val: BigInt(seq) };
  if (state !== undefined) return { tag: 'state', val: state };
  if (at !== undefined) return { tag: 'at', val: at };
  return { tag: 'newest' };
}

/**
 * Tells the component what the copies list.
 * @param {Resource} resource
 * @param {Copy[]} copies
 */
export function addNames(resource, copies) {
  for (const [number, { names }] of copies.entries()) {
    for (let at = 0; at === 0 || at < names.length; at += NAMES) {
      call(() => resource.addNames(number, names.slice(at, at + NAMES).map(wellFormed)));
    }
  }
}

/**
 * A name that the component can take. One with half a character is none of a copy, whatever stands there.
 * @param {string} name
 */
const wellFormed = name => name.replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, '\ufffd');

/**
 * Reads what the component wants to read, one object after the other. After each, the caller can do its part.
 * @param {Resource} resource
 * @param {Copy[]} copies
 * @param {((path: string | URL) => Promise<import('./core.js').Bundle>) | undefined} file
 * @param {Pace} pace
 * @returns {AsyncGenerator<void, void>}
 */
export async function* readObjects(resource, copies, file, pace) {
  for (let wanted; (wanted = call(() => resource.next()));) {
    yield;
    await readObject(resource, copies[wanted.copy].source(wanted.name), file, pace);
  }
  yield;
}

/**
 * @param {Resource} resource
 * @param {Source} source
 * @param {((path: string | URL) => Promise<import('./core.js').Bundle>) | undefined} file
 * @param {Pace} pace
 */
async function readObject(resource, source, file, pace) {
  /** @type {AsyncGenerator<Uint8Array, void> | undefined} */
  let reading;
  for (;;) {
    let step;
    try {
      reading ??= pieces(await bundleOf(source, file), pace.signal);
      step = await reading.next();
    } catch (error) {
      // It cannot be read here: another copy may have it.
      if (!(error instanceof LifeboatError)) throw error;
      const { text } = error;
      return call(() => resource.absent(text));
    }
    if (step.done) return;
    const { value } = step;
    if (!call(() => resource.push(value))) return void (await reading.return());
    await pace.check(value.length);
  }
}

/**
 * @param {WireSave} save
 * @returns {import('./types.js').Save}
 */
export const saveOf = save => ({
  number: Number(save.number),
  recordHash: save.recordHash,
  stateId: save.stateId,
  kind: save.kind,
  size: save.size === undefined ? null : Number(save.size),
  sha256: save.sha256 ?? null,
  uuid: save.uuid ?? null,
  date: save.date ?? null,
  writer: save.writer ?? null,
  label: save.label ?? null,
});

/**
 * @param {WireRemarks} remarks
 * @param {Copy[]} copies
 * @returns {import('./types.js').Remarks}
 */
export const remarksOf = (remarks, copies) => ({
  series: remarks.series.map(({ domainId, newest }) => ({ domainId, newest: saveOf(newest) })),
  foreign: Number(remarks.foreign),
  copies: remarks.copies.map(({ standing, newest, junk }, number) => ({
    name: copies[number].name,
    standing: standing ?? null,
    newest: newest ? saveOf(newest) : null,
    junk: Number(junk),
  })),
  unfit: remarks.unfit.map(({ copy, name, why }) => ({ copy: copies[copy].name, name, why })),
  unfitMore: Number(remarks.unfitMore),
  junk: remarks.junk,
});

/**
 * @param {WirePlan} plan
 * @param {WireRemarks} remarks
 * @param {Copy[]} copies
 * @returns {import('./types.js').Found<string | URL>}
 */
export const foundOf = (plan, remarks, copies) => ({
  chain: plan.steps.map(({ copy, name }) => copies[copy].source(name)),
  domainId: plan.domainId,
  verifyKey: plan.verifyKey,
  save: saveOf(plan.save),
  older: plan.leftOut.length > 0,
  leftOut: plan.leftOut.map(({ number, save, why }) => ({ number: Number(number), save: save ? saveOf(save) : null, why })),
  leftOutMore: Number(plan.leftOutMore),
  ...remarksOf(remarks, copies),
});
