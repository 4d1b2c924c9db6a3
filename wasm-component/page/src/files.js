// Step 1: the files. Each is checked when it comes (every byte, by the component, without the key); the sound ones are sorted into chains.

import { plan } from './chain.js';
import { $, announce, make, notice } from './dom.js';
import { Cancelled, start } from './work.js';
import { brief, count, explain, size } from './words.js';

/** Bytes at the beginning that are looked at. */
const HEAD = 1024;
const KEY = /^\s*lifeboatkey1[a-z0-9\s]*$/i;
const SQLITE = 'SQLite format 3\0';

/** What was chosen: `{ id, file, state: 'waiting' | 'checking' | 'sound' | 'bad', report, failure }`. */
let entries = [];
let ids = 0;
let ends = [];
let chosen;
let checking;
let on = {};

/** Begins. `changed()` is called when another chain may be meant; `keyFile(text, name)` when a file holds a key. */
export function begin(listeners) {
  on = listeners;
  $('choose').addEventListener('click', () => $('files').click());
  $('files').addEventListener('change', () => {
    add([...$('files').files]);
    $('files').value = '';
  });
  // A file that is dropped beside the field would else replace the page.
  addEventListener('dragover', event => {
    event.preventDefault();
    document.body.classList.add('dropping');
  });
  addEventListener('dragleave', event => {
    if (event.relatedTarget === null) document.body.classList.remove('dropping');
  });
  addEventListener('drop', event => {
    event.preventDefault();
    document.body.classList.remove('dropping');
    add([...event.dataTransfer.files]);
  });
}

/** The files of the chain to recover, oldest first; none while there is no such chain, or files are still being checked. */
export const chain = () => (isBusy() ? undefined : ends.find(({ state }) => state === chosen)?.chain.map(({ entry }) => entry.file));

/** Are files still being checked? */
export const isBusy = () => entries.some(({ state }) => state === 'waiting' || state === 'checking');

/** Forgets all files. */
export function clear() {
  checking?.cancel();
  entries = [];
  update();
}

/** Says in place that files are wanted. */
export function ask() {
  const wait = isBusy();
  const title = wait ? 'The files are still being checked' : 'A backup is needed first';
  $('file-lists').prepend(notice('bad', title, make('p', {}, wait ? 'Wait a moment, then try again.' : 'Choose the full bundle, and the deltas that were made after it if there are any.')));
  $('choose').focus();
}

async function add(files) {
  $('file-lists').setAttribute('aria-busy', 'true');
  for (const file of files) {
    if (entries.some(entry => entry.file.name === file.name && entry.file.size === file.size && entry.file.lastModified === file.lastModified)) continue;
    const head = await file.slice(0, HEAD).text().catch(() => undefined);
    if (KEY.test(head)) on.keyFile(head, file.name);
    else entries.push({ id: (ids += 1), file, ...known(head) });
  }
  update();
  check();
}

/** What a file is that is no bundle, but that a person would know again. */
function known(head) {
  if (head === undefined) return { state: 'bad', failure: { kind: 'host', message: 'it was moved or changed, or it is a folder; choose the file itself' } };
  if (!head.startsWith(SQLITE)) return { state: 'waiting' };
  return { state: 'bad', title: 'No bundle, but a database', failure: { kind: 'misuse', message: 'any program for SQLite opens it as it is' } };
}

function remove(entry) {
  const buttons = () => [...document.querySelectorAll('#file-lists button')];
  const at = buttons().indexOf(document.activeElement);
  entries.splice(entries.indexOf(entry), 1);
  if (entry.state === 'checking') checking.cancel();
  update();
  announce(`${entry.file.name} removed`);
  (buttons()[at] ?? buttons().at(-1) ?? $('choose')).focus();
}

/** Checks what waits, one file after the other, in one worker. */
async function check() {
  if (checking) return;
  const waiting = entries.filter(({ state }) => state === 'waiting');
  if (waiting.length === 0) return;
  checking = start('check', { files: waiting.map(({ file }) => file) }, {
    tell({ index, done, report, failed }) {
      const entry = waiting[index];
      if (report) Object.assign(entry, { state: 'sound', report });
      else if (failed) Object.assign(entry, { state: 'bad', failure: failed });
      else {
        entry.state = 'checking';
        const bar = $(`bar-${entry.id}`);
        if (bar) bar.value = done / entry.file.size;
        return;
      }
      if (entries.includes(entry)) update();
    },
  });
  let failure;
  await checking.result.catch(error => { if (!(error instanceof Cancelled)) failure = error; });
  checking = undefined;
  for (const entry of waiting) {
    if (entry.state === 'checking') entry.state = 'waiting';
    if (failure && entry.state === 'waiting') Object.assign(entry, { state: 'bad', failure });
  }
  update();
  if (!isBusy()) announce([...document.querySelectorAll('#file-lists .heard')].map(title => title.textContent).join('. '));
  check();
}

function update() {
  const sound = entries.filter(({ state }) => state === 'sound');
  const sorted = plan(sound.map(entry => ({ entry, name: entry.file.name, report: entry.report })));
  const newest = end => end.chain.at(-1).entry.file.lastModified;
  ends = sorted.ends.sort((a, b) => newest(b) - newest(a));
  if (!ends.some(({ state }) => state === chosen)) chosen = ends[0]?.state;
  draw(sorted.unused);
  on.changed();
}

function draw(unused) {
  const focused = document.activeElement?.id;
  const busy = entries.filter(({ state }) => state === 'waiting' || state === 'checking');
  const bad = entries.filter(({ state }) => state === 'bad');
  const misfits = unused.filter(({ why }) => why !== 'not needed');
  const spare = unused.filter(({ why }) => why === 'not needed');
  const end = ends.find(({ state }) => state === chosen);
  $('file-lists').replaceChildren(...[
    busy.length > 0 && group(`Checking ${count(busy.length, 'file')}`, '', busy.map(entry => item(entry, size(entry.file.size), true))),
    ends.length > 1 && choice(),
    end && group(...titleOf(end), end.chain.map(({ entry }, index) => item(entry, `${index === 0 ? 'Full bundle' : `Delta ${index}`}, ${size(entry.file.size)}, undamaged`)), true),
    ends.length === 0 && misfits.length > 0 && missing(misfits),
    (bad.length > 0 || (ends.length > 0 && misfits.length > 0)) && refusals(bad, ends.length > 0 ? misfits : []),
    spare.length > 0 && group('Not needed', 'Their states are reached without them.', spare.map(({ bundle: { entry } }) => item(entry, size(entry.file.size)))),
  ].flat().filter(Boolean));
  $('file-lists').setAttribute('aria-busy', String(busy.length > 0));
  if (focused) $(focused)?.focus();
}

function titleOf({ state, chain }) {
  const deltas = chain.length - 1;
  const title = deltas === 0 ? 'A full bundle' : `A chain: a full bundle and ${count(deltas, 'delta')}`;
  return [`${title}, complete and undamaged`, `It leads to the state ${brief(state)}`];
}

/** A titled list of files. */
function group(title, about, items, isOrdered = false) {
  return [
    make('h3', { class: 'list-title heard' }, title),
    about && make('p', { class: 'hint' }, about),
    make(isOrdered ? 'ol' : 'ul', { class: 'files', role: 'list' }, items),
  ];
}

function item(entry, about, isBusyItem = false) {
  const name = entry.file.name;
  const waits = isBusyItem && make('progress', { id: `bar-${entry.id}`, value: '0', max: '1', 'aria-label': `Checking ${name}` });
  return make('li', {},
    make('div', { class: 'what' }, make('div', { class: 'title' }, name), make('div', { class: 'about' }, about), waits),
    make('button', { type: 'button', class: 'quiet', id: `remove-${entry.id}`, click: () => remove(entry) }, 'Remove', make('span', { class: 'unseen' }, ` ${name}`)));
}

/** Several states can be recovered: which one? */
function choice() {
  const date = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
  const options = ends.map(({ state, chain: found }) => {
    const last = found.at(-1).entry.file;
    const how = found.length === 1 ? 'Full bundle' : `Full bundle and ${count(found.length - 1, 'delta')}`;
    const input = make('input', { type: 'radio', name: 'end', id: `end-${state}`, checked: state === chosen, change: () => { chosen = state; update(); } });
    return make('label', { class: 'choice' }, input, make('span', {}, make('strong', {}, last.name), make('span', { class: 'hint' }, `${how}, written ${date.format(last.lastModified)}, state ${brief(state)}`)));
  });
  return make('fieldset', {}, make('legend', { class: 'heard' }, `These files lead to ${ends.length} different states. Which do you want?`), options);
}

/** Deltas without their beginning. */
function missing(misfits) {
  const states = [...new Set(misfits.filter(({ why }) => why === 'no base').map(misfit => misfit.missing))];
  const title = 'The full bundle is missing';
  return [
    notice('bad', title, make('p', { class: 'heard' }, misfits.length === 1 ? 'This file is sound, but it is a delta: it holds only what changed.' : 'These files are sound, but they are deltas: they hold only what changed.'),
      states.map(state => make('p', {}, 'Add the bundle that leads to the state ', make('code', {}, state), ', and all that it leads on from.'))),
    make('ul', { class: 'files', role: 'list' }, misfits.map(({ bundle: { entry } }) => item(entry, `Delta, ${size(entry.file.size)}`))),
  ];
}

/** Files that are damaged, or do not fit. */
function refusals(bad, misfits) {
  const reasons = {
    'no base': ({ missing: state }) => `It leads on from the state ${brief(state)}, and the bundle that leads there is not here. What comes after it cannot be recovered.`,
    after: ({ after }) => `It leads on from ${after.name}.`,
  };
  const refusal = (title, ...lines) => make('div', {}, make('strong', { class: 'bad' }, title), lines.filter(Boolean).map(line => make('p', {}, line)));
  return group(`${count(bad.length + misfits.length, 'file')} cannot be used`, '', [
    ...bad.map(entry => item(entry, refusal(entry.title ?? explain(entry.failure).file ?? explain(entry.failure).title, wordsOf(entry), remedyOf(entry)))),
    ...misfits.map(misfit => item(misfit.bundle.entry, refusal('Does not fit', reasons[misfit.why](misfit)))),
  ]);
}

/** What the component says, without the name that stands above it. */
function wordsOf({ file, failure: { message } }) {
  const words = message.replace(`'${file.name}': `, '');
  return `${words[0].toUpperCase()}${words.slice(1)}.`;
}

const remedyOf = ({ failure }) => (failure.kind === 'host' || failure.kind === 'misuse' ? '' : explain(failure).remedy);
