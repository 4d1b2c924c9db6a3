'use strict';

// What callers give, in the forms that the SQL functions take. A wrong argument is refused with the name of the function and of
// the argument, and never shown: it may be a key.

const { fileURLToPath } = require('node:url');
const { camel, kindOf, misuse } = require('./errors.cjs');

const isText = value => typeof value === 'string';
const isObject = value => typeof value === 'object' && value !== null;

/** Options that are about the call, and not about the function. */
const OF_CALL = ['signal', 'driver'];

/** Whether this is an open database: of better-sqlite3, of node:sqlite, or what has their interface. */
const isConnection = value => typeof value?.prepare === 'function';

/** Whether this is an object of options. */
const isOptions = value =>
  isObject(value) && !Array.isArray(value) && !ArrayBuffer.isView(value) && !(value instanceof ArrayBuffer) && !(value instanceof URL);

function pathOf(name, value, what) {
  if (isText(value) && value !== '') return value;
  if (value instanceof URL && value.protocol === 'file:') return fileURLToPath(value);
  throw misuse(name, `${what} is ${value === '' ? 'empty' : kindOf(value)}; give a path, as a string or a file: URL`);
}

function keyOf(name, value, what = 'the key') {
  if (isText(value)) return value;
  if (value instanceof URL && value.protocol === 'file:') return `file:${fileURLToPath(value)}`;
  if (Array.isArray(value) && value.length > 0 && value.every(isText)) return JSON.stringify(value);
  throw misuse(name, `${what} is ${kindOf(value)}; give its text, 'file:PATH', 'env:NAME', or an array of these`);
}

function storesOf(name, value) {
  if (isText(value)) return value;
  if (Array.isArray(value) && value.length > 0 && value.every(isText)) return JSON.stringify(value);
  throw misuse(name, `the stores are ${kindOf(value)}; give the name of a store, such as 'dir:PATH', or an array of names`);
}

function bundleOf(name, value) {
  if (isText(value) || value instanceof Uint8Array) return value;
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (value instanceof URL) return pathOf(name, value, 'the bundle');
  const isPart = part => isText(part) || part instanceof URL;
  if (Array.isArray(value) && value.length > 0 && value.every(isPart))
    return JSON.stringify(value.map(part => pathOf(name, part, 'a bundle')));
  throw misuse(name, `the bundle is ${kindOf(value)}; give its bytes, its path, the name of a store, or an array of paths or stores`);
}

function textOf(name, value, what) {
  if (isText(value)) return value;
  throw misuse(name, `${what} is ${kindOf(value)}; give a string, or leave it out`);
}

const snake = key => key.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`);

/** The settings of events have names of ours in all depths; other objects have names of tables and files. */
const deepSnake = value =>
  isOptions(value) ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [snake(key), deepSnake(inner)])) : value;

/** A value of an option, as JSON can hold it. */
function plain(name, option, value) {
  if (value === undefined || value === null || typeof value === 'boolean' || isText(value)) return value;
  if (value instanceof URL) return pathOf(name, value, `the option "${option}"`);
  if (value instanceof Date && !Number.isNaN(value.getTime())) return Math.floor(value.getTime() / 1000);
  if (typeof value === 'bigint' && BigInt(Number(value)) === value) return Number(value);
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (Array.isArray(value)) return value.map(inner => plain(name, option, inner));
  if (isOptions(value) && !(value instanceof Date))
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(name, option, inner)]));
  throw misuse(name, `the option "${option}" has a value that cannot be: ${kindOf(value)}`);
}

/** What would go unchecked, if it came out as `undefined` by mistake. */
const CHECKS = ['expect', 'continue', 'domain', 'signal'];

/**
 * Options as the SQL functions take them, and those of the call.
 * @returns {{ options: Record<string, unknown>, ofCall: { signal?: AbortSignal, driver?: string } }}
 */
function optionsOf(name, value) {
  if (value === undefined || value === null) return { options: {}, ofCall: {} };
  if (!isOptions(value)) throw misuse(name, `the options are ${kindOf(value)}; give an object, as the last argument`);
  const options = {};
  const ofCall = {};
  for (const [key, inner] of Object.entries(value)) {
    if (inner === undefined && CHECKS.includes(key)) {
      throw misuse(name, `the option "${key}" is undefined, so what it asks for would not be done; give a value, or leave it out`);
    }
    if (inner === undefined) continue;
    if (OF_CALL.includes(key)) ofCall[key] = inner;
    else options[snake(key)] = key === 'events' ? deepSnake(plain(name, key, inner)) : plain(name, key, inner);
  }
  const { signal } = ofCall;
  if (signal !== undefined && typeof signal?.aborted !== 'boolean') throw misuse(name, 'the option "signal" is no AbortSignal');
  return { options, ofCall };
}

const jsonOf = options => (Object.keys(options).length > 0 ? JSON.stringify(options) : null);

/** Fields whose names are those of tables. */
const OF_TABLES = ['tables', 'where'];

/** A report with names as JavaScript has them. */
function reportOf(value, of) {
  if (Array.isArray(value)) return value.map(inner => reportOf(inner));
  if (!isObject(value)) return value;
  const names = OF_TABLES.includes(of) ? key => key : camel;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [names(key), reportOf(inner, key)]));
}

module.exports = { bundleOf, isConnection, isOptions, jsonOf, keyOf, optionsOf, pathOf, reportOf, storesOf, textOf };
