// Where names of groups are written on a picture of points: on their points or beside them, where they hide as little of other groups and of one another as possible.

export interface Label {
  text: string;
  /** Place in data units. */
  at: number[];
  /** Which points are its own, for names of groups. */
  group?: { codes: Int32Array; key: number };
}
export interface LabelledPoints {
  /** x and y in turn, and what they become: scale * p + shift. */
  positions: Float32Array;
  /** Four bytes a point; hidden ones have alpha 0. */
  colors: Uint8Array;
  scale: number;
  shift: { x: number; y: number };
}
export interface Box {
  left: number;
  right: number;
  top: number;
  bottom: number;
}
export interface PlacedLabel {
  text: string;
  x: number;
  y: number;
}

const bin = 6, lineHeight = 15, sweeps = 3;
// What it costs: to hide all points of another group, all of one's own, to lie 100 pixels away, to lie on another name.
const others = 1, own = 0.3, away = 0.4, overlap = 4;
const ups = [0, 8, 15, 22, 30, 40, 52, 66, 82];
const sides = [0, 0.5, 1];
const gaps = [8, 20, 36];

/**
 * Places names, in pixels: x is the middle of the text and y its middle line. Always the same for the same picture; names that find no place are left out.
 * @param labels In order of importance.
 * @param wanted Where each would be best, in pixels.
 * @param halves Half the width of each text.
 */
export function placeLabels(labels: readonly Label[], wanted: readonly { x: number; y: number }[], halves: readonly number[], frame: Box, points: LabelledPoints): PlacedLabel[] {
  wanted = labels.map((l, k) => (inside(wanted[k]!, frame) || !l.group ? wanted[k]! : middleOfSeen(l.group, frame, points) ?? wanted[k]!));
  const shown = labels.map((_, k) => k).filter((k) => inside(wanted[k]!, frame));
  const codes = labels.find((l) => l.group)?.group?.codes ?? null, cover = codes ? new Cover(codes, labels, frame, points) : null;
  // Small groups have the least choice of places that are near.
  const order = cover ? shown.slice().sort((a, b) => cover.size(labels[a]!) - cover.size(labels[b]!) || a - b) : shown;
  const placed = new Map<number, { x: number; y: number }>();

  const boxAt = (k: number, x: number, y: number): Box => ({ left: x - halves[k]!, right: x + halves[k]!, top: y - lineHeight / 2, bottom: y + lineHeight / 2 });
  const onOthers = (k: number, b: Box): number => {
    let sum = 0;
    for (const [o, p] of placed) {
      if (o === k) continue;
      const c = boxAt(o, p.x, p.y), w = Math.min(b.right, c.right) - Math.max(b.left, c.left) + 8, h = Math.min(b.bottom, c.bottom) - Math.max(b.top, c.top);
      if (w > 0 && h > 0) sum += (w * h) / ((b.right - b.left) * lineHeight);
    }
    return sum;
  };
  const best = (k: number): void => {
    const from = wanted[k]!, half = halves[k]!, reach = [...sides.map((s) => s * half), ...gaps.map((g) => half + g)];
    let least = Infinity, at = from;
    for (const dy of ups)
      for (const up of dy ? [-1, 1] : [1])
        for (const dx of reach)
          for (const side of dx ? [1, -1] : [1]) {
            const x = Math.min(Math.max(from.x + side * dx, frame.left + half), frame.right - half), y = Math.min(Math.max(from.y + up * dy, frame.top + lineHeight / 2), frame.bottom - lineHeight / 2);
            // From the nearest part of the text: a name that begins beside a point is near it.
            const distance = Math.hypot(Math.max(0, Math.abs(x - from.x) - half) + Math.min(half, Math.abs(x - from.x)) * 0.3, y - from.y);
            let cost = (away * distance) / 100;
            if (cost >= least) continue;
            const box = boxAt(k, x, y);
            cost += overlap * onOthers(k, box);
            if (cost < least && cover) cost += cover.cost(labels[k]!, box);
            if (cost < least - 1e-9) [least, at] = [cost, { x, y }];
          }
    placed.set(k, at);
  };
  for (let s = 0; s < sweeps; s++) for (const k of order) best(k);
  // What still lies on a more important name goes.
  for (const k of shown.slice().reverse()) if (onOthers(k, boxAt(k, placed.get(k)!.x, placed.get(k)!.y)) > 0.12) placed.delete(k);
  return shown.filter((k) => placed.has(k)).map((k) => ({ text: labels[k]!.text, ...placed.get(k)! }));
}

function inside(p: { x: number; y: number }, frame: Box): boolean {
  return p.x >= frame.left && p.x <= frame.right && p.y >= frame.top - lineHeight && p.y <= frame.bottom;
}

/** Of a group whose middle is out of sight: the middle of those of its points that are seen, when these are more than a few. */
function middleOfSeen(group: { codes: Int32Array; key: number }, frame: Box, { positions, colors, scale, shift }: LabelledPoints): { x: number; y: number } | null {
  let n = 0, sx = 0, sy = 0;
  for (let i = 0; i < group.codes.length; i++) {
    if (group.codes[i] !== group.key || colors[i * 4 + 3] === 0) continue;
    const x = positions[i * 2]! * scale + shift.x, y = positions[i * 2 + 1]! * scale + shift.y;
    if (!(x >= frame.left && x <= frame.right && y >= frame.top && y <= frame.bottom)) continue;
    n++;
    sx += x;
    sy += y;
  }
  return n > 4 ? { x: sx / n, y: sy / n } : null;
}

/** How much of each group a box hides: shares of their points, summed over bins. */
class Cover {
  private readonly columns: number;
  private readonly rows: number;
  private readonly origin: { x: number; y: number };
  private readonly counts: Float64Array;
  private readonly sums = new Map<number, Float64Array>();
  private readonly all: Float64Array;

  constructor(codes: Int32Array, labels: readonly Label[], frame: Box, points: LabelledPoints) {
    const { positions, colors, scale, shift } = points;
    // Bins move with the points, so that names keep their places while the view is moved.
    this.origin = { x: Math.floor((frame.left - shift.x) / bin) * bin + shift.x, y: Math.floor((frame.top - shift.y) / bin) * bin + shift.y };
    this.columns = Math.ceil((frame.right - this.origin.x) / bin) + 2;
    this.rows = Math.ceil((frame.bottom - this.origin.y) / bin) + 2;
    const groups = 1 + Math.max(-1, ...labels.map((l) => l.group?.key ?? -1));
    this.counts = new Float64Array(groups);
    const seen = (i: number): boolean => colors[i * 4 + 3]! > 0 && codes[i]! >= 0 && codes[i]! < groups;
    for (let i = 0; i < codes.length; i++) if (seen(i)) this.counts[codes[i]!]!++;
    this.all = new Float64Array(this.columns * this.rows);
    for (let k = 0; k < groups; k++) if (this.counts[k]) this.sums.set(k, new Float64Array(this.columns * this.rows));
    for (let i = 0; i < codes.length; i++) {
      if (!seen(i)) continue;
      const x = Math.floor((positions[i * 2]! * scale + shift.x - this.origin.x) / bin) + 1, y = Math.floor((positions[i * 2 + 1]! * scale + shift.y - this.origin.y) / bin) + 1;
      if (!(x >= 1 && y >= 1 && x < this.columns && y < this.rows)) continue;
      const share = 1 / this.counts[codes[i]!]!;
      this.all[y * this.columns + x]! += share;
      this.sums.get(codes[i]!)![y * this.columns + x]! += share;
    }
    for (const table of [this.all, ...this.sums.values()]) {
      for (let y = 1; y < this.rows; y++) {
        let row = 0;
        for (let x = 1; x < this.columns; x++) {
          row += table[y * this.columns + x]!;
          table[y * this.columns + x] = row + table[(y - 1) * this.columns + x]!;
        }
      }
    }
  }

  size(label: Label): number {
    return label.group ? this.counts[label.group.key]! : 0;
  }

  cost(label: Label, box: Box): number {
    const mine = label.group && this.sums.get(label.group.key);
    const hidden = this.sum(this.all, box), covered = mine ? this.sum(mine, box) : 0;
    return others * Math.max(0, hidden - covered) + own * covered;
  }

  private sum(table: Float64Array, b: Box): number {
    const at = (v: number, origin: number, most: number): number => Math.min(most, Math.max(0, Math.round((v - origin) / bin)));
    const x0 = at(b.left, this.origin.x, this.columns - 1), x1 = at(b.right, this.origin.x, this.columns - 1), y0 = at(b.top, this.origin.y, this.rows - 1), y1 = at(b.bottom, this.origin.y, this.rows - 1), w = this.columns;
    return table[y1 * w + x1]! - table[y0 * w + x1]! - table[y1 * w + x0]! + table[y0 * w + x0]!;
  }
}
