// A look at the first rows of a table.

import { announce, make, notice, show } from './dom.js';
import { run } from './progress.js';
import { Cancelled } from './work.js';
import { count, explain } from './words.js';

/** What stands for a name without a character. */
export const NAMELESS = '(no name)';
/** Rows that are shown. */
const LIMIT = 50;

/** The choice of a table and the place for its rows. `source` is `{ chain, key }`. */
export function begin(tables, source) {
  const pick = make('select', { id: 'table' }, tables.map(({ name, rows }, index) => make('option', { value: index }, `${name || NAMELESS} (${count(rows, 'row')})`)));
  const place = make('div', { class: 'rows' });
  const button = make('button', { type: 'button', id: 'show-rows', click: () => look(tables[pick.value], source, place) }, 'Show rows');
  return [
    make('h3', {}, 'Look at rows'),
    make('div', { class: 'pick' }, make('label', { for: 'table' }, 'Table'), pick, button),
    place,
  ];
}

let work;

/** Stops looking: what was opened is gone. */
export function stop() {
  work?.cancel();
  work = undefined;
}

async function look(table, source, place) {
  stop();
  const mine = work = run(place, 'rows', { ...source, table: table.name, limit: LIMIT }, { reading: 'Looking for the rows' });
  try {
    const { columns, rows } = await mine.result;
    if (mine !== work) return;
    const shown = count(rows.length, 'row');
    const title = rows.length === table.rows ? `All ${shown} of ${table.name || NAMELESS}` : `The first ${shown} of ${table.name || NAMELESS}`;
    place.replaceChildren(make('h3', { id: 'rows-title', tabindex: '-1' }, title), grid(columns, rows),
      make('p', { class: 'hint' }, 'Numbers stand on the right, text on the left, bytes as x\'…\'. Long values are cut.'));
    announce(title);
    show(place);
  } catch (error) {
    if (mine !== work) return;
    if (error instanceof Cancelled) return place.replaceChildren();
    place.replaceChildren(notice('bad', explain(error).title, make('p', { class: 'words' }, error.message), make('p', {}, explain(error).remedy)));
    show(place);
  }
}

/** The rows as a table. `cells` come from the worker as `{ type, text, more }`. */
function grid(columns, rows) {
  const hasRowid = rows.some(({ rowid }) => rowid !== undefined);
  const isNumber = index => rows.every(({ cells }) => /integer|real|null/.test(cells[index].type));
  const title = (name, index) => make('th', { scope: 'col', class: isNumber(index) && 'number' }, name || NAMELESS);
  const head = make('tr', {}, hasRowid && make('th', { scope: 'col', class: 'number rowid' }, 'rowid'), columns.map(title));
  const body = rows.map(({ rowid, cells }) => make('tr', {}, hasRowid && make('td', { class: 'number rowid' }, rowid), cells.map(cell)));
  return make('div', { class: 'scroll', role: 'region', tabindex: '0', 'aria-labelledby': 'rows-title' },
    make('table', {}, make('thead', {}, head), make('tbody', {}, body)));
}

function cell({ type, text, more }) {
  const number = type === 'integer' || type === 'real' ? ' number' : '';
  return make('td', { class: `${type}${number}` }, make('div', {}, visible(text), more && make('span', { class: 'more' }, ` ${more}`)));
}

/** Text in which what cannot be seen, or changes how the rest is seen, is written out. */
function visible(text) {
  return text.split(/([\p{Cc}\p{Cf}\p{Co}\p{Cs}])/u).map((part, index) => {
    if (index % 2 === 0 || part === '\n' || part === '\t') return part;
    return make('span', { class: 'escape' }, `\\u{${part.codePointAt(0).toString(16)}}`);
  });
}
