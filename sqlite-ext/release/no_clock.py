"""no_clock.py FILE: takes out of a program or library of Windows when it was linked. Zig's linker has no option for that."""

import struct
import sys
from pathlib import Path

path = Path(sys.argv[1])
content = bytearray(path.read_bytes())
(header,) = struct.unpack_from("<I", content, 0x3C)
if content[header : header + 4] != b"PE\0\0":
    raise SystemExit(f"{path} is no file of Windows")
struct.pack_into("<I", content, header + 8, 0)
path.write_bytes(content)
