// Patients and an outcome that is no survival: yes or no, or a number.

import { drawAxes, extent, leftMargin, linear, padded, ticksOf } from "./axes";
import { calibrationFigure } from "./calibration";
import { open, type OutcomePart, type OutcomeSection } from "./data";
import { clip, h, s } from "./dom";
import { Figure, type Scene } from "./figure";
import { integer, number, percent } from "./format";
import { intervalsFigure } from "./intervals";
import { segments } from "./segments";
import { DataTable } from "./table";
import { hideTooltip, showTooltip } from "./tooltip";

interface OpenPart extends Omit<OutcomePart, "roc" | "names" | "predicted" | "observed"> {
  roc: { x: Float64Array; y: Float64Array } | null;
  names: string[];
  predicted: Float64Array;
  observed: Float64Array;
}

async function openPart(p: OutcomePart): Promise<OpenPart> {
  return { ...p, roc: p.roc && { x: await open(p.roc.falsePositive), y: await open(p.roc.truePositive) }, names: await open(p.names), predicted: await open(p.predicted), observed: await open(p.observed) };
}

export async function outcomeView(section: OutcomeSection): Promise<HTMLElement> {
  const parts = await Promise.all(section.parts.map(openPart));
  let part = parts[0]!;
  const about = h("p", { class: "lead" }), scores = h("div");
  const controls = (): HTMLElement[] => [segments("Patients", parts.map((p) => p.title), 0, (i) => show(parts[i]!))];
  const main = section.binary ? rocFigure(section, () => part, controls()) : observedFigure(section, () => part, controls());
  const calibration = section.binary ? calibrationFigure(() => ({ title: part.title, bins: part.calibration, xLabel: section.predictedLabel, yLabel: section.observedLabel }),
    "Patients in groups of rising predicted probability: what was predicted against what happened (95 % interval by Wilson). Points on the line are right on average.") : null;
  const spread = section.binary ? probabilitiesFigure(section, () => part) : null;
  const show = (p: OpenPart): void => {
    part = p;
    const said = [`${integer(p.patients)} patients${p.positive === null ? "" : `, ${integer(p.positive)} of them with the outcome`}.`];
    if (p.score) said.push(`${section.scoreName === "AUC" ? "AUC" : "Correlation"} ${number(p.score.value)} (95 % ${number(p.score.lower)} to ${number(p.score.upper)}).`);
    if (p.note) said.push(p.note);
    about.textContent = said.join(" ");
    scores.replaceChildren(scoresTable(p));
    for (const f of [main, calibration, spread]) f?.redraw();
  };
  show(part);
  const table = await DataTable.create(section.table, { title: "Patients", sortBy: section.table.columns[3]?.key, descending: true, page: 25 });
  return h("div", { class: "view" }, about,
    h("div", { class: "pair" }, main.element, h("section", { class: "card" }, h("h3", {}, "Scores"), scores)),
    calibration && spread ? h("div", { class: "pair" }, calibration.element, spread.element) : null,
    summaryOfParts(section).element,
    h("section", { class: "card" }, h("h3", {}, "Patients"), table.element));
}

/** The picture of the first page: of held-out patients where there are any. */
export async function outcomePicture(section: OutcomeSection): Promise<HTMLElement> {
  const part = await openPart(section.parts[0]!);
  return (section.binary ? rocFigure(section, () => part, []) : observedFigure(section, () => part, [])).element;
}

function summaryOfParts(section: OutcomeSection): Figure {
  return intervalsFigure({
    title: section.scoreName === "AUC" ? "AUC" : "Correlation of observed and expected", xLabel: section.scoreName, reference: section.chance, bounds: section.binary ? [0, 1] : [-1, 1],
    note: "With 95 % intervals; dashed: chance. Only held-out patients show how good the model is for new ones.",
    items: section.parts.filter((p) => p.score).map((p) => ({ name: p.title, interval: p.score!, strong: p.heldOut, bold: p.heldOut, more: [{ name: "patients", value: integer(p.patients) }] })),
  });
}

function scoresTable(part: OpenPart): HTMLElement {
  if (part.scores.length === 0) return h("p", { class: "hint" }, "The outcomes of these patients are all alike: there is nothing to score.");
  return h("div", { class: "table-scroll", tabindex: 0 }, h("table", {},
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "score"), h("th", { scope: "col", class: "number" }, "value"), h("th", { scope: "col", class: "number" }, "95 %"))),
    h("tbody", {}, ...part.scores.map((c) => h("tr", {}, h("th", { scope: "row", class: "explained" }, c.name, h("small", {}, c.help)), h("td", { class: "number" }, number(c.value)),
      h("td", { class: "number" }, c.lower === null || c.upper === null ? "" : `${number(c.lower)} to ${number(c.upper)}`))))));
}

function empty(scene: Scene, text: string): void {
  scene.svg.append(s("text", { x: scene.width / 2, y: scene.height / 2, "text-anchor": "middle", "font-size": 13, fill: scene.theme.muted }, text));
}

function rocFigure(section: OutcomeSection, part: () => OpenPart, controls: HTMLElement[]): Figure {
  return new Figure({
    title: `ROC curve of ${clip(section.name, 50)}`, controls,
    note: "Share of patients with the outcome that are found, against the share of those without it that are called wrongly, over all thresholds. Dashed: chance.",
    description: () => `${part().title}: AUC ${number(part().score?.value)}`,
    height: (w) => Math.round(Math.min(420, Math.max(260, w * 0.85))),
    draw: (scene) => {
      const { svg, theme, width, height } = scene, p = part();
      if (!p.roc) return empty(scene, "The outcomes of these patients are all alike.");
      const side = Math.min(width - 66 - 24, height - 12 - 44), f = { left: 66, right: 66 + side, top: 12, bottom: 12 + side }, x = linear([0, 1], [f.left, f.right]), y = linear([0, 1], [f.bottom, f.top]);
      const text = (v: number): string => Math.round(v * 100) + " %";
      drawAxes(scene, f, { x, y, xLabel: "false positive rate", yLabel: "true positive rate", xFormat: text, yFormat: text, xTicks: 5, yTicks: 5 });
      svg.append(s("line", { x1: x(0), y1: y(0), x2: x(1), y2: y(1), stroke: theme.muted, "stroke-dasharray": "4 3" }));
      let d = "";
      for (let k = 0; k < p.roc.x.length; k++) d += `${k ? "L" : "M"}${x(p.roc.x[k]!).toFixed(1)} ${y(p.roc.y[k]!).toFixed(1)}`;
      svg.append(s("path", { d, fill: "none", stroke: theme.accent, "stroke-width": 2.5, "stroke-linejoin": "round" }));
      const right = { x: f.right - 8, "text-anchor": "end", stroke: theme.background, "stroke-width": 3, "paint-order": "stroke" };
      if (p.score) svg.append(s("text", { ...right, y: f.bottom - 44, "font-size": 13, "font-weight": 600, fill: theme.text }, `AUC ${number(p.score.value)}`),
        s("text", { ...right, y: f.bottom - 28, "font-size": 12, fill: theme.muted }, `95 % ${number(p.score.lower)} to ${number(p.score.upper)}`));
      svg.append(s("text", { ...right, y: f.bottom - 12, "font-size": 12, fill: theme.muted }, `${p.title}, ${p.patients} patients`));
      if (scene.exporting) return;
      const step = Math.max(1, Math.ceil(p.roc.x.length / 400));
      for (let k = 0; k < p.roc.x.length; k += step) {
        const target = s("circle", { cx: x(p.roc.x[k]!), cy: y(p.roc.y[k]!), r: 6, fill: "transparent" }), fp = p.roc.x[k]!, tp = p.roc.y[k]!;
        target.addEventListener("pointermove", (e) => showTooltip(e.clientX, e.clientY, [p.title, { name: "found", value: percent(tp) }, { name: "called wrongly", value: percent(fp) }]));
        target.addEventListener("pointerleave", hideTooltip);
        svg.append(target);
      }
    },
  });
}

/** Predicted probabilities of patients with and without the outcome, one point each. */
function probabilitiesFigure(section: OutcomeSection, part: () => OpenPart): Figure {
  return new Figure({
    title: "Predictions by outcome", note: "One point per patient; line: median. Good predictions keep both rows apart.",
    description: () => `${part().patients} patients`,
    height: () => 240,
    draw: (scene) => {
      const { svg, theme, width, height } = scene, p = part(), f = { left: 66, right: width - 24, top: 12, bottom: height - 44 }, x = linear([0, 1], [f.left, f.right]);
      drawAxes(scene, f, { x, xLabel: clip(section.predictedLabel, 60), xFormat: (v) => Math.round(v * 100) + " %", xTicks: 5 });
      [1, 0].forEach((value, row) => {
        const members = Array.from(p.observed, (_, i) => i).filter((i) => p.observed[i] === value), middle = f.top + (f.bottom - f.top) * (row + 0.5) / 2, color = value ? theme.high : theme.low;
        svg.append(s("text", { x: f.left - 10, y: middle + 4, "text-anchor": "end", "font-size": 12, fill: theme.text }, value ? "with" : "without"));
        members.forEach((i) => {
          // Points step aside by their number, always alike.
          const dot = s("circle", { cx: x(p.predicted[i]!), cy: middle + (((i * 7919) % 31) / 30 - 0.5) * (f.bottom - f.top) * 0.3, r: 4, fill: color, "fill-opacity": 0.65 });
          if (!scene.exporting) {
            dot.addEventListener("pointermove", (e) => showTooltip(e.clientX, e.clientY, [clip(p.names[i]!, 60), { name: "predicted", value: percent(p.predicted[i]) }, { name: "outcome", value: value ? "yes" : "no" }]));
            dot.addEventListener("pointerleave", hideTooltip);
          }
          svg.append(dot);
        });
        const sorted = members.map((i) => p.predicted[i]!).sort((a, b) => a - b), half = (f.bottom - f.top) * 0.19;
        if (sorted.length) {
          const m = (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
          svg.append(s("line", { x1: x(m), x2: x(m), y1: middle - half, y2: middle + half, stroke: theme.text, "stroke-width": 2 }));
        }
      });
    },
  });
}

function observedFigure(section: OutcomeSection, part: () => OpenPart, controls: HTMLElement[]): Figure {
  return new Figure({
    title: `Observed against expected ${clip(section.name, 50)}`, controls, note: "One point per patient. Dashed: where observed and expected are the same.",
    description: () => part().scores.map((c) => `${c.name}: ${number(c.value)}`).join("; "),
    height: (w) => Math.round(Math.min(460, Math.max(280, w * 0.85))),
    draw: (scene) => {
      const { svg, theme, width, height } = scene, p = part();
      if (p.patients === 0) return empty(scene, "No patients.");
      const xd = padded(extent(p.predicted), 0.06), yd = padded(extent(p.observed), 0.06);
      const left = leftMargin(ticksOf(linear(yd, [1, 0]), 5).map((t) => t.text), true), f = { left, right: width - 20, top: 12, bottom: height - 44 };
      const x = linear(xd, [f.left, f.right]), y = linear(yd, [f.bottom, f.top]);
      drawAxes(scene, f, { x, y, xLabel: clip(section.predictedLabel, 60), yLabel: clip(section.observedLabel, 40), yTicks: 5 });
      const from = Math.max(xd[0], yd[0]), to = Math.min(xd[1], yd[1]);
      if (from < to) svg.append(s("line", { x1: x(from), y1: y(from), x2: x(to), y2: y(to), stroke: theme.muted, "stroke-dasharray": "4 3" }));
      for (let i = 0; i < p.patients; i++) {
        const dot = s("circle", { cx: x(p.predicted[i]!), cy: y(p.observed[i]!), r: p.patients > 400 ? 3 : 4.5, fill: theme.accent, "fill-opacity": 0.65 });
        if (!scene.exporting) {
          dot.addEventListener("pointermove", (e) => showTooltip(e.clientX, e.clientY, [clip(p.names[i]!, 60), { name: "expected", value: number(p.predicted[i]) }, { name: "observed", value: number(p.observed[i]) }]));
          dot.addEventListener("pointerleave", hideTooltip);
        }
        svg.append(dot);
      }
      const explained = p.scores.find((c) => c.name.startsWith("R"));
      if (explained) svg.append(s("text", { x: f.left + 10, y: f.top + 14, "font-size": 13, "font-weight": 600, fill: theme.text, stroke: theme.background, "stroke-width": 3, "paint-order": "stroke" }, `R\u00b2 ${number(explained.value)}`));
      svg.append(s("text", { x: f.left + 10, y: f.top + 31, "font-size": 12, fill: theme.muted, stroke: theme.background, "stroke-width": 3, "paint-order": "stroke" }, `${p.title}, ${p.patients} patients`));
    },
  });
}
