// Errors with types. No message ever holds a key or a stored value.

import { redact } from './redact.js';

/** @typedef {import('./types.js').Kind} Kind */
/** @typedef {import('../component/interfaces/lifeboat-recovery-recovery.js').Error} WireError */

/** An error of Lifeboat. `kind` says what a caller would do differently; see the README. */
export class LifeboatError extends Error {
  /**
   * @param {Kind} kind
   * @param {string} message
   * @param {{ cause?: unknown, bundle?: number, position?: import('./types.js').Position }} [options]
   */
  constructor(kind, message, { bundle, position, ...options } = {}) {
    super(`${kind}: ${redact(message)}`, options);
    /** @readonly */
    this.kind = kind;
    /** @readonly */
    this.bundle = bundle;
    /** @readonly */
    this.position = position;
    /** @type {import('./types.js').Remarks | undefined} */
    this.remarks = undefined;
  }

  /** The message without its kind. */
  get text() {
    return this.message.slice(this.kind.length + 2);
  }

  /**
   * The same error, about this bundle of a chain. Its subject is put before its message.
   * @param {string | undefined} where
   * @param {number} [bundle]
   */
  at(where, bundle = this.bundle) {
    const { kind, position } = this;
    const facts = { bundle, position, ...('cause' in this ? { cause: this.cause } : {}) };
    return new LifeboatError(kind, where ? `${where}: ${this.text}` : this.text, facts);
  }
}

// It is on the prototype, as with the errors of the language. So it is not a property of each error.
Object.defineProperty(LifeboatError.prototype, 'name', { value: 'LifeboatError', configurable: true, writable: true });

/**
 * @param {string} message
 * @returns {LifeboatError}
 */
export const misuse = message => new LifeboatError('misuse', message);

/**
 * Calls the component. Its typed errors become ours. The component should never stop with any other error.
 * @template T
 * @param {() => T} use
 * @returns {T}
 */
export function call(use) {
  try {
    return use();
  } catch (error) {
    const { payload } = /** @type {{ payload?: WireError }} */ (error);
    if (payload) {
      const { bundle, position } = payload;
      const at = position && { item: position.item, offset: Number(position.offset) };
      const kind = /** @type {Kind} */ (payload.kind.replace('-', ' '));
      throw new LifeboatError(kind, payload.text, { bundle, position: at });
    }
    const message = `the recovery component stopped (${said(error)}): most likely there is too little memory for it here`;
    throw new LifeboatError('host', message, { cause: error });
  }
}

/**
 * What an unknown error says.
 * @param {unknown} error
 */
export const said = error => (error instanceof Error ? error.message : String(error));
