// Temporary files that a killed process left behind. The next recovery into the same file removes them.
//
// Node has no locks that end with their process. So the name of such a file says who made it: the machine, the start of
// the machine, the space of process numbers, and the process number. If the machine was started again since, or the
// process is gone, nobody uses the file any more. A file that another machine or container made stays.

import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { lstat, readdir, unlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';

/** @param {string} text */
const short = text => createHash('sha256').update(text).digest('hex').slice(0, 8);

/** @typedef {{ machine: string, start: string, space: string }} Place */

/**
 * Where this process runs; undefined if that cannot be found out.
 * @returns {Place | undefined}
 */
function place() {
  try {
    const read = (/** @type {string} */ path) => readFileSync(path, 'utf8').trim();
    return {
      machine: short(`${read('/etc/machine-id')} ${hostname()}`),
      start: short(read('/proc/sys/kernel/random/boot_id')),
      space: short(readlinkSync('/proc/self/ns/pid')),
    };
  } catch {
    return undefined;
  }
}

/**
 * The path of a temporary file that will get the path `target`.
 * @param {string} target
 * @param {string} unique
 */
export function temporaryPath(target, unique) {
  const { machine, start, space } = place() ?? { machine: 'x', start: 'x', space: 'x' };
  const made = `${machine}-${start}-${space}-${process.pid}-${unique}`;
  return join(dirname(target), `.${basename(target)}.lifeboat-${made}.tmp`);
}

/**
 * Removes what earlier attempts at this target left, if it is certain that nobody still works on it.
 * @param {string} target
 */
export async function removeLeftovers(target) {
  const here = place();
  if (!here) return;
  const begin = `.${basename(target)}.lifeboat-`;
  for (const name of await readdir(dirname(target)).catch(() => [])) {
    const made = name.startsWith(begin) ? /^(\w{8})-(\w{8})-(\w{8})-(\d+)-[0-9a-f]{12}\.tmp$/.exec(name.slice(begin.length)) : null;
    if (!made || !isGone(here, { machine: made[1], start: made[2], space: made[3] }, Number(made[4]))) continue;
    const path = join(dirname(target), name);
    const found = await lstat(path).catch(() => undefined);
    // A file that cannot be removed stays.
    if (found?.isFile()) await unlink(path).catch(() => {});
  }
}

/**
 * @param {Place} here
 * @param {Place} there
 * @param {number} process_
 */
function isGone(here, there, process_) {
  if (here.machine !== there.machine) return false;
  if (here.start !== there.start) return true;
  if (here.space !== there.space) return false;
  try {
    process.kill(process_, 0);
    return false;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'ESRCH';
  }
}
