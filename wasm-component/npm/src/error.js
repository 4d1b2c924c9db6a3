// What goes wrong, typed. No message ever holds a key or a stored value.

import { redact } from './redact.js';

/** @typedef {import('./types.js').Kind} Kind */

/** An error of Lifeboat. `kind` says what a caller would do differently; see the README. */
export class LifeboatError extends Error {
  /**
   * @param {Kind} kind
   * @param {string} message
   * @param {{ cause?: unknown }} [options]
   */
  constructor(kind, message, options) {
    super(`${kind}: ${redact(message)}`, options);
    /** @readonly */
    this.kind = kind;
  }

  /** The message without its kind. */
  get text() {
    return this.message.slice(this.kind.length + 2);
  }

  /**
   * The same error with what it is about put before its message.
   * @param {string | undefined} where
   */
  at(where) {
    const options = 'cause' in this ? { cause: this.cause } : undefined;
    return where ? new LifeboatError(this.kind, `${where}: ${this.text}`, options) : this;
  }
}

// On the prototype, as with the errors of the language: it is no property of each error.
Object.defineProperty(LifeboatError.prototype, 'name', { value: 'LifeboatError', configurable: true, writable: true });

/**
 * @param {string} message
 * @returns {LifeboatError}
 */
export const misuse = message => new LifeboatError('misuse', message);

/**
 * Calls the component. Its typed errors become ours; that it stops with any other is nothing that it should do.
 * @template T
 * @param {() => T} use
 * @returns {T}
 */
export function call(use) {
  try {
    return use();
  } catch (error) {
    const payload = /** @type {{ payload?: { tag: string, val: string } }} */ (error).payload;
    if (payload) throw new LifeboatError(/** @type {Kind} */ (payload.tag.replace('-', ' ')), payload.val);
    const message = `the recovery component stopped (${said(error)}): most likely there is too little memory for it here`;
    throw new LifeboatError('host', message, { cause: error });
  }
}

/**
 * What an unknown error says.
 * @param {unknown} error
 */
export const said = error => (error instanceof Error ? error.message : String(error));
