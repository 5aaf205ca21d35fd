// What was predicted against what happened.

import { drawAxes, linear } from "./axes";
import type { CalibrationBin } from "./data";
import { clip, s } from "./dom";
import { Figure, type Scene } from "./figure";
import { percent } from "./format";
import { hideTooltip, showTooltip } from "./tooltip";

export interface CalibrationPart {
  title: string;
  bins: CalibrationBin[];
  xLabel: string;
  yLabel: string;
}

export function calibrationFigure(part: () => CalibrationPart, note: string): Figure {
  return new Figure({
    title: "Calibration", note,
    description: () => part().bins.map((b) => `predicted ${percent(b.predicted)}, observed ${percent(b.observed)}`).join("; "),
    height: (w) => Math.round(Math.min(320, Math.max(240, w * 0.8))),
    draw: (scene: Scene) => {
      const { svg, theme, width, height } = scene, { title, bins, xLabel, yLabel } = part();
      if (bins.length === 0) {
        svg.append(s("text", { x: width / 2, y: height / 2, "text-anchor": "middle", "font-size": 13, fill: theme.muted }, "Too few patients to say."));
        return;
      }
      const f = { left: 66, right: width - 24, top: 12, bottom: height - 44 }, x = linear([0, 1], [f.left, f.right]), y = linear([0, 1], [f.bottom, f.top]);
      const text = (v: number): string => Math.round(v * 100) + " %";
      drawAxes(scene, f, { x, y, xLabel: clip(xLabel, 60), yLabel: clip(yLabel, 40), xFormat: text, yFormat: text, xTicks: 5, yTicks: 5 });
      svg.append(s("line", { x1: x(0), y1: y(0), x2: x(1), y2: y(1), stroke: theme.muted, "stroke-dasharray": "4 3" }));
      for (const b of bins) {
        if (b.lower !== null && b.upper !== null) svg.append(s("line", { x1: x(b.predicted), x2: x(b.predicted), y1: y(b.lower), y2: y(b.upper), stroke: theme.accent, "stroke-width": 2, "stroke-opacity": 0.6 }));
        const dot = s("circle", { cx: x(b.predicted), cy: y(b.observed), r: 6, fill: theme.accent });
        if (!scene.exporting) {
          const range = b.lower !== null && b.upper !== null ? [{ name: "95 % interval", value: `${percent(b.lower)} to ${percent(b.upper)}` }] : [];
          dot.addEventListener("pointermove", (e) => showTooltip(e.clientX, e.clientY, [`${b.patients} patients`, { name: "predicted", value: percent(b.predicted) }, { name: "observed", value: percent(b.observed) }, ...range]));
          dot.addEventListener("pointerleave", hideTooltip);
        }
        svg.append(dot);
      }
      svg.append(s("text", { x: f.left + 8, y: f.top + 10, "font-size": 11, fill: theme.muted }, title));
    },
  });
}
