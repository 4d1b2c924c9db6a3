// Copies of a series: what the page says of them, and of the save that was found in them.

import { make, notice } from './dom.js';
import { count } from './words.js';

/** How many lines of a kind are shown. */
const SHOWN = 10;

const date = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' });

/** `number 45 of Nov 29, 2026, 12:30 PM`: a save for people, in the time zone of this computer. */
export const when = save => `number ${save.number}${save.date ? ` of ${date.format(new Date(save.date))}` : ''}`;

/** The copies that were chosen. `remove(copy)` is called when the person does that. */
export function copiesShown(copies, { remove }) {
  const title = copies.length === 1 ? 'A copy of saves' : `${copies.length} copies of saves`;
  const items = copies.map((copy, index) => {
    const button = { type: 'button', class: 'quiet', id: `remove-copy-${index}`, click: () => remove(copy) };
    return make(
      'li',
      make('div', { class: 'what' }, make('div', { class: 'title' }, copy.name), make('div', { class: 'about' }, count(copy.files.length, 'object'))),
      make('button', button, 'Remove', make('span', { class: 'unseen' }, ` ${copy.name}`)),
    );
  });
  const about = 'The key finds the newest state in them. What one copy lacks is taken from another.';
  return [make('h3', { class: 'list-title heard' }, title), make('p', { class: 'hint' }, about), make('ul', { class: 'files copies', role: 'list' }, items)];
}

/** The copies hold several series of the key: which one? `choose(domainId)` is called when the person has said. */
export function seriesChoice(series, choose) {
  const button = ({ domainId, newest }) =>
    make('li', make('div', { class: 'what' }, make('div', { class: 'title' }, `Newest save: ${when(newest)}`), make('div', { class: 'about' }, make('code', domainId))),
      make('button', { type: 'button', click: () => choose(domainId) }, 'Open', make('span', { class: 'unseen' }, ` ${domainId}`)));
  return notice(
    'warn',
    `The copies hold ${series.length} databases of this key`,
    make('p', 'Which one do you want? The others can be recovered afterwards.'),
    make('ul', { class: 'files series', role: 'list' }, series.map(button)),
  );
}

/** The title of what was opened, where it is an older state. */
export const olderTitle = found => `This is an OLDER state: ${when(found.save)}`;

/** What is to be said of the save that was found: paragraphs. */
export function saveFound(found) {
  const { save, older, leftOut, leftOutMore, unfit, unfitMore, copies } = found;
  const by = [save.writer && `saved by ${save.writer}`, save.label && `“${save.label}”`].filter(Boolean).join(', ');
  const newer = copies.map(copy => copy.newest).filter(newest => newest && newest.number > save.number);
  const top = newer.sort((a, b) => b.number - a.number)[0];
  return [
    make('p', `Save ${when(save)}${by ? `, ${by}` : ''}.`),
    older && make('p', 'These newer saves cannot be recovered from what is here. Look for another copy.'),
    older && lines(leftOut.map(left => `${left.save ? when(left.save) : `number ${left.number}`}: ${left.why}`), leftOutMore),
    !older && top && make('p', `It was asked for. The copies hold a newer save: ${when(top)}.`),
    copies.map(copy => behind(copy)),
    unfit.length > 0 && make('p', `${count(unfit.length + unfitMore, 'object')} in the copies cannot be used${older ? '' : '; none of them was needed, or another copy has it'}:`),
    unfit.length > 0 && lines(unfit.map(({ copy, name, why }) => `${copy}/${name}: ${why}`), unfitMore),
    copies.map(({ name, junk }) => junk > 0 && make('p', `${name}: ${count(junk, 'name')} not of a copy ${junk === 1 ? 'was' : 'were'} passed over.`)),
  ].flat();
}

const WORDS = { behind: 'is behind', empty: 'holds no save of this series', withholds: 'withholds saves, or nobody saves to it any more' };

function behind({ name, standing, newest }) {
  const words = WORDS[standing];
  return words && make('p', `${name} ${words}${newest ? `: its newest is ${when(newest)}` : ''}.`);
}

function lines(all, more) {
  const rest = all.length - SHOWN + more;
  return make('ul', all.slice(0, SHOWN).map(line => make('li', line)), rest > 0 && make('li', `and ${rest.toLocaleString('en')} more`));
}

