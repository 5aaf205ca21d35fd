// Ways to colour points: by a group (legend entries toggle) or by a number (a colour scale).

import { quantile } from "./axes";
import { open, type Gene, type Group, type Values } from "./data";
import type { Legend } from "./figure";
import { integer, number } from "./format";
import { categoryColor, css, ramp, type Theme } from "./theme";

export interface Coloring {
  name: string;
  color(theme: Theme): (i: number) => string | null;
  legend(theme: Theme): Legend;
  /** What a tooltip says of a point. */
  value(i: number): string;
  priority: ((i: number) => number) | null;
  /** Groups whose names may be written on the picture. */
  group: { labels: string[]; codes: Int32Array; hidden: Set<number> } | null;
}

/** `placed`: which points have a place in the picture, where not all have; the legend counts these. */
export async function byGroup(group: Group, changed: () => void, placed?: () => ArrayLike<number>): Promise<Coloring> {
  const codes = await open(group.codes), { labels } = group, hidden = new Set<number>();
  const count = (): { counts: Int32Array; missing: number; keys: number[] } => {
    const counts = new Int32Array(labels.length), at = placed?.();
    let missing = 0;
    for (let i = 0; i < codes.length; i++) {
      if (at && Number.isNaN(at[i]!)) continue;
      const c = codes[i]!;
      if (c < 0) missing++;
      else counts[c]!++;
    }
    const keys = labels.map((_, i) => i).filter((i) => counts[i]! > 0);
    if (missing) keys.push(-1);
    return { counts, missing, keys };
  };
  // Regions of high and of low values have shades of the ends of the scale for values.
  const rank = group.sides?.map((s, k) => group.sides!.slice(0, k).filter((o) => o === s).length);
  const colorOf = (theme: Theme): ((k: number) => string) => {
    if (!group.sides) return (k) => categoryColor(theme, k);
    const shades = ramp(theme.diverging).map(css);
    return (k) => (k < 0 ? theme.missing : shades[group.sides![k]! > 0 ? 255 - 32 * (rank![k]! % 3) : 32 * (rank![k]! % 3)]!);
  };
  const toggle = (k: number): void => {
    if (!hidden.delete(k)) hidden.add(k);
    changed();
  };
  return {
    name: group.name,
    color: (theme) => {
      const of = colorOf(theme);
      return (i) => (hidden.has(codes[i]!) ? null : of(codes[i]!));
    },
    value: (i) => (codes[i]! < 0 ? "none" : labels[codes[i]!]!),
    priority: group.laterOnTop || group.sides ? (i) => codes[i]! : null,
    group: { labels, codes, hidden },
    legend: (theme) => {
      const { counts, missing, keys } = count(), of = colorOf(theme);
      return {
        entries: keys.map((k) => ({
          label: k < 0 ? "none" : labels[k]!, color: of(k), mark: "dot", count: integer(k < 0 ? missing : counts[k]!), hidden: hidden.has(k),
          toggle: () => toggle(k),
          only: () => {
            hidden.clear();
            for (const other of keys) if (other !== k) hidden.add(other);
            changed();
          },
        })),
        all: () => {
          hidden.clear();
          changed();
        },
      };
    },
  };
}

export async function byValues(v: Values): Promise<Coloring> {
  return scale(v.name, v.description ?? v.name, await open(v.values), v.centre, v.logarithmic);
}

export async function byGene(gene: Gene): Promise<Coloring> {
  const levels = await open(gene.values), max = gene.values.max ?? 1;
  return scale(gene.name, `${gene.name}: log1p of counts per 10,000 on the genes used`, Float32Array.from(levels, (l) => (l / 255) * max), null, false, 0);
}

/** Colours by a number: a diverging scale around a centre, or a sequential one. The ends are at the 1st and 99th percentile, so that few extreme values do not flatten the rest. */
function scale(name: string, label: string, values: Float32Array, centre: number | null, logarithmic: boolean, from?: number): Coloring {
  const t = logarithmic ? (v: number) => Math.log(v) : (v: number) => v;
  const moved = logarithmic ? values.map(t) : values, lowest = quantile(moved, 0.01), highest = quantile(moved, 0.99);
  let low: number, high: number;
  if (centre === null) [low, high] = [from ?? lowest, Math.max(highest, from ?? lowest)];
  else {
    // Where all values are the centre they have its colour, not that of an end.
    const c = t(centre), reach = Math.max(Math.abs(lowest - c), Math.abs(highest - c)) || 1;
    [low, high] = [c - reach, c + reach];
  }
  if (!(high > low)) high = low + 1;
  const shown = (v: number): string => (logarithmic ? number(Math.exp(v)) : number(v));
  const relative = (v: number): string => (v > 0 ? "+" : "") + number(v);
  const middle = (low + high) / 2;
  const position = (v: number): number => Math.max(0, Math.min(255, Math.round(((t(v) - low) / (high - low)) * 255)));
  return {
    name,
    color: (theme) => {
      const colors = ramp(centre === null ? theme.sequential : theme.diverging).map(css);
      return (i) => (Number.isNaN(values[i]!) ? theme.missing : colors[position(values[i]!)]!);
    },
    value: (i) => (centre === 0 ? relative(values[i]!) : number(values[i])),
    priority: centre === null ? (i) => values[i]! : (i) => Math.abs(t(values[i]!) - middle),
    group: null,
    legend: (theme) => ({
      bar: {
        colors: centre === null ? theme.sequential : theme.diverging, label,
        ticks: [0, 0.25, 0.5, 0.75, 1].map((at) => {
          const v = low + at * (high - low);
          return { at, text: centre === 0 ? (at === 0.5 ? "0" : relative(v)) : shown(v) };
        }),
      },
    }),
  };
}
