// How contributions spread within groups of cells: a violin with a box inside, one line per group.

import { drawAxes, linear, padded } from "./axes";
import { open, type Distribution } from "./data";
import { clip, s } from "./dom";
import { Figure, type Scene } from "./figure";
import { integer, number } from "./format";
import type { Theme } from "./theme";
import { hideTooltip, showTooltip } from "./tooltip";

type OpenDistribution = Omit<Distribution, "at" | "density"> & { at: Float32Array; density: Float32Array };

export class Distributions {
  readonly figure: Figure;
  private items: OpenDistribution[] = [];
  private colorOf: (theme: Theme, i: number) => string = (t) => t.accent;

  constructor(title: string, note: string, private readonly xLabel: string, private readonly centre: number | null, controls: HTMLElement[]) {
    this.figure = new Figure({
      title, note, controls,
      description: () => this.items.map((d) => `${d.label}: ${d.count} cells, median ${number(d.median)}`).join("; "),
      height: () => 58 + this.items.length * this.lineHeight(),
      draw: (scene) => this.draw(scene),
    });
  }

  async show(items: Distribution[], colorOf: (theme: Theme, i: number) => string): Promise<void> {
    this.items = await Promise.all(items.map(async (d) => ({ ...d, at: await open(d.at), density: await open(d.density) })));
    this.colorOf = colorOf;
    this.figure.redraw();
  }

  private lineHeight(): number {
    return this.items.length > 30 ? 24 : this.items.length > 14 ? 30 : 40;
  }

  private draw(scene: Scene): void {
    const { svg, theme, width, height } = scene, narrow = width < 520, step = this.lineHeight();
    const longest = Math.max(0, ...this.items.map((d) => d.label.length)), left = Math.min(narrow ? 124 : 200, 24 + longest * 7.2), right = width - (narrow ? 52 : 70);
    const low = Math.min(...this.items.map((d) => d.minimum)), high = Math.max(...this.items.map((d) => d.maximum));
    const x = linear(padded([low, high], 0.03), [left, right]), bottom = height - 44;
    drawAxes(scene, { left, right, top: 8, bottom }, { x, xLabel: this.xLabel });
    if (this.centre !== null) svg.append(s("line", { x1: x(this.centre), x2: x(this.centre), y1: 8, y2: bottom, stroke: theme.text, "stroke-dasharray": "4 3", "stroke-opacity": 0.7 }));
    svg.append(s("text", { x: right + 8, y: 6 + 4, "font-size": 11, fill: theme.muted }, "cells"));
    this.items.forEach((d, i) => {
      const y = 12 + step * (i + 0.5), half = step * 0.44, color = this.colorOf(theme, i), g = s("g");
      let top = 0;
      for (const v of d.density) top = Math.max(top, v);
      if (top > 0 && d.count >= 3) {
        let up = "", down = "";
        for (let k = 0; k < d.at.length; k++) {
          const px = x(d.at[k]!).toFixed(1), w = (d.density[k]! / top) * half;
          up += `${k ? "L" : "M"}${px} ${(y - w).toFixed(1)}`;
          down = `L${px} ${(y + w).toFixed(1)}` + down;
        }
        g.append(s("path", { d: up + down + "Z", fill: color, "fill-opacity": 0.42, stroke: color, "stroke-width": 1 }));
      }
      const box = Math.min(6, half * 0.45);
      g.append(s("line", { x1: x(d.lowerWhisker), x2: x(d.upperWhisker), y1: y, y2: y, stroke: theme.text, "stroke-width": 1 }),
        s("rect", { x: x(d.lowerQuartile), y: y - box, width: Math.max(1, x(d.upperQuartile) - x(d.lowerQuartile)), height: box * 2, fill: theme.background, stroke: theme.text, "stroke-width": 1 }),
        s("line", { x1: x(d.median), x2: x(d.median), y1: y - box, y2: y + box, stroke: theme.text, "stroke-width": 2.4 }));
      svg.append(g,
        s("text", { x: left - 8, y: y + 4, "text-anchor": "end", "font-size": 12, fill: theme.text }, clip(d.label, Math.floor((left - 12) / 7.2))),
        s("text", { x: right + 8, y: y + 4, "font-size": 12, fill: theme.muted }, integer(d.count)));
      if (scene.exporting) return;
      const target = s("rect", { x: 0, y: y - step / 2, width, height: step, fill: "transparent" });
      target.addEventListener("pointermove", (e) => showTooltip(e.clientX, e.clientY, [
        d.label, { name: "cells", value: integer(d.count) }, { name: "median", value: number(d.median) }, { name: "middle half", value: `${number(d.lowerQuartile)} to ${number(d.upperQuartile)}` },
        { name: "mean", value: number(d.mean) }, { name: "range", value: `${number(d.minimum)} to ${number(d.maximum)}` }]));
      target.addEventListener("pointerleave", hideTooltip);
      svg.append(target);
    });
  }
}
