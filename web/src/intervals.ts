// Numbers with their intervals, one below the other.

import { drawAxes, linear, padded } from "./axes";
import type { Interval } from "./data";
import { clip, s } from "./dom";
import { Figure, type Scene } from "./figure";
import { difference } from "./format";
import { hideTooltip, showTooltip, type Line } from "./tooltip";

export interface IntervalsSpec {
  title: string;
  note: string;
  xLabel: string;
  /** Where nothing is found. */
  reference: number;
  /** What the axis shows at least, and where it ends at most. */
  least?: [number, number];
  bounds?: [number, number];
  items: { name: string; interval: Interval; strong: boolean; bold?: boolean; more?: Line[] }[];
}

export function intervalsFigure(spec: IntervalsSpec): Figure {
  const scale = Math.max(0, ...spec.items.flatMap((i) => [i.interval.lower, i.interval.upper]).filter(Number.isFinite).map(Math.abs));
  const shown = (v: number): string => difference(v, scale);
  const many = spec.items.length > 8, step = many ? 26 : 40, longest = Math.max(0, ...spec.items.map((i) => clip(i.name, 28).length));
  return new Figure({
    title: spec.title, note: spec.note,
    description: () => spec.items.map((i) => `${i.name}: ${shown(i.interval.value)}, ${shown(i.interval.lower)} to ${shown(i.interval.upper)}`).join("; "),
    height: () => 66 + spec.items.length * step,
    draw: (scene: Scene) => {
      const { svg, theme, width, height } = scene, narrow = width < 420, length = narrow ? 18 : 28;
      const left = Math.min(longest * 7.4 + 18, narrow ? 146 : 220), right = width - 16, bottom = height - 44;
      const all = [spec.reference, ...(spec.least ?? []), ...spec.items.flatMap((i) => [i.interval.lower, i.interval.upper])];
      let [low, high] = padded([Math.min(...all), Math.max(...all)], 0.05);
      if (spec.bounds) [low, high] = [Math.max(spec.bounds[0], low), Math.min(spec.bounds[1], high)];
      const x = linear([low, high], [left, right]);
      drawAxes(scene, { left, right, top: 8, bottom }, { x, xLabel: spec.xLabel, xTicks: narrow ? 4 : 7 });
      svg.append(s("line", { x1: x(spec.reference), x2: x(spec.reference), y1: 8, y2: bottom, stroke: theme.text, "stroke-dasharray": "4 3" }));
      spec.items.forEach((item, k) => {
        const c = item.interval, y = 8 + step * (k + 0.55), color = item.strong ? theme.accent : theme.muted;
        svg.append(s("text", { x: left - 10, y: y + 4, "text-anchor": "end", "font-size": 12, "font-weight": item.bold ? 600 : 400, fill: theme.text }, clip(item.name, length)),
          s("line", { x1: x(c.lower), x2: x(c.upper), y1: y, y2: y, stroke: color, "stroke-width": 2.5 }), s("circle", { cx: x(c.value), cy: y, r: many ? 4.5 : 6, fill: color }));
        if (!many) svg.append(s("text", { x: x(c.value), y: y - 11, "text-anchor": "middle", "font-size": 11, fill: theme.muted, stroke: theme.background, "stroke-width": 3, "paint-order": "stroke" }, shown(c.value)));
        if (scene.exporting) return;
        const target = s("rect", { x: 0, y: y - step / 2, width, height: step, fill: "transparent" });
        target.addEventListener("pointermove", (e) => showTooltip(e.clientX, e.clientY, [item.name, { name: spec.xLabel, value: shown(c.value) }, { name: "95 % interval", value: `${shown(c.lower)} to ${shown(c.upper)}` }, ...(item.more ?? [])]));
        target.addEventListener("pointerleave", hideTooltip);
        svg.append(target);
      });
    },
  });
}
