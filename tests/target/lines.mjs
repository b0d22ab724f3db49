// Sealed lines as a recorder sees them: form and check (firmware/wire/SPEC.md, section 2); the tag is anything.
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

export function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}

const base32 = (value, chars) => Array.from({ length: chars }, (_, i) =>
  ALPHABET[Math.floor(value / 32 ** (chars - 1 - i)) % 32]).join('');

function checked(text) {
  return text + base32(crc32(Buffer.from(text, 'latin1')) >>> 12, 4);
}

export const isNote = (text) => text.startsWith('#1 ') && checked(text.slice(0, -4)) === text;

// Lines of one host, each with another number; 131 characters at most.
export class Source {
  constructor(host, random) {
    Object.assign(this, { host, random, number: 0 });
  }

  next({ severity = 'NOTE', code = 'file.changed', detail = 80 } = {}) {
    const n = ++this.number;
    const head = `!1 ${severity} ${this.host} 17-K3QF.${n}@${n} 20261121T193405Z ${code} `;
    const room = 131 - head.length - 26 - ' ~'.length + 2;
    const words = `path=/${'x'.repeat(Math.max(0, Math.min(detail, room - 8)))}`;
    const tag = Array.from({ length: 20 }, () => ALPHABET[Math.floor(this.random() * 32)]).join('');
    return checked(`${head}${words} ~${tag}`);
  }
}
