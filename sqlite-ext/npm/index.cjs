'use strict';

const path = require('node:path');
const { os, cpu } = require('./package.json');

const ENDINGS = { darwin: 'dylib', win32: 'dll' };

function getLoadablePath() {
  // npm keeps to `os` and `cpu`; a copied node_modules does not.
  if (!os.includes(process.platform) || !cpu.includes(process.arch)) {
    throw new Error(
      `this copy of lifeboat-sqlite is for ${os}-${cpu}, and this is ${process.platform}-${process.arch}; install it on this machine`
    );
  }
  return path.join(__dirname, `liblifeboat.${ENDINGS[process.platform] ?? 'so'}`);
}

function load(db) {
  if (typeof db?.loadExtension !== 'function') {
    throw new TypeError('lifeboat-sqlite: load(db) takes an open database with loadExtension(), such as one of better-sqlite3');
  }
  db.loadExtension(getLoadablePath());
}

// The kinds of errors; they stay.
const KINDS = [
  'misuse',
  'wrong key',
  'corrupt',
  'truncated',
  'unsupported',
  'too big',
  'mismatch',
  'busy',
  'interrupted',
  'host',
];
const TEXT = new RegExp(`\\b(backup_[a-z_]+): (${KINDS.join('|')}): ([^]*)`);

function errorOf(error) {
  const [, name, kind, text] = TEXT.exec(error instanceof Error ? error.message : '') ?? [];
  return name === undefined ? undefined : { function: name, kind, text };
}

module.exports = { errorOf, getLoadablePath, load };
