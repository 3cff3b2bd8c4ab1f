/** Random numbers that every attempt of an invocation draws alike: a small fast generator (sfc32) behind a 64-bit seed. */
export class SeededRandom {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: bigint) {
    this.#a = Number(seed & 0xffff_ffffn) | 0;
    this.#b = Number((seed >> 32n) & 0xffff_ffffn) | 0;
    this.#c = 0x9e37_79b9 | 0;
    // The first numbers still resemble the seed.
    for (let round = 0; round < WARM_UP_ROUNDS; round++) this.next32();
  }

  /** 32 random bits. */
  next32(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** A number in [0, 1) with 53 random bits. */
  next(): number {
    const high = this.next32() >>> 5;
    const low = this.next32() >>> 6;
    return (high * 0x400_0000 + low) / 2 ** 53;
  }

  /** A UUID of version 4. */
  uuid(): string {
    let hex = "";
    for (let word = 0; word < 4; word++) hex += this.next32().toString(16).padStart(8, "0");
    const variant = ((Number.parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16);
    const [first, second, third] = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(13, 16)];
    return `${first}-${second}-4${third}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
  }
}

const WARM_UP_ROUNDS = 12;
