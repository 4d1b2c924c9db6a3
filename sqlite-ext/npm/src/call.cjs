'use strict';

// A call of an SQL function on a connection: here, or in a thread of its own.

const { lifeboatError } = require('./errors.cjs');
const { reportOf } = require('./arguments.cjs');

/**
 * What is to be run, as a thread can be told it.
 * @typedef {object} Work
 * @property {string} name the name of our function
 * @property {string} sql
 * @property {unknown[]} values
 * @property {'report' | 'text' | 'bytes' | 'rows'} gives
 * @property {string[]} [json] the columns of rows that hold JSON
 */

/**
 * Runs it on this connection.
 * @param {any} db
 * @param {Work} work
 */
function run(db, { name, sql, values, gives, json = [] }) {
  try {
    const statement = db.prepare(sql);
    if (gives === 'rows') return statement.all(...values).map(row => rowOf(row, json));
    const result = statement.get(...values).result;
    if (gives === 'report') return reportOf(JSON.parse(result));
    return gives === 'bytes' ? new Uint8Array(result.buffer, result.byteOffset, result.byteLength) : result;
  } catch (error) {
    throw lifeboatError(name, error);
  }
}

function rowOf(row, json) {
  const plain = Object.entries(row).map(([column, value]) => {
    if (typeof value === 'bigint') return [column, Number(value)];
    return [column, json.includes(column) && value !== null ? JSON.parse(value) : value];
  });
  return reportOf(Object.fromEntries(plain));
}

module.exports = { run };
