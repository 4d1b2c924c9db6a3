// The recovery sheet: the key on paper. It is made when it is asked for, and gone when it is closed. The command
// `lifeboat sheet` prints the same one, with a QR code.

import { $, make } from './dom.js';
import { domainOf } from './inside.js';
import { isReady, key } from './key.js';

const KINDS = { lifeboatkey1: 'recovery key', lifeboatwrite1: 'write key', lifeboatread1: 'read key' };

/** Begins. `about()` gives `{ opened, copies }`: what was opened with the key and the copies that were chosen, if any. */
export function begin(about) {
  const dialog = $('sheet');
  $('show-sheet').addEventListener('click', async () => {
    if (!(await isReady())) return;
    $('sheet-place').replaceChildren(filled(values(key(), about())));
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
  const small = text.toLowerCase();
  const unknown = make('li', 'The verify key was not known when this was printed.');
  const domain = opened && make('li', make('strong', domainOf(opened)), ': ', make('code', opened.report.verifyKey));
  return {
    date: new Date().toISOString().slice(0, 10),
    version: $('version').textContent,
    kind: KINDS[Object.keys(KINDS).find(prefix => small.startsWith(prefix))],
    key: grouped(small),
    qr: [],
    length: String(small.length),
    domains: [domain ?? unknown],
    stores: copies.map(({ name }) => make('li', 'a folder with the name ', make('code', name))),
  };
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
