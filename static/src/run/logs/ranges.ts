/** A sorted list of line numbers, stored as ranges; looking up by index and by number takes logarithmic time. Pure. */

export class SeqRanges {
  private size = 0;
  private firsts = new Float64Array(4);
  /** Count of numbers before each range. */
  private befores = new Float64Array(4);
  /** Count of all numbers. */
  count = 0;
  /** The last number; 0: none. */
  last = 0;

  /** Appends `count` numbers from `first` on; those up to the last one are ignored. */
  push(first: number, count = 1): void {
    const from = Math.max(first, this.last + 1);
    const added = first + count - from;
    if (added <= 0) return;
    if (this.size === 0 || from !== this.last + 1) {
      if (this.size === this.firsts.length) this.grow();
      this.firsts[this.size] = from;
      this.befores[this.size] = this.count;
      this.size += 1;
    }
    this.count += added;
    this.last = first + count - 1;
  }

  /** The number at index `n`; 0: out of range. */
  at(n: number): number {
    if (n < 0 || n >= this.count) return 0;
    const range = this.search(this.befores, n);
    return (this.firsts[range] ?? 0) + n - (this.befores[range] ?? 0);
  }

  /** The index of `seq`, or of the first number after it. */
  indexOf(seq: number): number {
    const range = this.search(this.firsts, seq);
    if (range < 0) return 0;
    const before = this.befores[range] ?? 0;
    const end = range + 1 < this.size ? (this.befores[range + 1] ?? 0) : this.count;
    return Math.min(before + seq - (this.firsts[range] ?? 0), end);
  }

  has(seq: number): boolean {
    return seq > 0 && this.at(this.indexOf(seq)) === seq;
  }

  /** The last range that starts at or below `value`; -1: none. */
  private search(sorted: Float64Array, value: number): number {
    let low = 0;
    let high = this.size;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((sorted[middle] ?? 0) <= value) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  private grow(): void {
    const firsts = new Float64Array(this.firsts.length * 2);
    const befores = new Float64Array(this.firsts.length * 2);
    firsts.set(this.firsts);
    befores.set(this.befores);
    this.firsts = firsts;
    this.befores = befores;
  }
}

/** Formats sorted numbers for the API: `1-200,405`. */
export function rangesText(seqs: readonly number[], rangesMax: number): string {
  const parts: string[] = [];
  for (let i = 0; i < seqs.length && parts.length < rangesMax; i += 1) {
    const first = seqs[i] ?? 0;
    while (seqs[i + 1] === (seqs[i] ?? 0) + 1) i += 1;
    parts.push(seqs[i] === first ? `${first}` : `${first}-${seqs[i]}`);
  }
  return parts.join(",");
}
