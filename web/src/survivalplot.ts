// Kaplan-Meier curves with confidence bands, censoring marks and the numbers at risk.

import { drawAxes, linear, ticksOf, type Frame, type Scale } from "./axes";
import { open, type PatientPart, type SurvivalCurve } from "./data";
import { clip, s } from "./dom";
import { Figure, type LegendEntry, type Scene } from "./figure";
import { integer, number, pEquals } from "./format";
import { categoryColor, current, type Theme } from "./theme";
import { hideTooltip, showTooltip, type Line } from "./tooltip";

interface OpenCurve extends Omit<SurvivalCurve, "time" | "survival" | "lower" | "upper" | "atRisk" | "censored"> {
  time: Float64Array;
  survival: Float64Array;
  lower: Float64Array;
  upper: Float64Array;
  atRisk: Float64Array;
  censored: Float64Array;
}

export interface ExtraCurve {
  label: string;
  time: ArrayLike<number>;
  survival: ArrayLike<number>;
}

export function groupColor(theme: Theme, key: string, k: number): string {
  return key === "high" ? theme.high : key === "low" ? theme.low : categoryColor(theme, k);
}

export class SurvivalPlot {
  readonly figure: Figure;
  private curves: OpenCurve[] = [];
  private part: PatientPart | null = null;
  private readonly hidden = new Set<string>();
  private extra: ExtraCurve | null = null;
  private axis: { x: Scale; y: Scale; frame: Frame } | null = null;
  private cursor: SVGGElement | null = null;
  private at = 0;

  constructor(title: string, private readonly timeLabel: string, note: string | null, controls: HTMLElement[]) {
    this.figure = new Figure({
      title, note, controls,
      description: () => this.describe(),
      height: (w) => Math.round(Math.min(460, Math.max(300, w * 0.6))) + 26 + 18 * this.curves.length,
      draw: (scene) => this.draw(scene),
      legend: (theme) => ({ entries: this.entries(theme) }),
    });
    this.listen();
  }

  async show(part: PatientPart): Promise<void> {
    this.curves = await Promise.all(part.curves.map(async (c) => ({
      ...c, time: await open(c.time), survival: await open(c.survival), lower: await open(c.lower), upper: await open(c.upper),
      atRisk: await open(c.atRisk), censored: await open(c.censored),
    })));
    this.part = part;
    this.figure.redraw();
  }

  /** Draws one predicted curve over the others. */
  overlay(curve: ExtraCurve | null): void {
    this.extra = curve;
    this.figure.redraw();
  }

  private describe(): string {
    const p = this.part;
    if (!p) return "";
    return `${p.title}. ` + p.curves.map((c) => `${c.label}: ${c.patients} patients, ${c.events} events, median ${number(c.median)}`).join("; ") + (p.logRank ? `. Log-rank ${pEquals(p.logRank.pValue)}` : "");
  }

  private entries(theme: Theme): LegendEntry[] {
    const entries: LegendEntry[] = this.curves.map((c, k) => ({
      label: c.label, color: groupColor(theme, c.key, k), mark: c.key === "low" ? "dash" : "line", hidden: this.hidden.has(c.key),
      count: `${c.patients} patients, ${c.events} events${c.median === null ? "" : `, median ${number(c.median)}`}`,
      toggle: () => {
        if (!this.hidden.delete(c.key)) this.hidden.add(c.key);
        this.figure.redraw();
      },
    }));
    if (this.extra) entries.push({ label: "predicted for " + this.extra.label, color: theme.text, mark: "line", toggle: () => this.overlay(null) });
    return entries;
  }

  private draw(scene: Scene): void {
    const { svg, theme, width } = scene, visible = this.curves.filter((c) => !this.hidden.has(c.key));
    const rows = this.curves.length, f: Frame = { left: 62, right: width - 14, top: 14, bottom: scene.height - 44 - 26 - 18 * rows };
    const last = Math.max(1e-9, ...this.curves.map((c) => c.time[c.time.length - 1] ?? 0));
    const x = linear([0, last * 1.02], [f.left, f.right]), y = linear([0, 1], [f.bottom, f.top]);
    drawAxes(scene, f, { x, y, xLabel: this.timeLabel, yLabel: "share surviving", yFormat: (v) => Math.round(v * 100) + " %" });
    for (const c of visible) {
      const color = groupColor(theme, c.key, this.curves.indexOf(c));
      svg.append(s("path", { d: band(c, x, y), fill: color, "fill-opacity": theme.name === "dark" ? 0.2 : 0.13 }));
    }
    for (const c of visible) {
      const color = groupColor(theme, c.key, this.curves.indexOf(c));
      svg.append(s("path", { d: steps(c.time, c.survival, x, y), fill: "none", stroke: color, "stroke-width": 2.2, "stroke-dasharray": c.key === "low" ? "7 3" : null }));
      let ticks = "";
      for (let i = 0; i < c.time.length; i++) if (c.censored[i]! > 0) ticks += `M${x(c.time[i]!).toFixed(1)} ${(y(c.survival[i]!) - 4).toFixed(1)}v8`;
      svg.append(s("path", { d: ticks, stroke: color, "stroke-width": 1.4 }));
    }
    if (this.extra) svg.append(s("path", { d: steps(this.extra.time, this.extra.survival, x, y, last * 1.02), fill: "none", stroke: theme.text, "stroke-width": 1.8 }));
    const p = this.part;
    if (p?.logRank) svg.append(s("text", { x: f.right - 6, y: f.top + 16, "text-anchor": "end", "font-size": 13, "font-weight": 600, fill: theme.text, stroke: theme.background, "stroke-width": 3, "paint-order": "stroke" }, `log-rank ${pEquals(p.logRank.pValue)}`));
    if (p) svg.append(s("text", { x: f.right - 6, y: f.top + (p.logRank ? 33 : 16), "text-anchor": "end", "font-size": 12, fill: theme.muted, stroke: theme.background, "stroke-width": 3, "paint-order": "stroke" }, `${p.title}, ${integer(p.patients)} patients`));

    const top = f.bottom + 44 + 16;
    svg.append(s("text", { x: 4, y: top, "font-size": 11, "font-weight": 600, fill: theme.muted }, "Number at risk"));
    this.curves.forEach((c, k) => {
      const color = groupColor(theme, c.key, k), line = top + 18 * (k + 1);
      svg.append(s("rect", { x: 4, y: line - 8, width: 14, height: 3, fill: color }));
      for (const t of ticksOf(x, Math.max(3, Math.round((f.right - f.left) / 90))))
        svg.append(s("text", { x: x(t.value), y: line - 2, "text-anchor": "middle", "font-size": 11, fill: theme.text }, integer(atRisk(c, t.value))));
    });
    if (!scene.exporting) {
      this.axis = { x, y, frame: f };
      this.cursor = s("g");
      svg.append(this.cursor);
    }
  }

  private point(time: number, clientX: number, clientY: number): void {
    const { x, y, frame } = this.axis!, visible = this.curves.filter((c) => !this.hidden.has(c.key));
    this.cursor!.replaceChildren(s("line", { x1: x(time), x2: x(time), y1: frame.top, y2: frame.bottom, stroke: "currentColor", "stroke-opacity": 0.4 }));
    const lines: Line[] = [`time ${number(time, 4)}`];
    for (const c of visible) {
      const k = stepAt(c.time, time), v = k < 0 ? 1 : c.survival[k]!, low = k < 0 ? 1 : c.lower[k]!, high = k < 0 ? 1 : c.upper[k]!;
      lines.push({ name: c.label, color: groupColor(current(), c.key, this.curves.indexOf(c)), value: `${(v * 100).toFixed(0)} %${Number.isNaN(low) ? "" : ` (${(low * 100).toFixed(0)}\u2013${(high * 100).toFixed(0)})`}, ${integer(atRisk(c, time))} at risk` });
      this.cursor!.append(s("circle", { cx: x(time), cy: y(v), r: 4, fill: "currentColor" }));
    }
    if (this.extra) {
      const k = stepAt(this.extra.time, time);
      lines.push({ name: "predicted, " + clip(this.extra.label, 24), value: `${((k < 0 ? 1 : this.extra.survival[k]!) * 100).toFixed(0)} %` });
    }
    showTooltip(clientX, clientY, lines);
  }

  private listen(): void {
    const { svg } = this.figure;
    const leave = (): void => {
      hideTooltip();
      this.cursor?.replaceChildren();
    };
    svg.addEventListener("pointermove", (e) => {
      if (!this.axis) return;
      const box = svg.getBoundingClientRect(), t = this.axis.x.invert(e.clientX - box.left);
      if (t < 0 || t > this.axis.x.domain()[1]! || e.clientY - box.top > this.axis.frame.bottom) return leave();
      this.at = t;
      this.point(t, e.clientX, e.clientY);
    });
    svg.addEventListener("pointerleave", leave);
    svg.addEventListener("blur", leave);
    svg.addEventListener("keydown", (e) => {
      if (!this.axis || (e.key !== "ArrowLeft" && e.key !== "ArrowRight")) return;
      const end = this.axis.x.domain()[1]!;
      this.at = Math.min(end, Math.max(0, this.at + (e.key === "ArrowRight" ? 1 : -1) * end * (e.shiftKey ? 0.05 : 0.01)));
      const box = svg.getBoundingClientRect();
      this.point(this.at, box.left + this.axis.x(this.at), box.top + (this.axis.frame.top + this.axis.frame.bottom) / 2);
      e.preventDefault();
    });
  }
}

/** Last step at or before a time; -1 before the first. */
function stepAt(times: ArrayLike<number>, t: number): number {
  let low = 0, high = times.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (times[mid]! <= t) low = mid + 1;
    else high = mid;
  }
  return low - 1;
}

function atRisk(c: OpenCurve, t: number): number {
  const k = stepAt(c.time, t), exact = k >= 0 && c.time[k] === t;
  return exact ? c.atRisk[k]! : k + 1 < c.time.length ? c.atRisk[k + 1]! : 0;
}

/** A curve of steps; what lies beyond the end of the axis is left out. */
function steps(time: ArrayLike<number>, value: ArrayLike<number>, x: Scale, y: Scale, end = Infinity): string {
  let d = `M${x(0).toFixed(1)} ${y(1).toFixed(1)}`;
  for (let i = 0; i < time.length && time[i]! <= end; i++) d += `H${x(time[i]!).toFixed(1)}V${y(value[i]!).toFixed(1)}`;
  if (time.length && time[time.length - 1]! > end) d += `H${x(end).toFixed(1)}`;
  return d;
}

/** Where a limit is unknown (nobody is left) the last known one is carried on. */
function band(c: OpenCurve, x: Scale, y: Scale): string {
  const points: [number, number, number][] = [[0, 1, 1]];
  let low = 1, high = 1;
  for (let i = 0; i < c.time.length; i++) {
    points.push([c.time[i]!, low, high]);
    if (!Number.isNaN(c.lower[i]!)) [low, high] = [c.lower[i]!, c.upper[i]!];
    else if (c.survival[i] === 0) break;
    points.push([c.time[i]!, low, high]);
  }
  const up = points.map(([t, , v]) => `${x(t).toFixed(1)} ${y(v).toFixed(1)}`), down = points.reverse().map(([t, v]) => `${x(t).toFixed(1)} ${y(v).toFixed(1)}`);
  return "M" + up.join("L") + "L" + down.join("L") + "Z";
}
