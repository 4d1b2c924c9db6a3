// The digest of rows, as host-tests/src/digest.rs defines it, of the batches of `sqlite-lifeboat/recovery`.

export const sha256 = async bytes => new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
export const hex = bytes => Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('');

export class Digest {
  /** How many rows each table has. */
  tables = {};
  #rows = [];
  #items = new Items();

  async add({ table, columns, rows }) {
    this.tables[table] = (this.tables[table] ?? 0) + rows.length;
    const taken = new Set(columns.map(column => column.toLowerCase()));
    const isHidden = table.startsWith('sqlite_') || ['rowid', '_rowid_', 'oid'].every(name => taken.has(name));
    const hashes = rows.map(({ rowid, values }) => sha256(this.#items.of([table, isHidden ? null : rowid, ...values])));
    this.#rows.push(...(await Promise.all(hashes)).map(hex));
  }

  async finish() {
    const bytes = this.#rows.sort().join('').match(/../g) ?? [];
    return hex(await sha256(Uint8Array.from(bytes, byte => parseInt(byte, 16))));
  }
}

/** Writes items one behind the other. */
class Items {
  #bytes = new Uint8Array(1 << 12);
  #length = 0;

  of(values) {
    this.#length = 0;
    for (const value of values) this.#item(value);
    return this.#bytes.slice(0, this.#length);
  }

  #item(value) {
    if (value === null) this.#letter('n');
    else if (typeof value === 'bigint') this.#letter('i', 8).setBigInt64(1, value);
    else if (typeof value === 'number') this.#letter('r', 8).setFloat64(1, value);
    else if (typeof value === 'string') this.#run('t', new TextEncoder().encode(value));
    else if (value instanceof Uint8Array) this.#run('b', value);
    else this.#run('u', value.bytes);
  }

  #run(letter, bytes) {
    this.#letter(letter, 8 + bytes.length).setBigUint64(1, BigInt(bytes.length));
    this.#bytes.set(bytes, this.#length - bytes.length);
  }

  /** A letter, and room for what follows it: a view of both. */
  #letter(letter, room = 0) {
    const [at, end] = [this.#length, this.#length + 1 + room];
    if (end > this.#bytes.length) {
      const more = new Uint8Array(2 * end);
      more.set(this.#bytes);
      this.#bytes = more;
    }
    this.#length = end;
    this.#bytes[at] = letter.charCodeAt(0);
    return new DataView(this.#bytes.buffer, at, 1 + room);
  }
}
