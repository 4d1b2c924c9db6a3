// A look at the first rows of a table.

import { announce, make, refusal, show } from './dom.js';
import { withKey } from './key.js';
import { run } from './progress.js';
import { Cancelled } from './work.js';
import { count } from './words.js';

/** What stands for a name without a character. */
export const NAMELESS = '(no name)';
/** Tables that can be chosen: with many more the browser would stall. */
export const TABLES_SHOWN = 2000;
/** Rows that are shown. */
const LIMIT = 50;

let work;

/** The choice of a table and the place for its rows. `source` is `{ chain, expect }`. */
export function begin(tables, source) {
  const option = ({ name, rows }, index) => {
    const text = `${name || NAMELESS} (${count(rows, 'row')})`;
    return make('option', { value: index }, text);
  };
  const pick = make('select', { id: 'table' }, tables.slice(0, TABLES_SHOWN).map(option));
  const place = make('div', { class: 'rows' });
  const click = () => look(tables[pick.value], source, place);
  const button = make('button', { type: 'button', id: 'show-rows', click }, 'Show rows');
  const label = make('label', { for: 'table' }, 'Table');
  return [make('h3', 'Look at rows'), make('div', { class: 'pick' }, label, pick, button), place];
}

/** Stops looking: what was opened is gone. */
export function stop() {
  work?.cancel();
  work = undefined;
}

async function look(table, source, place) {
  stop();
  const wanted = withKey({ ...source, table: table.name, limit: LIMIT });
  const mine = (work = run(place, 'rows', wanted, { reading: 'Looking for the rows' }));
  try {
    const { columns, rows } = await mine.result;
    if (mine !== work) return;
    const which = rows.length === table.rows ? 'All' : 'The first';
    const title = `${which} ${count(rows.length, 'row')} of ${table.name || NAMELESS}`;
    place.replaceChildren(
      make('h3', { id: 'rows-title', tabindex: '-1' }, title),
      grid(columns, rows),
      make('p', { class: 'hint' }, "Numbers stand on the right, text on the left, bytes as x'…'. Long values are cut."),
    );
    announce(title);
    show(place);
  } catch (error) {
    if (mine !== work) return;
    if (error instanceof Cancelled) {
      place.replaceChildren();
      document.getElementById('show-rows').focus();
    } else {
      place.replaceChildren(refusal(error));
      show(place);
    }
  }
}

/** The rows as a table. `cells` come from the worker as `{ type, text, more }`. */
function grid(columns, rows) {
  const hasRowid = rows.some(({ rowid }) => rowid !== undefined);
  const isNumber = index => rows.every(({ cells }) => /integer|real|null/.test(cells[index].type));
  const title = (name, index) => make('th', { scope: 'col', class: isNumber(index) && 'number' }, name || NAMELESS);
  const rowidTitle = make('th', { scope: 'col', class: 'number rowid' }, 'rowid');
  const head = make('tr', hasRowid && rowidTitle, columns.map(title));
  const body = rows.map(({ rowid, cells }) =>
    make('tr', hasRowid && make('td', { class: 'number rowid' }, rowid), cells.map(cell)),
  );
  return make(
    'div',
    { class: 'scroll', role: 'region', tabindex: '0', 'aria-labelledby': 'rows-title' },
    make('table', make('thead', head), make('tbody', body)),
  );
}

function cell({ type, text, more }) {
  const kind = type === 'integer' || type === 'real' ? `${type} number` : type;
  const note = more && make('span', { class: 'more' }, ` ${more}`);
  return make('td', { class: kind }, make('div', visible(text), note));
}

/** Text in which what cannot be seen, or changes how the rest is seen, is written out. */
function visible(text) {
  return text.split(/([\p{Cc}\p{Cf}\p{Co}\p{Cs}])/u).map((part, index) => {
    if (index % 2 === 0 || part === '\n' || part === '\t') return part;
    return make('span', { class: 'escape' }, `\\u{${part.codePointAt(0).toString(16)}}`);
  });
}
