// Removes secret keys from texts that are shown: somebody may have put a key where a path belongs.

/** The characters after the prefix of a key, and how many there are. */
const CHARACTER = '[ac-hj-np-z02-9]';
const LENGTHS = { lifeboatkey1: 58, lifeboatwrite1: 83, lifeboatread1: 134 };
const LENGTH = 58;
/**
 * How many characters are enough if they stand in groups of one length. The last group may be shorter, and the first
 * may stand in one group with the prefix.
 */
const LENGTH_IN_GROUPS = 50;
const GROUPS = Array.from({ length: 39 }, (_, index) => {
  const before = Math.ceil(LENGTH_IN_GROUPS / (index + 1)) - 1;
  const group = `${CHARACTER}{${index + 1}}`;
  return `(?<![a-z0-9])(?:${group}[\\s-]{1,2}){${before},}${CHARACTER}{1,${index + 1}}(?![a-z0-9])`;
}).join('|');
/** A group after a prefix. A group of more than 8 characters is a word, unless it has a digit. */
const GROUP = `(?:${CHARACTER}{1,8}|(?=[a-z]*\\d)${CHARACTER}{9,})(?![a-z0-9])`;
// A verify key, which is public; a secret key, or a part of one, with groups of its characters after it; or enough
// characters of a key without its prefix, in a row or in groups.
const KEYS = new RegExp(
  `lifeboatverify1${CHARACTER}{${LENGTH}}` +
    `|(lifeboat(?:key|write|read)1)([a-z0-9]*)((?:[\\s-]{1,3}${GROUP})*)` +
    `|${CHARACTER}{40,}|${GROUPS}`,
  'gi',
);

/**
 * The text without keys.
 * @param {string} text
 */
export function redact(text) {
  return text.replace(KEYS, (found, prefix, run, groups) => {
    if (prefix) {
      // Words may follow a complete key, and a few characters may be a word.
      const length = LENGTHS[/** @type {keyof typeof LENGTHS} */ (prefix.toLowerCase())];
      const isOver = run.length >= length || run.length + groups.replace(/\s/g, '').length < 16;
      return isOver ? `${prefix}${run && '[key]'}${groups}` : `${prefix}[key]`;
    }
    // It is neither a hexadecimal number, such as a state id, nor words: a key has letters and digits of all kinds.
    const has = (/** @type {RegExp} */ some) => (found.match(some)?.length ?? 0) > 3;
    const isKey = has(/[g-z]/gi) && has(/\d/g) && !/^lifeboatverify1/i.test(found);
    return isKey ? '[key]' : found;
  });
}
