// What the page says: numbers, sizes, values, and for each kind of error a title and what to do.

const number = new Intl.NumberFormat('en');

/** A count with its noun: `1 row`, `17,551 rows`. */
export const count = (n, noun, plural = `${noun}s`) => `${number.format(n)} ${Number(n) === 1 ? noun : plural}`;

/** A size for people: `521 bytes`, `55.5 MB`. */
export function size(bytes) {
  const n = Number(bytes);
  if (n < 1000) return count(n, 'byte');
  const power = Math.min(Math.floor(Math.log10(n) / 3), 4);
  const scaled = n / 1000 ** power;
  return `${scaled.toFixed(scaled < 99.95 ? 1 : 0)} ${['', 'kB', 'MB', 'GB', 'TB'][power]}`;
}

/** A size in full: `173,469,696 bytes`. */
export const bytes = n => count(n, 'byte');

/** The beginning of an id, enough to tell states apart. */
export const brief = id => `${id.slice(0, 4)} ${id.slice(4, 8)}…`;

/** An id in groups of four, to compare it by eye. */
export const grouped = id => id.match(/.{1,4}/g).join(' ');

/** Names in a sentence: `a, b and c`. */
export const list = names => new Intl.ListFormat('en', { type: 'conjunction' }).format(names);

/** A refusal: what the worker, the browser or the page itself could not do. `kind` is one of the component's. `remarks`: what
 * was seen in copies. */
export class Failure extends Error {
  constructor(kind, message, remarks) {
    super(message);
    this.kind = kind;
    this.remarks = remarks;
  }
}

/** The title of a failure, what is said of a single file that has it, and what to do about it. */
export const explain = ({ kind }) => KINDS[kind] ?? KINDS.host;

const KINDS = {
  'wrong key': {
    title: 'This is not the key of this backup',
    remedy: 'The files may be in order. Look for the recovery key that was in use when they were made.',
  },
  corrupt: {
    title: 'The backup is damaged',
    file: 'Damaged',
    remedy:
      'It is not used, because it cannot be trusted. Take another copy of the file: from another disk, or another place.',
  },
  truncated: {
    title: 'A file is not complete',
    file: 'Not complete',
    remedy: 'Copy or download it again, and compare its size with the original.',
  },
  unsupported: {
    title: 'The backup was made by a newer Lifeboat',
    file: 'Made by a newer Lifeboat',
    remedy: 'Get the newer version of this page.',
  },
  'too big': {
    title: 'This is too large for a browser',
    file: 'Too large',
    remedy:
      'Restore it with the SQLite extension of Lifeboat (backup_restore_file): it needs little memory, whatever the size.',
  },
  misuse: {
    title: 'Something that was typed is not right',
    remedy: 'Compare it with what you noted.',
  },
  mismatch: {
    title: 'This is not what was expected',
    remedy: 'The files are sound. Look for the file that is missing, or for the newer one.',
  },
  host: {
    title: 'The browser could not do it',
    file: 'Cannot be read',
    remedy: 'Try again. If it happens again, try another browser, or another disk.',
  },
};
