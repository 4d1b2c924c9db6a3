// The progress of a piece of work, with a button that stops it.

import { announce, make } from './dom.js';
import { start } from './work.js';
import { size } from './words.js';

/**
 * Starts a piece of work (see `start`) and shows its progress in `place` until it ends. `phases` says what each phase is
 * called. The button that was pressed is gone by then, so the focus goes to the one that stops the work.
 */
export function run(place, job, input, phases, { take } = {}) {
  const label = make('span');
  const amount = make('span');
  const bar = make('progress', { 'aria-label': 'Progress' });
  const work = start(job, input, { tell, take });
  const stop = make('button', { type: 'button', click: work.cancel }, 'Cancel');
  place.replaceChildren(make('div', { class: 'work' }, make('p', label, amount), bar, stop));
  stop.focus({ preventScroll: true });
  let said;
  tell({ phase: Object.keys(phases)[0] });

  function tell({ phase, done = 0, total }) {
    if (phase !== said) {
      said = phase;
      label.textContent = phases[phase];
      announce(phases[phase]);
    }
    if (total === undefined || Number(total) === 0) {
      bar.removeAttribute('value');
      amount.textContent = done ? size(done) : '';
    } else {
      bar.value = Number(done) / Number(total);
      amount.textContent = `${size(done)} of ${size(total)}`;
    }
  }
  return work;
}
