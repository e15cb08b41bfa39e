"""`python3 -m lab.module FILE`: prints the size, the imports and the exports of a WebAssembly module."""

import sys
from pathlib import Path

_IMPORT_SECTION, _EXPORT_SECTION = 2, 7

SIZE_BYTES_MAX = 4 * 1024 * 1024
"""A released filter stays under 4 MiB."""


class _Reader:
    """Reads a module's bytes in order."""

    def __init__(self, data: bytes):
        """From the first byte."""
        self.data, self.at = data, 0

    def byte(self) -> int:
        """One byte."""
        self.at += 1
        return self.data[self.at - 1]

    def number(self) -> int:
        """One unsigned LEB128 number."""
        result = shift = 0
        while True:
            byte = self.byte()
            result |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return result

    def take(self, count: int) -> bytes:
        """So many bytes."""
        self.at += count
        return self.data[self.at - count:self.at]

    def name(self) -> str:
        """One name."""
        return self.take(self.number()).decode()

    def limits(self) -> None:
        """Skips the limits of a table or memory."""
        if self.byte() & 1:
            self.number()
        self.number()


def _sections(data: bytes):
    """Each section as (number, reader of its content)."""
    if data[:4] != b"\0asm":
        raise SystemExit("error: this is not a WebAssembly module")
    reader = _Reader(data)
    reader.at = 8
    while reader.at < len(data):
        number = reader.byte()
        yield number, _Reader(reader.take(reader.number()))


def imports(file: Path) -> list:
    """The module's imports as "module.name", sorted."""
    found = []
    for number, reader in _sections(file.read_bytes()):
        if number != _IMPORT_SECTION:
            continue
        for _ in range(reader.number()):
            found.append(f"{reader.name()}.{reader.name()}")
            kind = reader.byte()
            if kind == 0:
                reader.number()
            elif kind in (1, 2):
                if kind == 1:
                    reader.byte()
                reader.limits()
            else:
                reader.take(2)
    return sorted(found)


def exports(file: Path) -> list:
    """The names of the module's exports, sorted."""
    found = []
    for number, reader in _sections(file.read_bytes()):
        if number == _EXPORT_SECTION:
            for _ in range(reader.number()):
                found.append(reader.name())
                reader.byte()
                reader.number()
    return sorted(found)


def main() -> None:
    """Prints it all."""
    file = Path(sys.argv[1])
    size = file.stat().st_size
    print(f"{file}: {size / 1024 / 1024:.2f} MiB ({size} bytes)")
    print("imports: " + " ".join(imports(file)))
    if size >= SIZE_BYTES_MAX:
        print(f"warning: that is more than {SIZE_BYTES_MAX // 1024 // 1024} MiB", file=sys.stderr)


if __name__ == "__main__":
    main()
