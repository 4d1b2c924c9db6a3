// A text as a QR code, drawn in a worker by a module of WebAssembly that imports nothing: ../qr.

/** Around the code, as many light squares as the standard wants. */
const RIM = 4;

/** How many squares a side of the code has, with its rim; and the dark ones, as the path of an SVG. */
export async function code(module, text) {
  // Without anything to import: a module that wants something does not start.
  const { exports } = await WebAssembly.instantiate(module);
  for (const character of text) exports.take(character.codePointAt(0));
  const size = exports.draw();
  if (size === 0) throw new Error('the text is too long for a QR code');
  return { side: size + 2 * RIM, path: path(size, exports.is_dark) };
}

/** Each run of dark squares in a row as a rectangle. */
function path(size, isDark) {
  let rectangles = '';
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      let width = 0;
      while (isDark(column + width, row)) width++;
      if (width > 0) rectangles += `M${column + RIM} ${row + RIM}h${width}v1h-${width}z`;
      column += width;
    }
  }
  return rectangles;
}
