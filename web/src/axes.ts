import { scaleLinear, scaleLog, type ScaleContinuousNumeric } from "d3-scale";
import { clip, s } from "./dom";
import type { Scene } from "./figure";

export type Scale = ScaleContinuousNumeric<number, number>;

export interface Frame {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

export function linear(domain: [number, number], range: [number, number]): Scale {
  return scaleLinear(domain, range) as Scale;
}

export function logarithmic(domain: [number, number], range: [number, number]): Scale {
  return scaleLog(domain, range) as Scale;
}

export interface AxisOptions {
  x?: Scale;
  y?: Scale;
  xLabel?: string;
  yLabel?: string;
  xTicks?: number;
  yTicks?: number;
  yFormat?: (v: number) => string;
  xFormat?: (v: number) => string;
  grid?: boolean;
}

/** Only powers of ten are labelled. */
export function decades(v: number): string {
  const e = Math.log10(v);
  return Math.abs(e - Math.round(e)) > 1e-9 ? "" : v >= 1e4 || v < 1e-3 ? v.toExponential(0).replace("+", "") : String(Number(v.toPrecision(1)));
}

export function ticksOf(scale: Scale, count: number, format?: (v: number) => string): { value: number; text: string }[] {
  const values = scale.ticks(count), text = scale.tickFormat(count) as (v: number) => string;
  return values.map((value) => ({ value, text: (format ?? text)(value).replace("-", "\u2212") })).filter((t) => t.text !== "");
}

/** Room that the labels of an upright axis need. */
export function leftMargin(labels: string[], titled: boolean): number {
  return Math.max(24, ...labels.map((l) => l.length * 7 + 12)) + (titled ? 20 : 0);
}

export function drawAxes(scene: Scene, f: Frame, o: AxisOptions): void {
  const { svg, theme } = scene;
  const g = s("g", { "font-size": 11, fill: theme.muted, "shape-rendering": "crispEdges" });
  svg.append(g);
  if (o.y) {
    for (const t of ticksOf(o.y, o.yTicks ?? Math.max(3, Math.round((f.bottom - f.top) / 55)), o.yFormat)) {
      const y = o.y(t.value);
      if (o.grid !== false) g.append(s("line", { x1: f.left, x2: f.right, y1: y, y2: y, stroke: theme.grid }));
      g.append(s("text", { x: f.left - 7, y: y + 4, "text-anchor": "end" }, t.text));
    }
    if (o.yLabel) g.append(s("text", { transform: `translate(13 ${(f.top + f.bottom) / 2}) rotate(-90)`, "text-anchor": "middle", "font-size": 12 }, clip(o.yLabel, 70)));
  }
  if (o.x) {
    for (const t of ticksOf(o.x, o.xTicks ?? Math.max(3, Math.round((f.right - f.left) / 90)), o.xFormat)) {
      const x = o.x(t.value);
      if (o.grid !== false) g.append(s("line", { x1: x, x2: x, y1: f.top, y2: f.bottom, stroke: theme.grid }));
      g.append(s("text", { x, y: f.bottom + 16, "text-anchor": "middle" }, t.text));
    }
    if (o.xLabel) {
      // A long label takes the whole width, and what does not fit there is cut.
      const half = o.xLabel.length * 3.3, middle = (f.left + f.right) / 2, room = Math.min(middle, scene.width - middle);
      g.append(s("text", { x: half < room ? middle : scene.width / 2, y: f.bottom + 34, "text-anchor": "middle", "font-size": 12 }, clip(o.xLabel, Math.min(90, Math.floor(scene.width / 6.4)))));
    }
  }
  g.append(s("line", { x1: f.left, x2: f.right, y1: f.bottom, y2: f.bottom, stroke: theme.axis }));
}

/** Least and greatest finite value; [0, 1] when there is none. */
export function extent(...arrays: ArrayLike<number>[]): [number, number] {
  let low = Infinity, high = -Infinity;
  for (const a of arrays)
    for (let i = 0; i < a.length; i++) {
      const v = a[i]!;
      if (v < low) low = v;
      if (v > high && v !== Infinity) high = v;
    }
  return low <= high ? [low, high] : [0, 1];
}

export function padded([low, high]: [number, number], share: number): [number, number] {
  const d = (high - low || Math.abs(high) || 1) * share;
  return [low - d, high + d];
}

export function quantile(values: ArrayLike<number>, share: number): number {
  const sorted = Float64Array.from(Array.from(values).filter(Number.isFinite)).sort();
  if (sorted.length === 0) return NaN;
  const at = share * (sorted.length - 1), k = Math.floor(at);
  return sorted[k]! + (sorted[Math.min(k + 1, sorted.length - 1)]! - sorted[k]!) * (at - k);
}
