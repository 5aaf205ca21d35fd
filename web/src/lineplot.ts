// Lines over a number: training, robustness to missing genes.

import { drawAxes, extent, leftMargin, linear, padded, ticksOf, type Scale } from "./axes";
import { s } from "./dom";
import { Figure, type Scene } from "./figure";
import { number } from "./format";
import type { Theme } from "./theme";
import { hideTooltip, showTooltip } from "./tooltip";

export interface Series {
  label: string;
  x: ArrayLike<number>;
  y: ArrayLike<number>;
  /** Half the height of a bar at each point. */
  error?: (number | null)[];
  color: (theme: Theme) => string;
  width?: number;
  faint?: boolean;
  dots?: boolean;
  dashed?: boolean;
}

export interface LinePlotSpec {
  title: string;
  note?: string | null;
  xLabel: string;
  yLabel: string;
  series: Series[];
  mark?: { x: number; label: string } | null;
  height?: number;
  yDomain?: [number, number];
  /** Whether a legend names the series; true when left out. */
  named?: boolean;
}

/** The points and the ends of their error bars. */
function reach(l: Series): ArrayLike<number>[] {
  const { error } = l;
  return error ? [Array.from(l.y, (v, i) => v - (error[i] ?? 0)), Array.from(l.y, (v, i) => v + (error[i] ?? 0))] : [l.y];
}

export function linePlot(spec: LinePlotSpec): Figure {
  const hidden = new Set<Series>();
  let cursor: SVGGElement | null = null, xScale: Scale | null = null, bounds = { top: 0, bottom: 0 }, at = 0;
  const shown = (): Series[] => spec.series.filter((l) => !hidden.has(l));

  const draw = (scene: Scene): void => {
    const { svg, theme, width, height } = scene, lines = shown();
    const xd = extent(...spec.series.map((l) => l.x)), yd = spec.yDomain ?? padded(extent(...lines.flatMap(reach)), 0.06);
    const probe = linear(yd, [1, 0]), left = leftMargin(ticksOf(probe, 5).map((t) => t.text), true);
    const f = { left, right: width - 14, top: 12, bottom: height - 44 };
    const x = linear(xd[0] === xd[1] ? padded(xd, 0.5) : xd, [f.left, f.right]), y = linear(yd, [f.bottom, f.top]);
    drawAxes(scene, f, { x, y, xLabel: spec.xLabel, yLabel: spec.yLabel, yTicks: 5 });
    if (spec.mark && Number.isFinite(spec.mark.x)) {
      const at = x(spec.mark.x), end = at > (f.left + f.right) / 2;
      svg.append(s("line", { x1: at, x2: at, y1: f.top, y2: f.bottom, stroke: theme.muted, "stroke-dasharray": "3 3" }),
        s("text", { x: at + (end ? -5 : 5), y: f.top + 10, "font-size": 11, fill: theme.muted, "text-anchor": end ? "end" : "start" }, spec.mark.label));
    }
    for (const l of lines) {
      const color = l.color(theme);
      let d = "", pen = false;
      for (let i = 0; i < l.x.length; i++) {
        const v = l.y[i]!;
        if (!Number.isFinite(v)) {
          pen = false;
          continue;
        }
        d += `${pen ? "L" : "M"}${x(l.x[i]!).toFixed(1)} ${y(v).toFixed(1)}`;
        pen = true;
        const e = l.error?.[i];
        if (e) svg.append(s("path", { d: `M${x(l.x[i]!)} ${y(v - e)}V${y(v + e)}`, stroke: color, "stroke-opacity": 0.6, "stroke-width": 1.5 }));
        if (l.dots || l.x.length === 1) svg.append(s("circle", { cx: x(l.x[i]!), cy: y(v), r: 3.5, fill: color }));
      }
      svg.append(s("path", { d, fill: "none", stroke: color, "stroke-width": l.width ?? 2, "stroke-opacity": l.faint ? 0.45 : 1, "stroke-dasharray": l.dashed ? "6 3" : null, "stroke-linejoin": "round" }));
    }
    if (!scene.exporting) {
      xScale = x;
      bounds = f;
      cursor = s("g");
      svg.append(cursor);
    }
  };

  const figure = new Figure({
    title: spec.title, note: spec.note, draw,
    description: () => shown().map((l) => `${l.label}: from ${number(l.y[0])} to ${number(l.y[l.y.length - 1])}`).join("; "),
    height: () => spec.height ?? 280,
    legend: (theme) => (spec.named === false ? null : {
      entries: spec.series.map((l) => ({
        label: l.label, color: l.color(theme), mark: l.dashed ? "dash" : "line", hidden: hidden.has(l),
        toggle: () => {
          if (!hidden.delete(l)) hidden.add(l);
          figure.redraw();
        },
      })),
    }),
  });

  const point = (value: number, clientX: number, clientY: number): void => {
    const all = spec.series[0]!.x;
    let best = 0;
    for (let i = 1; i < all.length; i++) if (Math.abs(all[i]! - value) < Math.abs(all[best]! - value)) best = i;
    const nearest = all[best]!, px = xScale!(nearest);
    cursor!.replaceChildren(s("line", { x1: px, x2: px, y1: bounds.top, y2: bounds.bottom, stroke: "currentColor", "stroke-opacity": 0.4 }));
    showTooltip(clientX, clientY, [`${spec.xLabel} ${number(nearest, 4)}`, ...shown().map((l) => {
      const i = Array.prototype.indexOf.call(l.x, nearest) as number;
      return { name: l.label, value: i < 0 ? "\u2013" : number(l.y[i], 4) };
    })]);
  };
  const leave = (): void => {
    hideTooltip();
    cursor?.replaceChildren();
  };
  figure.svg.addEventListener("pointermove", (e) => {
    if (!xScale) return;
    const box = figure.svg.getBoundingClientRect();
    at = xScale.invert(e.clientX - box.left);
    point(at, e.clientX, e.clientY);
  });
  figure.svg.addEventListener("pointerleave", leave);
  figure.svg.addEventListener("blur", leave);
  figure.svg.addEventListener("keydown", (e) => {
    if (!xScale || (e.key !== "ArrowLeft" && e.key !== "ArrowRight")) return;
    const [low, high] = xScale.domain() as [number, number];
    const step = Math.max(1e-12, (high - low) / Math.min(100, Math.max(1, spec.series[0]!.x.length - 1)));
    at = Math.min(high, Math.max(low, at + (e.key === "ArrowRight" ? step : -step)));
    const box = figure.svg.getBoundingClientRect();
    point(at, box.left + xScale(at), box.top + bounds.bottom / 2);
    e.preventDefault();
  });
  return figure;
}
