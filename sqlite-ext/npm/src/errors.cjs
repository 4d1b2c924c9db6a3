'use strict';

// Errors with types. No message ever holds a key or a stored value: the extension takes keys out of its own messages, and those
// that are made here never repeat what was given.

/** The kinds of errors; they stay. */
const KINDS = [
  'misuse',
  'wrong key',
  'corrupt',
  'truncated',
  'unsupported',
  'too big',
  'mismatch',
  'busy',
  'interrupted',
  'unreachable',
  'host',
];
const INTERNAL = 'internal error';
const TEXT = new RegExp(`\\b(backup_[a-z_]+): (${[...KINDS, INTERNAL].join('|')}): ([^]*)`);

class LifeboatError extends Error {
  /**
   * @param {string} kind
   * @param {string} message
   * @param {{ function?: string, cause?: unknown }} [options]
   */
  constructor(kind, message, { function: name, cause } = {}) {
    super(`${name ? `${name}: ` : ''}${kind}: ${message}`, cause === undefined ? undefined : { cause });
    this.kind = kind;
    this.function = name;
    // Like the stack, it need not be seen where an error is printed: it says the same.
    Object.defineProperty(this, 'text', { value: message, enumerable: false });
  }

  // The class of the recovery entry is another one, which needs no Node. An error of it is one of Lifeboat, too.
  static [Symbol.hasInstance](value) {
    return value instanceof Error && value.name === 'LifeboatError' && typeof value.kind === 'string';
  }
}
Object.defineProperty(LifeboatError.prototype, 'name', { value: 'LifeboatError', configurable: true, writable: true });

/** What an error says that one of the SQL functions made a driver throw. */
function errorOf(error) {
  const [, name, kind, text] = TEXT.exec(error instanceof Error ? error.message : '') ?? [];
  return name === undefined ? undefined : { function: name, kind, text };
}

const camel = key => key.replace(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase());

/** What the SQL functions are called here, where it is not the same name without `backup_`. */
const NAMES = { export: 'exportBytes', export_file: 'exportBundle' };
/** Those that the package has. */
const OWN = [
  ...['estimate', 'events', 'export', 'export_file', 'info', 'keygen', 'log', 'protect', 'prune', 'read_key', 'restore', 'restore_all'],
  ...['restore_file', 'save', 'scrub', 'status', 'unprotect', 'verify', 'verify_key', 'version', 'write_key'],
];
/** Not a part of a path or of a longer word. A full stop may end a sentence. */
const FUNCTION = /(?<![\w\-./'"\\])backup_([a-z_]+)(?![\w\-/'"\\]|\.\w)/g;

/** What an SQL function says, with the names that functions and options have here. */
function inOurWords(text) {
  return text
    .replace(FUNCTION, (all, name) => (OWN.includes(name) ? (NAMES[name] ?? camel(name)) : all))
    .replace(/\b(options?) `([a-z_]+)`/g, (_, word, option) => `${word} \`${camel(option)}\``)
    .replace(/"([a-z_]+)": (true|false)\b/g, (_, option, value) => `${camel(option)}: ${value}`);
}

/** An error of a driver as one of ours: that of the extension, or what SQLite itself says. */
function lifeboatError(name, error) {
  if (error instanceof LifeboatError) return error;
  const { kind, text } = errorOf(error) ?? {};
  if (kind) return new LifeboatError(kind, inOurWords(text), { function: name, cause: error });
  const said = error instanceof Error ? error.message : String(error);
  const isBusy = /^database is locked|SQLITE_BUSY/.test(said);
  return new LifeboatError(isBusy ? 'busy' : 'host', said, { function: name, cause: error });
}

const misuse = (name, message) => new LifeboatError('misuse', message, { function: name });

/** The type of what was given, never the value: it may be a key in another form. */
function kindOf(value) {
  if (value === undefined || value === null) return String(value);
  if (Array.isArray(value)) return 'an array';
  return `of the type ${typeof value}`;
}

/** A path as an error may show it: what could be a key is left out. */
function shown(path) {
  return /lifeboat(key|write|read)1|[a-z0-9]{40}/i.test(path) ? 'the given path' : `'${path}'`;
}

module.exports = { KINDS, camel, LifeboatError, errorOf, inOurWords, kindOf, lifeboatError, misuse, shown };
