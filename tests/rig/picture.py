"""picture - what a screen of the machine shows, held against the text that it should show"""
import struct
import zlib

CELL_WIDTH = 8
CELL_HEIGHT = 16


class Picture:
    """A picture as QEMU's screendump writes it: a portable pixmap."""

    def __init__(self, path):
        with open(path, 'rb') as f:
            kind, size, depth, self.pixels = f.read().split(b'\n', 3)
        if kind != b'P6' or depth != b'255':
            raise ValueError(f'{path} is no pixmap')
        self.width, self.height = map(int, size.split())

    def save_png(self, path):
        stride = self.width * 3
        rows = b''.join(b'\0' + self.pixels[y * stride:(y + 1) * stride] for y in range(self.height))
        with open(path, 'wb') as f:
            f.write(b'\x89PNG\r\n\x1a\n')
            for name, body in ((b'IHDR', struct.pack('>IIBBBBB', self.width, self.height, 8, 2, 0, 0, 0)),
                               (b'IDAT', zlib.compress(rows, 6)), (b'IEND', b'')):
                f.write(struct.pack('>I', len(body)) + name + body + struct.pack('>I', zlib.crc32(name + body)))

    def glyph(self, column, row):
        """The shape in a cell of the text: where it differs from its upper left corner, which no letter covers."""
        lines = []
        for y in range(row * CELL_HEIGHT, (row + 1) * CELL_HEIGHT):
            at = (y * self.width + column * CELL_WIDTH) * 3
            lines.append(self.pixels[at:at + CELL_WIDTH * 3])
        ground = lines[0][:3]
        return tuple(line[x:x + 3] != ground for line in lines for x in range(0, CELL_WIDTH * 3, 3))


def misread(picture, rows):
    """The cells in which the picture does not show these rows of text: each character has one shape, and no two the
    same one, and a blank has none."""
    shape = {' ': (False,) * (CELL_WIDTH * CELL_HEIGHT)}
    owner = {shape[' ']: ' '}
    wrong = []
    for row, text in enumerate(rows):
        for column, character in enumerate(text):
            seen = picture.glyph(column, row)
            if shape.setdefault(character, seen) != seen or owner.setdefault(seen, character) != character:
                wrong.append((row, column, character))
    return wrong
