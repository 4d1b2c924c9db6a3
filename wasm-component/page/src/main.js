// The page: four steps, each of which begins where the one before it ends.

import { $, announce, make, refusal, show } from './dom.js';
import { seriesChoice } from './copy.js';
import * as files from './files.js';
import { inside, mayBeOlder, opened as openedTitle, saved } from './inside.js';
import * as key from './key.js';
import { run } from './progress.js';
import { stop } from './rows.js';
import { choosePlace, nameFor } from './save.js';
import * as sheet from './sheet.js';
import { Cancelled } from './work.js';

const LATER = { inside: [...$('inside').childNodes], save: [...$('save').childNodes] };
const FINDING = { checking: 'Looking for the newest state, and checking its bundles' };
const OPENING = { reading: 'Opening and checking the backup' };
const SAVING = {
  reading: 'Reading the backup',
  building: 'Building and proving the database; this can take a minute',
  writing: 'Saving the database',
};

/** What is going on in steps 3 and 4, what was opened, and whether it may be an older state. */
let work;
let opened;
let isOlder = false;
let isSaved = false;
let address;

/** Another backup or another key is meant: what was opened is no longer that. */
function changed() {
  work?.cancel();
  stop();
  work = opened = undefined;
  isSaved = isOlder = false;
  if (address) URL.revokeObjectURL(address);
  address = undefined;
  for (const [id, children] of Object.entries(LATER)) $(id).replaceChildren(...children);
  mark();
}

/** Which steps are done, and which is now. */
function mark() {
  const done = { files: (files.chain() ?? files.copies()) !== undefined, key: key.isGood(), inside: opened !== undefined, save: isSaved };
  const now = Object.keys(done).find(step => !done[step]);
  // A tick would say that all is well.
  const isPart = { files: mayBeOlder({ leftOut: files.leftOut(), expect: key.expect() }), inside: isOlder, save: isOlder };
  for (const step of Object.keys(done)) {
    $(`step-${step}`).classList.toggle('done', done[step]);
    $(`step-${step}`).classList.toggle('part', done[step] && isPart[step] === true);
    $(`step-${step}`).classList.toggle('now', step === now);
  }
  // One button stands out: the next one to press.
  $('choose').classList.toggle('strong', !done.files);
  $('look').classList.toggle('strong', !done.inside);
}

function submit(event) {
  event.preventDefault();
  look();
}

/** `domain`: which series of copies is meant, if the person had to say. */
async function look(domain) {
  const [chain, copies] = [files.chain(), files.copies()];
  if (!chain && !copies) return files.ask();
  if (!(await key.isReady())) return;
  const given = { expect: key.expect(), leftOut: files.leftOut() };
  changed();
  let mine;
  try {
    const source = chain ? { ...given, chain, name: chain[0].name } : await found(copies, given, domain, started => (mine = started));
    mine = work = run($('inside'), 'info', key.withKey(source), OPENING);
    opened = await mine.result;
    isOlder = mayBeOlder(source);
    $('inside').replaceChildren(inside(opened, source));
    offer(source);
    mark();
    announce(openedTitle(source));
    show($('inside'));
  } catch (error) {
    if (mine !== work) return;
    const series = error.kind === 'misuse' ? (error.remarks?.series ?? []) : [];
    if (series.length < 2) return failed(error, 'inside', $('look'));
    const choice = seriesChoice(series, look);
    $('inside').replaceChildren(choice);
    show(choice);
  }
}

/** The source that copies give. `started(work)` is called with the work that looks for it. */
async function found(copies, given, domain, started) {
  const mine = (work = run($('inside'), 'find', key.withKey({ copies, expect: given.expect, domain }), FINDING));
  started(mine);
  const found = await mine.result;
  if (mine !== work) throw new Cancelled();
  const leftOut = { files: [], others: 0, last: `save number ${found.save.number}` };
  return { ...given, leftOut, found, chain: found.chain, expect: found.save.stateId, name: copies[0].name.split('/').at(-1) };
}

/** Step 4 begins. */
function offer(source) {
  const about =
    'SQLite, which is inside this page, builds the file and proves that it is the state that was opened.';
  const attributes = { type: 'button', class: 'strong', id: 'save-database', click: () => save(source) };
  const button = make('button', attributes, 'Save the database…');
  $('save').replaceChildren(make('p', { class: 'later' }, about), make('div', { class: 'actions' }, button));
}

async function save(source) {
  const meant = opened;
  const target = await choosePlace(nameFor(source.name)).catch(error => failed(error, 'save'));
  if (!target) return;
  // Another key may be there by now, or none.
  if (opened !== meant) return target.abandon();
  const mine = (work = run($('save'), 'recover', key.withKey(source), SAVING, { take: target.write }));
  try {
    const recovered = await mine.result;
    const download = await target.finish();
    if (mine !== work) return;
    address = download.address;
    $('save').replaceChildren(...saved(recovered, target.name, download, source), end(source));
    $('download')?.click();
    isSaved = true;
    mark();
    announce($('save').querySelector('h3').textContent);
    show($('save'));
  } catch (error) {
    await target.abandon();
    if (mine !== work) return;
    offer(source);
    failed(error, 'save', $('save-database'));
  }
}

/** What can be done when all is done. */
function end(source) {
  const startOver = () => {
    key.clear();
    files.clear();
    announce('All is cleared');
    $('choose').focus();
  };
  return make(
    'div',
    { class: 'actions' },
    make('button', { type: 'button', click: startOver }, 'Clear the key and start over'),
    make('button', { type: 'button', class: 'quiet', click: () => save(source) }, 'Save once more…'),
  );
}

/** Says why not; after a cancel, only goes back to where the work began. */
function failed(error, id, button) {
  if (error instanceof Cancelled) {
    if (id === 'inside') $(id).replaceChildren(...LATER.inside);
    announce('Cancelled');
    button?.focus();
    return;
  }
  const said = refusal(error);
  if (id === 'inside') $(id).replaceChildren(said);
  else $(id).prepend(said);
  show(said);
}

function unfit() {
  const missing = ['WebAssembly', 'DecompressionStream', 'Worker'].filter(name => !(name in window));
  if (missing.length === 0) return;
  const remedy = 'Use a current Firefox, Chrome, Edge or Safari.';
  $('unfit').textContent = `This browser is too old for this page: it has no ${missing.join(', ')}. ${remedy}`;
  $('unfit').hidden = false;
}

unfit();
files.begin({
  changed() {
    changed();
    // Whether the key fits can be told once there are files.
    if (!files.isBusy() && key.key() !== '') key.check();
  },
  keyFile: (text, name) => key.set(text, name).then(changed),
});
key.begin({ changed, checked: mark });
sheet.begin(() => ({ opened, copies: files.copies() }));
$('open').addEventListener('submit', submit);
mark();
