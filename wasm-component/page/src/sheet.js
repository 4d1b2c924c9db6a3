// The recovery sheet: the key on paper. It is made when it is asked for, and gone when it is closed. The command
// `lifeboat sheet` prints the same one.

import { $, make } from './dom.js';
import { domainOf } from './inside.js';
import { isReady, key } from './key.js';
import { start } from './work.js';

const KINDS = { lifeboatkey1: 'recovery key', lifeboatwrite1: 'write key', lifeboatread1: 'read key' };

/** Begins. `about()` gives `{ opened, copies }`: what was opened with the key and the copies that were chosen, if any. */
export function begin(about) {
  const dialog = $('sheet');
  $('show-sheet').addEventListener('click', async () => {
    const text = key().toLowerCase();
    if (!(await isReady())) return;
    const qr = await start('qr', { key: text }).result.then(image, error => `There is no QR code: ${error.message}.`);
    // Meanwhile the key may have been changed or cleared, or the sheet opened by a second click.
    if (dialog.open || key().toLowerCase() !== text) return;
    $('sheet-place').replaceChildren(filled({ ...values(text, about()), qr: [qr] }));
    dialog.showModal();
    $('print').focus();
  });
  $('print').addEventListener('click', () => print());
  $('close-sheet').addEventListener('click', () => dialog.close());
  dialog.addEventListener('close', () => {
    $('sheet-place').replaceChildren();
    $('show-sheet').focus();
  });
}

/** What is put into the text. */
function values(text, { opened, copies = [] }) {
  const unknown = make('li', 'The verify key was not known when this was printed.');
  const domain = opened && make('li', make('strong', domainOf(opened)), ': ', make('code', opened.report.verifyKey));
  return {
    date: new Date().toISOString().slice(0, 10),
    version: $('version').textContent,
    kind: KINDS[Object.keys(KINDS).find(prefix => text.startsWith(prefix))],
    key: grouped(text),
    length: String(text.length),
    domains: [domain ?? unknown],
    stores: copies.map(({ name }) => make('li', 'a folder with the name ', make('code', name))),
  };
}

/** The QR code: black on white, with sharp edges at any size. */
function image({ side, path }) {
  const element = (tag, attributes) => {
    const made = document.createElementNS('http://www.w3.org/2000/svg', tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    return made;
  };
  const look = { viewBox: `0 0 ${side} ${side}`, 'shape-rendering': 'crispEdges', role: 'img', 'aria-label': 'The key as a QR code' };
  const svg = element('svg', look);
  svg.append(element('path', { d: `M0 0h${side}v${side}h-${side}z`, fill: '#fff' }), element('path', { d: path, fill: '#000' }));
  return svg;
}

/** The key as a person reads and types it: its beginning, then lines of five groups. */
function grouped(text) {
  const at = text.indexOf('1') + 1;
  const lines = text.slice(at).match(/.{1,20}/g);
  return [text.slice(0, at), ...lines.map(line => line.match(/.{1,4}/g).join(' '))].join('\n');
}

/** The text of the sheet, with the values in place of its marks. */
function filled(values) {
  const sheet = $('sheet-text').content.cloneNode(true);
  const walker = document.createTreeWalker(sheet, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) texts.push(walker.currentNode);
  for (const text of texts) {
    const parts = text.data.split(/\[\[(\w+)\]\]/);
    if (parts.length > 1) text.replaceWith(...parts.flatMap((part, at) => (at % 2 === 1 ? values[part] : part)).filter(part => part !== ''));
  }
  return sheet;
}
