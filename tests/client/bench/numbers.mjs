// Whole numbers as both protocols write them: seven bits a byte, the lowest first.

export function number(value) {
  const bytes = [];
  for (; value > 0x7f; value = Math.floor(value / 128)) bytes.push((value % 128) | 0x80);
  return Buffer.from([...bytes, value]);
}

export class Reader {
  constructor(data, at) {
    this.data = data;
    this.at = at;
  }

  number() {
    for (let value = 0, scale = 1; ; scale *= 128) {
      const byte = this.data[this.at++];
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }

  // Where the next so many bytes begin.
  skip(size) {
    this.at += size;
    return this.at - size;
  }
}
