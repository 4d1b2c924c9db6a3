// Which platform a shared library is for, read from its own header.

const text = (bytes, at) => bytes.toString('latin1', at, bytes.indexOf(0, at));

/**
 * The platforms as npm and the packages name them: `linux-x64`, `linux-arm64-musl`, `darwin-arm64`, `win32-x64`, …
 * @param {Buffer} bytes
 * @returns {string}
 */
export function platformOf(bytes) {
  try {
    if (bytes.length > 64 && bytes.readUInt32BE(0) === 0x7f454c46) return elf(bytes);
    if (bytes.length > 64 && bytes.readUInt32LE(0) === 0xfeedfacf) return machO(bytes);
    if (bytes.length > 64 && bytes.toString('latin1', 0, 2) === 'MZ') return pe(bytes);
  } catch (error) {
    if (error instanceof RangeError) throw new Error('the file is cut short, or damaged');
    throw error;
  }
  throw new Error('the file is no shared library of Linux, macOS or Windows');
}

const known = (names, value, what) => {
  if (names[value]) return names[value];
  throw new Error(`the file is for ${what} 0x${value.toString(16)}, which has no package`);
};

function elf(bytes) {
  const [is64, isLittle] = [bytes[4] === 2, bytes[5] === 1];
  if (!is64 || !isLittle) throw new Error('the file is an ELF file, but not of 64 bits and little-endian');
  if (bytes.readUInt16LE(16) !== 3) throw new Error('the file is an ELF file, but no shared library');
  const cpu = known({ 0x3e: 'x64', 0xb7: 'arm64' }, bytes.readUInt16LE(18), 'the ELF machine');
  const needed = neededOf(bytes);
  const isMusl = needed.some(name => name === 'libc.so' || name.startsWith('libc.musl-'));
  if (isMusl === needed.includes('libc.so.6')) throw new Error(`the file needs neither glibc nor musl alone: ${needed.join(', ')}`);
  return `linux-${cpu}${isMusl ? '-musl' : ''}`;
}

/** The libraries that an ELF file needs: its entries DT_NEEDED. */
function neededOf(bytes) {
  const number = at => Number(bytes.readBigUInt64LE(at));
  const [start, size, count] = [number(32), bytes.readUInt16LE(54), bytes.readUInt16LE(56)];
  const segments = Array.from({ length: count }, (_, index) => {
    const at = start + index * size;
    return { type: bytes.readUInt32LE(at), offset: number(at + 8), address: number(at + 16), length: number(at + 32) };
  });
  const dynamic = segments.find(segment => segment.type === 2);
  if (!dynamic) throw new Error('the file is an ELF file without a list of what it needs');
  const entries = [];
  for (let at = dynamic.offset; at < dynamic.offset + dynamic.length; at += 16) entries.push([number(at), number(at + 8)]);
  const address = entries.find(([tag]) => tag === 5)?.[1];
  const holder = segments.find(({ type, address: from, length }) => type === 1 && address >= from && address < from + length);
  if (!holder) throw new Error('the file is an ELF file without names');
  const strings = holder.offset + address - holder.address;
  return entries.filter(([tag]) => tag === 1).map(([, offset]) => text(bytes, strings + offset));
}

function machO(bytes) {
  const cpu = known({ 0x01000007: 'x64', 0x0100000c: 'arm64' }, bytes.readUInt32LE(4), 'the Mach-O processor');
  if (![6, 8].includes(bytes.readUInt32LE(12))) throw new Error('the file is a Mach-O file, but no library');
  return `darwin-${cpu}`;
}

function pe(bytes) {
  const at = bytes.readUInt32LE(60);
  if (bytes.toString('latin1', at, at + 4) !== 'PE\0\0') throw new Error('the file is of DOS, not of Windows');
  const cpu = known({ 0x8664: 'x64', 0xaa64: 'arm64' }, bytes.readUInt16LE(at + 4), 'the PE machine');
  if ((bytes.readUInt16LE(at + 22) & 0x2000) === 0) throw new Error('the file is a program of Windows, but no library');
  return `win32-${cpu}`;
}
