// The lists of files, as they stand: being checked, the chain, what cannot be used and why.

import { make, notice } from './dom.js';
import { brief, count, explain, size } from './words.js';

/**
 * Shows the files in `place`. `entries`, `ends`, `unused`: see `files.js` and `chain.js`; `end`: the one that is meant. `isCopy`: a copy is, and not these files.
 * `remove(entry)` and `choose(state)` are called when the person does that. What has the focus keeps it.
 */
export function draw(place, { entries, ends, end, unused, isCopy = false }, { remove, choose }) {
  const focused = document.activeElement?.id;
  const busy = entries.filter(({ state }) => state === 'waiting' || state === 'checking');
  const bad = entries.filter(({ state }) => state === 'bad');
  const misfits = unused.filter(({ why }) => why !== 'not needed');
  const spare = unused.filter(({ why }) => why === 'not needed');
  const isMissing = ends.length === 0 && misfits.length > 0;
  const item = (entry, ...about) => itemOf(entry, remove, ...about);
  const parts = [
    isCopy && entries.length > 0 && make('p', { class: 'hint' }, 'The copy is used, and not the files below. Remove it to use them.'),
    busy.length > 0 && checking(busy, item),
    ends.length > 1 && choice(ends, end, choose),
    end && chainOf(end, item),
    isMissing && missing(misfits, item),
    (bad.length > 0 || (misfits.length > 0 && !isMissing)) && refusals(bad, isMissing ? [] : misfits, item),
    spare.length > 0 && notNeeded(spare, item),
  ];
  place.replaceChildren(...parts.flat().filter(Boolean));
  place.setAttribute('aria-busy', String(busy.length > 0));
  if (focused) document.getElementById(focused)?.focus();
}

/** A file with what is to be said about it, and a button that removes it. */
function itemOf(entry, remove, ...about) {
  const { name } = entry.file;
  const button = { type: 'button', class: 'quiet', id: `remove-${entry.id}`, click: () => remove(entry) };
  return make(
    'li',
    make('div', { class: 'what' }, make('div', { class: 'title' }, name), make('div', { class: 'about' }, ...about)),
    make('button', button, 'Remove', make('span', { class: 'unseen' }, ` ${name}`)),
  );
}

/** A list with a title, which is read out when the check ends. */
const titled = (title, about, list) => [
  make('h3', { class: 'list-title heard' }, title),
  about && make('p', { class: 'hint' }, about),
  list,
];

const files = (items, tag = 'ul') => make(tag, { class: 'files', role: 'list' }, items);

function checking(busy, item) {
  const bar = ({ id, file }) =>
    make('progress', { id: `bar-${id}`, value: '0', max: '1', 'aria-label': `Checking ${file.name}` });
  const items = busy.map(entry => item(entry, size(entry.file.size), bar(entry)));
  return titled(`Checking ${count(busy.length, 'file')}`, undefined, files(items));
}

function chainOf({ state, chain }, item) {
  const deltas = chain.length - 1;
  const title = deltas === 0 ? 'A full bundle' : `A chain: a full bundle and ${count(deltas, 'delta')}`;
  const kind = index => (index === 0 ? 'Full bundle' : `Delta ${index}`);
  const items = chain.map(({ entry }, index) => item(entry, `${kind(index)}, ${size(entry.file.size)}, undamaged`));
  return titled(`${title}, complete and undamaged`, `It leads to the state ${brief(state)}`, files(items, 'ol'));
}

/** Several states can be recovered: which one? */
function choice(ends, end, choose) {
  const date = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
  const option = ({ state, chain }) => {
    const { name, lastModified } = chain.at(-1).entry.file;
    const how = chain.length === 1 ? 'Full bundle' : `Full bundle and ${count(chain.length - 1, 'delta')}`;
    const about = `${how}, written ${date.format(lastModified)}, state ${brief(state)}`;
    const radio = { type: 'radio', name: 'end', id: `end-${state}`, checked: state === end.state };
    return make(
      'label',
      { class: 'choice' },
      make('input', { ...radio, change: () => choose(state) }),
      make('span', make('strong', name), make('span', { class: 'hint' }, about)),
    );
  };
  const question = `These files lead to ${ends.length} different states. Which do you want?`;
  return make('fieldset', make('legend', { class: 'heard' }, question), ends.map(option));
}

/** Deltas without their beginning. */
function missing(misfits, item) {
  const states = new Set(misfits.filter(({ why }) => why === 'no base').map(misfit => misfit.missing));
  const add = state =>
    make('p', 'Add the bundle that leads to the state ', make('code', state), ', and those before it.');
  const what =
    misfits.length === 1
      ? 'This file is sound, but it is a delta: it holds only what changed.'
      : 'These files are sound, but they are deltas: they hold only what changed.';
  const title = 'The full bundle is missing';
  return [
    notice('bad', title, make('p', make('span', { class: 'unseen heard' }, title), what), [...states].map(add)),
    files(misfits.map(({ bundle: { entry } }) => item(entry, `Delta, ${size(entry.file.size)}`))),
  ];
}

/** Files that are damaged, or do not fit. */
function refusals(bad, misfits, item) {
  const refusal = (title, ...lines) => [
    make('strong', { class: 'bad' }, title),
    lines.filter(Boolean).map(line => make('p', line)),
  ];
  const items = bad.map(entry => {
    const { file, title, remedy } = explain(entry.failure);
    const isPlain = entry.failure.kind === 'host' || entry.failure.kind === 'misuse';
    return item(entry, ...refusal(entry.title ?? file ?? title, wordsOf(entry), isPlain ? '' : remedy));
  });
  const others = misfits.map(misfit => item(misfit.bundle.entry, ...refusal('Does not fit', ...reasonOf(misfit))));
  return titled(
    `${count(items.length + others.length, 'file')} cannot be used`,
    undefined,
    files([...items, ...others]),
  );
}

function reasonOf({ why, missing: state, after }) {
  if (why === 'after') return [`It leads on from ${after.name}.`];
  return [
    `It leads on from the state ${brief(state)}, and the bundle that leads there is not here.`,
    'What comes after it cannot be recovered.',
  ];
}

/** What the component says, without the name that stands above it. */
function wordsOf({ file, failure: { message } }) {
  const words = message.replace(`'${file.name}': `, '');
  return `${words[0].toUpperCase()}${words.slice(1)}.`;
}

function notNeeded(spare, item) {
  const items = spare.map(({ bundle: { entry } }) => item(entry, size(entry.file.size)));
  return titled('Not needed', 'Their states are reached without them.', files(items));
}
