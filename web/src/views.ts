// One function per tab.

import { drawAxes, leftMargin, linear } from "./axes";
import { byGroup, byValues, type Coloring } from "./coloring";
import { open, type ContributionSection, type EvaluationSection, type GeneSection, type Group, type PatientPart, type PatientSection, type Report, type RunSection, type SpotSection, type TrainingStage } from "./data";
import { Distributions } from "./distributions";
import { clip, h, on, s, select } from "./dom";
import { Figure, type Scene } from "./figure";
import { bytes, integer, number, pEquals, percent, probability, seconds } from "./format";
import { linePlot } from "./lineplot";
import { Scatter } from "./scatter";
import { SurvivalPlot } from "./survivalplot";
import { DataTable } from "./table";
import { categoryColor, css, light, ramp, type Theme } from "./theme";
import { hideTooltip, showTooltip } from "./tooltip";

export async function summaryView(report: Report): Promise<HTMLElement> {
  const { numbers, findings, cautions } = report.summary;
  const pictures: HTMLElement[] = [];
  if (report.patients) {
    const part = report.patients.parts[0]!, plot = new SurvivalPlot(`Survival of ${part.title.toLowerCase()}`, report.patients.timeLabel, null, []);
    await plot.show(part);
    pictures.push(plot.figure.element);
  }
  if (report.contributions?.groupings[0]?.items.length) pictures.push((await distributions(report.contributions, report.cells?.groups ?? [], false)).element);
  return h("div", { class: "view" },
    h("dl", { class: "numbers" }, ...numbers.map((n) => h("div", {}, h("dt", {}, n.label), h("dd", {}, n.value), n.note ? h("dd", { class: "note" }, n.note) : null))),
    findings.length ? h("section", { class: "card" }, h("h3", {}, "What was found"), h("ul", { class: "findings" }, ...findings.map((f) => h("li", {}, clip(f, 600))))) : null,
    cautions.length ? h("section", { class: "card caution" }, h("h3", {}, "Read with care"), h("ul", { class: "findings" }, ...cautions.map((f) => h("li", {}, clip(f, 600))))) : null,
    pictures.length ? h("div", { class: "pair" }, ...pictures) : null);
}

export async function contributionsView(section: ContributionSection, groups: Group[]): Promise<HTMLElement> {
  const view = h("div", { class: "view" });
  if (section.groupings.length) view.append((await distributions(section, groups, true)).element);
  if (section.table) view.append(h("section", { class: "card" }, h("h3", {}, "Cell types"), (await DataTable.create(section.table, { title: "Cell types", search: section.groupings[0] ? section.groupings[0].items.length > 12 : true })).element));
  return view;
}

/** Violins of the groups of cells; with a choice of the grouping where there are several. */
async function distributions(section: ContributionSection, groups: Group[], choosable: boolean): Promise<Figure> {
  let chosen = 0;
  const controls = choosable && section.groupings.length > 1 ? [select("Group cells by", section.groupings.map((g) => ({ text: g.name })), 0, (i) => {
    chosen = i;
    void show();
  })] : [];
  const plot = new Distributions(`Contribution per ${section.groupings[0]!.name}`, "Violin: distribution of the cells; box: middle half; thick line: median; dashed: median of all cells. To the right: worse prognosis.",
    section.valueName, section.centre, controls);
  const show = async (): Promise<void> => {
    const g = section.groupings[chosen]!;
    plot.figure.setTitle(`Contribution per ${clip(g.name, 60)}`);
    // The same colours as in the picture of the cells.
    const labels = groups.find((o) => o.name === g.name)?.labels ?? g.items.map((d) => d.label);
    await plot.show(g.items, (theme, i) => categoryColor(theme, labels.indexOf(g.items[i]!.label)));
  };
  await show();
  return plot.figure;
}

export async function genesView(section: GeneSection, onCells: { known: Set<string>; show: (gene: string) => void }): Promise<HTMLElement> {
  const table = await DataTable.create(section.table, {
    title: "Prognostic genes", sortBy: section.yColumn, descending: true, rowLabel: "Show this gene in the picture", rowClick: (row) => pick(row, true),
  });
  const column = (key: string): string[] | Float64Array => table.columns.find((c) => c.key === key)!.values;
  const names = column(section.nameColumn) as string[], x = column(section.xColumn) as Float64Array, y = column(section.yColumn) as Float64Array;
  const q = section.qColumn ? (column(section.qColumn) as Float64Array) : null;
  let significant = true;
  const picked = h("div", { class: "picked", "aria-live": "polite" });
  const pick = (i: number, fromTable: boolean): void => {
    scatter.mark(i);
    if (!fromTable) table.choose(i);
    const name = names[i]!;
    picked.replaceChildren(h("b", {}, clip(name, 60)), ` ${section.yLabel} ${number(y[i])}`, q ? `, q ${probability(q[i])}` : "",
      onCells.known.has(name) ? on(h("button", { type: "button", class: "small" }, "show on cells"), { click: () => onCells.show(name) }) : "");
  };
  const box = h("input", { type: "checkbox", checked: true });
  on(box, {
    change: () => {
      significant = box.checked;
      scatter.refresh();
    },
  });
  const scatter = new Scatter({
    title: "Correlation with the contribution against expression",
    note: section.note,
    description: () => `${names.length} genes`,
    controls: q ? [h("label", { class: "check" }, box, "grey where q > 0.05")] : [],
    x, y, xLabel: section.xLabel, yLabel: section.yLabel, numbered: true, xLogarithmic: section.xLogarithmic, tall: 460,
    color: (theme) => {
      const colors = ramp(theme.diverging).map(css);
      return (i) => (Number.isNaN(y[i]!) ? null : significant && q && !(q[i]! <= 0.05) ? theme.missing : colors[Math.round((Math.max(-1, Math.min(1, y[i]!)) + 1) * 127.5)]!);
    },
    opacity: () => (names.length > 3000 ? 0.6 : 0.85),
    priority: () => (i) => Math.abs(y[i]!) || 0,
    labels: () => extremes(y, x, section.xLogarithmic).map((i) => ({ text: names[i]!, at: [x[i]!, y[i]!] })),
    legend: (theme) => ({ bar: { colors: theme.diverging, label: "correlation: negative = favourable, positive = adverse", ticks: [{ at: 0, text: "\u22121" }, { at: 0.5, text: "0" }, { at: 1, text: "1" }] } }),
    tooltip: (i) => [names[i]!, { name: section.yLabel, value: number(y[i]) }, { name: section.xLabel, value: number(x[i]) }, ...(q ? [{ name: "q", value: probability(q[i]) }] : [])],
    click: (i) => pick(i, false),
  });
  return h("div", { class: "view" }, scatter.figure.element, picked, h("section", { class: "card" }, h("h3", {}, "Prognostic genes"), table.element));
}

/** The few genes worth a name: the ends of the correlation. */
function extremes(y: Float64Array, x: Float64Array, positive: boolean): number[] {
  const order = Array.from(y, (_, i) => i).filter((i) => !Number.isNaN(y[i]!) && (!positive || x[i]! > 0)).sort((a, b) => y[b]! - y[a]!);
  return [...new Set([...order.slice(0, 5), ...order.slice(-5)])];
}

export async function patientsView(section: PatientSection): Promise<HTMLElement> {
  const parts = section.parts;
  let part = parts[0]!;
  const plot = new SurvivalPlot("Survival by risk group", section.timeLabel, section.groupNote, [segments("Patients", parts.map((p) => p.title), 0, (i) => void show(parts[i]!))]);
  const about = h("p", { class: "lead" });
  const calibration = calibrationFigure(() => part);
  const table = await DataTable.create(section.table, {
    title: "Patients", sortBy: "linear_predictor", descending: true, page: 25, rowLabel: section.prediction ? "Draw the predicted curve" : undefined,
    rowClick: section.prediction ? (row) => void predict(row) : undefined,
  });
  const predict = async (row: number): Promise<void> => {
    const p = section.prediction!, times = await open(p.times), hazard = await open(p.cumulativeHazard), eta = await open(p.linearPredictor);
    plot.overlay({ label: table.columns[0]!.values[row] as string, time: times, survival: hazard.map((v) => Math.exp(-v * Math.exp(eta[row]!))) });
    table.choose(row);
    plot.figure.element.scrollIntoView({ block: "nearest", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  };
  const show = async (p: PatientPart): Promise<void> => {
    part = p;
    const said = [`${integer(p.patients)} patients, ${integer(p.events)} events.`];
    if (p.concordance) said.push(`Concordance ${number(p.concordance.value)} (95 % ${number(p.concordance.lower)} to ${number(p.concordance.upper)}).`);
    if (p.hazardRatio) said.push(`Hazard ratio high against low risk ${number(p.hazardRatio.value)} (95 % ${number(p.hazardRatio.lower)} to ${number(p.hazardRatio.upper)}).`);
    if (p.logRank) said.push(`Log-rank ${pEquals(p.logRank.pValue)} (\u03c7\u00b2 ${number(p.logRank.statistic)}, ${p.logRank.degreesOfFreedom} df).`);
    if (p.note) said.push(p.note);
    about.textContent = said.join(" ");
    await plot.show(p);
    calibration.redraw();
  };
  await show(part);
  return h("div", { class: "view" }, about, plot.figure.element,
    h("div", { class: "pair" }, concordanceFigure(parts).element, calibration.element),
    h("section", { class: "card" }, h("h3", {}, "Patients"), section.prediction ? h("p", { class: "hint" }, "Choose a patient to draw the predicted curve.") : null, table.element));
}

function segments(label: string, names: string[], chosen: number, change: (i: number) => void): HTMLElement {
  const group = h("div", { class: "segments", role: "group", "aria-label": label });
  const buttons = names.map((n, i) => on(h("button", { type: "button", "aria-pressed": i === chosen ? "true" : "false" }, n), {
    click: () => {
      buttons.forEach((b, k) => b.setAttribute("aria-pressed", k === i ? "true" : "false"));
      change(i);
    },
  }));
  group.append(...buttons);
  return group;
}

function concordanceFigure(parts: PatientPart[]): Figure {
  const known = parts.filter((p) => p.concordance);
  return new Figure({
    title: "Concordance", note: "Share of pairs of patients whose order of death the risk tells, with its 95 % interval. 0.5 is chance. Only held-out patients show how good it is for new ones.",
    description: () => known.map((p) => `${p.title}: ${number(p.concordance!.value)}`).join("; "),
    height: () => 74 + known.length * 40,
    draw: (scene: Scene) => {
      const { svg, theme, width, height } = scene, left = Math.min(160, Math.max(126, width * 0.36)), right = width - 16, bottom = height - 44;
      const low = Math.min(0.4, ...known.map((p) => p.concordance!.lower)), high = Math.max(0.8, ...known.map((p) => p.concordance!.upper));
      const x = linear([Math.max(0, low - 0.03), Math.min(1, high + 0.03)], [left, right]);
      drawAxes(scene, { left, right, top: 8, bottom }, { x, xLabel: "concordance", xTicks: width < 420 ? 4 : 6 });
      svg.append(s("line", { x1: x(0.5), x2: x(0.5), y1: 8, y2: bottom, stroke: theme.text, "stroke-dasharray": "4 3" }));
      known.forEach((p, i) => {
        const c = p.concordance!, y = 30 + i * 40, color = p.heldOut ? theme.accent : theme.muted;
        svg.append(s("text", { x: left - 10, y: y + 4, "text-anchor": "end", "font-size": 12, "font-weight": p.heldOut ? 600 : 400, fill: theme.text }, clip(p.title, 24)),
          s("line", { x1: x(c.lower), x2: x(c.upper), y1: y, y2: y, stroke: color, "stroke-width": 2.5 }), s("circle", { cx: x(c.value), cy: y, r: 6, fill: color }),
          s("text", { x: x(c.value), y: y - 11, "text-anchor": "middle", "font-size": 11, fill: theme.muted }, number(c.value)));
        if (scene.exporting) return;
        const target = s("rect", { x: 0, y: y - 20, width, height: 40, fill: "transparent" });
        target.addEventListener("pointermove", (e) => showTooltip(e.clientX, e.clientY, [p.title, { name: "concordance", value: number(c.value) }, { name: "95 % interval", value: `${number(c.lower)} to ${number(c.upper)}` }, { name: "patients, events", value: `${p.patients}, ${p.events}` }]));
        target.addEventListener("pointerleave", hideTooltip);
        svg.append(target);
      });
    },
  });
}

function calibrationFigure(part: () => PatientPart): Figure {
  return new Figure({
    title: "Calibration", note: "Patients in groups of rising predicted survival: what was predicted against what happened (Kaplan-Meier, 95 % interval). Points on the line are right on average.",
    description: () => (part().calibration?.bins ?? []).map((b) => `predicted ${percent(b.predicted)}, observed ${percent(b.observed)}`).join("; "),
    height: (w) => Math.round(Math.min(320, Math.max(240, w * 0.8))),
    draw: (scene: Scene) => {
      const { svg, theme, width, height } = scene, c = part().calibration;
      if (!c) {
        svg.append(s("text", { x: width / 2, y: height / 2, "text-anchor": "middle", "font-size": 13, fill: theme.muted }, "Too few patients to say."));
        return;
      }
      const f = { left: 62, right: width - 24, top: 12, bottom: height - 44 }, x = linear([0, 1], [f.left, f.right]), y = linear([0, 1], [f.bottom, f.top]);
      const text = (v: number): string => Math.round(v * 100) + " %";
      drawAxes(scene, f, { x, y, xLabel: `predicted survival at ${number(c.horizon, 4)}`, yLabel: "observed", xFormat: text, yFormat: text, xTicks: 5, yTicks: 5 });
      svg.append(s("line", { x1: x(0), y1: y(0), x2: x(1), y2: y(1), stroke: theme.muted, "stroke-dasharray": "4 3" }));
      for (const b of c.bins) {
        if (b.lower !== null && b.upper !== null) svg.append(s("line", { x1: x(b.predicted), x2: x(b.predicted), y1: y(b.lower), y2: y(b.upper), stroke: theme.accent, "stroke-width": 2, "stroke-opacity": 0.6 }));
        const dot = s("circle", { cx: x(b.predicted), cy: y(b.observed), r: 6, fill: theme.accent });
        if (!scene.exporting) {
          dot.addEventListener("pointermove", (e) => showTooltip(e.clientX, e.clientY, [`${b.patients} patients`, { name: "predicted", value: percent(b.predicted) }, { name: "observed", value: percent(b.observed) }]));
          dot.addEventListener("pointerleave", hideTooltip);
        }
        svg.append(dot);
      }
      svg.append(s("text", { x: f.left + 8, y: f.top + 10, "font-size": 11, fill: theme.muted }, part().title));
    },
  });
}

export async function spotsView(section: SpotSection): Promise<HTMLElement> {
  const names = await open(section.names), x = await open(section.x), y = await open(section.y);
  const sources = [
    ...section.values.map((v) => ({ text: v.name, group: "Numbers", load: () => byValues(v) })),
    ...section.groups.map((g) => ({ text: g.name, group: "Groups", load: () => byGroup(g, () => scatter.refresh()) })),
  ];
  // A picture of tissue is bright in every theme.
  const ground = (theme: Theme): Theme => (section.image ? light : theme);
  let coloring: Coloring = await sources[0]!.load(), opacity = 0.85;
  const hazard = coloring;
  const slider = h("input", { type: "range", min: 0.1, max: 1, step: 0.05, value: opacity, "aria-label": "Opacity of the spots" });
  on(slider, {
    input: () => {
      opacity = Number(slider.value);
      scatter.refresh();
    },
  });
  const scatter = new Scatter({
    title: `Tissue by ${clip(coloring.name, 60)}`,
    note: section.sampleNote,
    description: () => `${names.length} spots coloured by ${coloring.name}`,
    controls: [
      select("Colour by", sources.map((o) => ({ text: o.text, group: o.group })), 0, async (i) => {
        coloring = await sources[i]!.load();
        scatter.figure.setTitle(`Tissue by ${clip(coloring.name, 60)}`);
        scatter.refresh();
      }),
      h("label", { class: "field" }, h("span", {}, "opacity"), slider),
    ],
    x, y, xLabel: "", yLabel: "", equal: true, downwards: true, image: section.image, diameter: section.diameter, tall: 700,
    color: (theme) => coloring.color(ground(theme)),
    opacity: () => opacity,
    priority: () => coloring.priority,
    legend: (theme) => coloring.legend(ground(theme)),
    tooltip: (i) => [names[i]!, { name: coloring.name, value: coloring.value(i) }, ...(coloring === hazard ? [] : [{ name: hazard.name, value: hazard.value(i) }])],
  });
  return h("div", { class: "view" }, h("p", { class: "lead" }, `${integer(section.count)} spots. Hazard is relative to the mean over the section: above 1 is worse.`), scatter.figure.element);
}

export async function trainingView(stages: TrainingStage[]): Promise<HTMLElement> {
  const view = h("div", { class: "view grid" });
  for (const st of stages) {
    const x = await open(st.epoch), loss = await open(st.loss), validation = await open(st.validation), mean = await open(st.runningMean);
    const title = st.title + (st.seconds === null ? "" : ` (${seconds(st.seconds)})`);
    const best = st.bestEpoch === null ? null : { x: st.bestEpoch, label: `best ${st.bestEpoch}` };
    const same = st.lossLabel === st.validationLabel;
    const training = { label: "training", x, y: loss, color: (t: { accent: string }) => t.accent };
    const held = [
      { label: "validation", x, y: validation, color: (t: { high: string }) => t.high, faint: true },
      { label: "running mean", x, y: mean, color: (t: { high: string }) => t.high, dashed: true },
    ].filter((l) => l.y.some(Number.isFinite));
    if (same) view.append(linePlot({ title, xLabel: "epoch", yLabel: st.lossLabel, series: [training, ...held], mark: best }).element);
    else {
      view.append(linePlot({ title: `${title}: ${st.lossLabel}`, xLabel: "epoch", yLabel: st.lossLabel, series: [training], mark: best }).element);
      if (held.length) view.append(linePlot({ title: `${title}: ${st.validationLabel}`, xLabel: "epoch", yLabel: st.validationLabel, series: held, mark: best }).element);
    }
  }
  return view;
}

export async function evaluationView(section: EvaluationSection): Promise<HTMLElement> {
  const view = h("div", { class: "view" });
  if (section.note) view.append(h("p", { class: "lead" }, section.note));
  if (section.summary) view.append(h("section", { class: "card" }, h("h3", {}, "Model and baselines"), (await DataTable.create(section.summary, { title: "Model and baselines", search: false })).element));
  if (section.classScores) view.append(classFigure(section.classScores).element);
  if (section.robustness) {
    const r = section.robustness;
    view.append(linePlot({ title: `${r.yLabel} with missing genes`, xLabel: r.xLabel, yLabel: r.yLabel, height: 360, series: r.models.map((m, k) => ({ label: m.name, x: m.x, y: m.mean, error: m.sd, dots: true, width: k === 0 ? 3 : 1.8, color: (t) => categoryColor(t, k) })) }).element);
  }
  for (const c of section.confusions) view.append(confusionFigure(c).element);
  return view;
}

function classFigure(scores: NonNullable<EvaluationSection["classScores"]>): Figure {
  const step = 15 * scores.models.length + 14;
  return new Figure({
    title: `${scores.name} per class`,
    description: () => scores.classes.map((c, i) => `${c}: ${number(scores.models[0]!.mean[i])}`).join("; "),
    height: () => 56 + scores.classes.length * step,
    legend: (theme) => ({ entries: scores.models.map((m, k) => ({ label: m.name, color: categoryColor(theme, k), mark: "dot" })) }),
    draw: (scene) => {
      const { svg, theme, width, height } = scene, left = leftMargin(scores.classes.map((c) => clip(c, 24)), false), right = width - 20, bottom = height - 44, x = linear([0, 1], [left, right]);
      drawAxes(scene, { left, right, top: 6, bottom }, { x, xLabel: scores.name });
      scores.classes.forEach((c, i) => {
        const top = 10 + i * step;
        svg.append(s("text", { x: left - 8, y: top + (step - 14) / 2 + 4, "text-anchor": "end", "font-size": 12, fill: theme.text }, clip(c, 24)));
        scores.models.forEach((m, k) => {
          const y = top + k * 15 + 7, v = m.mean[i]!, sd = m.sd[i] ?? 0, color = categoryColor(theme, k);
          svg.append(s("line", { x1: x(Math.max(0, v - sd)), x2: x(Math.min(1, v + sd)), y1: y, y2: y, stroke: color, "stroke-width": 2, "stroke-opacity": 0.6 }));
          const dot = s("circle", { cx: x(v), cy: y, r: 5, fill: color });
          if (!scene.exporting) {
            dot.addEventListener("pointermove", (e) => showTooltip(e.clientX, e.clientY, [c, { name: m.name, value: number(v) + (sd ? ` \u00b1 ${number(sd, 2)}` : "") }]));
            dot.addEventListener("pointerleave", hideTooltip);
          }
          svg.append(dot);
        });
      });
    },
  });
}

function confusionFigure(confusion: EvaluationSection["confusions"][number]): Figure {
  const n = confusion.labels.length, { counts } = confusion;
  const foot = 28 + Math.min(18, Math.max(0, ...confusion.labels.map((l) => l.length))) * 5;
  const rows = confusion.labels.map((_, r) => counts.slice(r * n, r * n + n).reduce((a, b) => a + b, 0));
  return new Figure({
    title: `Confusion: ${confusion.name}`, note: "Rows: given label; columns: predicted label. Colour: share of the row.",
    description: () => confusion.labels.map((l, i) => `${l}: ${percent(counts[i * n + i]! / (rows[i] || 1))} right`).join("; "),
    height: (w) => Math.max(40, Math.min(w - 110, n * 46)) + foot,
    draw: (scene) => {
      const { svg, theme, width } = scene, left = leftMargin(confusion.labels.map((l) => clip(l, 18)), true), side = Math.min((width - left - 10) / n, 46, (scene.height - foot) / n), colors = ramp(theme.sequential);
      confusion.labels.forEach((label, r) => {
        svg.append(s("text", { x: left - 6, y: 10 + r * side + side / 2 + 4, "text-anchor": "end", "font-size": 11, fill: theme.text }, clip(label, 18)),
          s("text", { transform: `translate(${left + r * side + side / 2 + 3} ${16 + n * side}) rotate(50)`, "font-size": 11, fill: theme.text }, clip(label, 18)));
        confusion.labels.forEach((other, c) => {
          const v = counts[r * n + c]!, share = rows[r] ? v / rows[r]! : 0, fill = colors[Math.round(share * 255)]!;
          const cell = s("rect", { x: left + c * side, y: 10 + r * side, width: side - 1, height: side - 1, rx: 2, fill: css(fill) });
          svg.append(cell);
          if (side > 24 && v) svg.append(s("text", { x: left + c * side + side / 2, y: 10 + r * side + side / 2 + 4, "text-anchor": "middle", "font-size": 10, "pointer-events": "none", fill: fill[0] * 0.3 + fill[1] * 0.6 + fill[2] * 0.1 > 130 ? "#111820" : "#ffffff" }, integer(v)));
          if (scene.exporting) return;
          cell.addEventListener("pointermove", (e) => showTooltip(e.clientX, e.clientY, [`${clip(label, 30)} \u2192 ${clip(other, 30)}`, { name: "cells", value: integer(v) }, { name: "of the row", value: percent(share) }]));
          cell.addEventListener("pointerleave", hideTooltip);
        });
      });
    },
  });
}

export function runView(run: RunSection): HTMLElement {
  const list = (title: string, items: { label: string; value: string }[]): HTMLElement | null => items.length === 0 ? null
    : h("section", { class: "card" }, h("h3", {}, title), h("dl", { class: "facts" }, ...items.flatMap((f) => [h("dt", {}, clip(f.label, 60)), h("dd", {}, clip(f.value, 400))])));
  return h("div", { class: "view" },
    run.warnings.length ? h("section", { class: "card caution" }, h("h3", {}, "Warnings"), h("ul", { class: "findings" }, ...run.warnings.map((w) => h("li", {}, clip(w, 1000))))) : null,
    list("Run", run.facts),
    run.command ? h("section", { class: "card" }, h("h3", {}, "Command"), h("pre", { tabindex: 0 }, clip(run.command, 4000))) : null,
    run.files.length ? h("section", { class: "card" }, h("h3", {}, "Files"), h("div", { class: "table-scroll", tabindex: 0 }, h("table", {},
      h("thead", {}, h("tr", {}, ...["role", "file", "size", "SHA-256"].map((t) => h("th", { scope: "col", class: t === "size" ? "number" : null }, t)))),
      h("tbody", {}, ...run.files.map((f) => h("tr", {}, h("th", { scope: "row" }, f.role), h("td", { class: "wrap" }, clip(f.name, 300)), h("td", { class: "number" }, f.bytes === null ? "\u2013" : bytes(f.bytes)), h("td", { class: "hash" }, f.sha256 ?? f.note ?? "\u2013"))))))) : null,
    list("Options", run.options),
    run.log.length ? h("details", { class: "card" }, h("summary", {}, "Log"), h("pre", { tabindex: 0 }, run.log.map((l) => clip(l, 2000)).join("\n"))) : null);
}
