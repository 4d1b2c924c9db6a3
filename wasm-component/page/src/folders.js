// What is chosen or dropped, folders with all that is in them: copies of a series, and other files.

/** A path of an object: that of its copy, and its name there. */
const OBJECT = /^((?:.*?\/)??)([0-9a-f]{32}\/(?:log|bundles|floor)\/[^]*)$/;
/** How deep a folder is gone through, where no copy begins. */
const DEPTH = 5;
/** The most files of a folder that are taken without a copy. */
const LOOSE = 200;
/** How many files are asked for at one time. */
const TOGETHER = 64;

/** The items of a drop: they have to be taken before the event ends. */
export const dropped = transfer =>
  [...(transfer.items ?? [])]
    .filter(({ kind }) => kind === 'file')
    .map(item => item.webkitGetAsEntry?.() ?? item.getAsFile())
    .filter(Boolean);

/**
 * What is in entries of a drop, or in files of a field. `told(count)` is called now and then, with how many files were found.
 *
 * Gives `{ copies, files, skipped }`: the copies, each `{ name, files: [[path, file]] }`; the files that are in none; and the
 * names of folders that hold no copy, but too many files.
 */
export async function sorted(entries, told = () => {}) {
  const found = [];
  const skipped = [];
  for (const entry of entries) {
    const all = entry instanceof File ? [[entry.webkitRelativePath || entry.name, entry]] : await within(entry, told, found.length);
    found.push(...all);
  }
  const copies = new Map();
  const loose = new Map();
  for (const [path, file] of found) {
    const [, place, name] = OBJECT.exec(path) ?? [];
    if (name === undefined) {
      const folder = path.includes('/') ? path.slice(0, path.indexOf('/')) : '';
      loose.set(folder, [...(loose.get(folder) ?? []), file]);
      continue;
    }
    const copy = copies.get(place) ?? { name: place.replace(/\/$/, '') || 'copy', files: [] };
    copy.files.push([path, file]);
    copies.set(place, copy);
  }
  const files = [];
  for (const [folder, some] of loose) {
    const hasCopy = [...copies.keys()].some(place => place === `${folder}/` || place.startsWith(`${folder}/`));
    // Beside a copy only a key is of use. It is looked for among few and small files.
    if (folder === '') files.push(...some);
    else if (hasCopy) files.push(...some.filter(({ size }) => size < 1000).slice(0, LOOSE).map(file => Object.assign(file, { isBeside: true })));
    else if (some.length > LOOSE) skipped.push(folder);
    else files.push(...some);
  }
  return { copies: [...copies.values()], files, skipped };
}

/** All files below an entry of a drop, each with its path. */
async function within(entry, told, before) {
  const found = [];
  const waiting = [[entry, entry.name, 0]];
  while (waiting.length > 0) {
    const some = waiting.splice(-TOGETHER);
    const read = await Promise.all(some.map(([one, path, depth]) => look(one, path, depth)));
    for (const { file, path, below } of read) {
      if (file) found.push([path, file]);
      else waiting.push(...below);
    }
    told(before + found.length);
  }
  return found;
}

async function look(entry, path, depth) {
  if (!entry.isDirectory) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject)).catch(() => undefined);
    return { file, path, below: [] };
  }
  const isOfCopy = /(^|\/)[0-9a-f]{32}(\/|$)/.test(path);
  if (depth > DEPTH && !isOfCopy) return { path, below: [] };
  const below = [];
  const reader = entry.createReader();
  for (;;) {
    // Each call gives a part of the names, and the last one none.
    const names = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)).catch(() => []);
    if (names.length === 0) return { path, below };
    below.push(...names.map(one => [one, `${path}/${one.name}`, depth + 1]));
  }
}
