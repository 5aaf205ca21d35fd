// One function per tab.

import { drawAxes, leftMargin, linear } from "./axes";
import { cellsPicture } from "./cells";
import { byGroup, byValues, type Coloring } from "./coloring";
import { open, type ContributionSection, type EvaluationSection, type GeneSection, type Group, type Report, type RunSection, type SpotSection, type TrainingRuns, type TrainingStage } from "./data";
import { Distributions } from "./distributions";
import { clip, h, on, s, select } from "./dom";
import { Figure } from "./figure";
import { bytes, integer, number, percent, probability, seconds } from "./format";
import { linePlot } from "./lineplot";
import { outcomePicture } from "./outcome";
import { Scatter } from "./scatter";
import { intervalsFigure } from "./intervals";
import { SurvivalPlot } from "./survivalplot";
import { DataTable } from "./table";
import { categoryColor, css, light, ramp, type Theme } from "./theme";
import { hideTooltip, showTooltip } from "./tooltip";

/** More cells than these wait for their own tab, so that the first page opens at once. */
const mostOnFirstPage = 20_000;

export async function summaryView(report: Report): Promise<HTMLElement> {
  const { numbers, findings, cautions } = report.summary;
  const pictures: HTMLElement[] = [];
  if (report.patients) {
    const part = report.patients.parts[0]!, plot = new SurvivalPlot(`Survival of ${part.title.toLowerCase()}`, report.patients.timeLabel, null, []);
    await plot.show(part);
    pictures.push(plot.figure.element);
  }
  if (report.outcome) pictures.push(await outcomePicture(report.outcome));
  if (report.contributions?.groupings[0]?.items.length) pictures.push((await distributions(report.contributions, report.cells?.groups ?? [], false)).element);
  if (report.evaluation?.robustness) pictures.push(robustnessFigure(report.evaluation.robustness).element);
  if (pictures.length < 2 && report.cells && report.cells.count <= mostOnFirstPage) pictures.push((await cellsPicture(report.cells, report.evaluation ? 2 : 0)).element);
  return h("div", { class: "view" },
    h("dl", { class: "numbers" }, ...numbers.map((n) => h("div", {}, h("dt", {}, n.label), h("dd", {}, n.value), n.note ? h("dd", { class: "note" }, n.note) : null))),
    findings.length ? h("section", { class: "card" }, h("h3", {}, "What was found"), h("ul", { class: "findings" }, ...findings.map((f) => h("li", {}, clip(f, 600))))) : null,
    cautions.length ? h("section", { class: "card caution" }, h("h3", {}, "Read with care"), h("ul", { class: "findings" }, ...cautions.map((f) => h("li", {}, clip(f, 600))))) : null,
    pictures.length ? h("div", { class: "pair" }, ...pictures) : null);
}

export async function contributionsView(section: ContributionSection, groups: Group[]): Promise<HTMLElement> {
  const view = h("div", { class: "view" });
  if (section.groupings.length) view.append((await distributions(section, groups, true)).element);
  if (section.intervals?.items.length) view.append(intervalsFigure({
    title: "How sure the cell types are", note: section.intervals.note, xLabel: section.intervals.label, reference: 0,
    items: section.intervals.items.map((i) => ({ ...i, strong: i.interval.lower > 0 || i.interval.upper < 0 })),
  }).element);
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
  const plot = new Distributions(`Contribution per ${section.groupings[0]!.name}`, "Violin: distribution of the cells; box: middle half; thick line: median; dashed: median of all cells. " + section.note,
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
    title: section.title, sortBy: section.yColumn, descending: true, rowLabel: "Show this gene in the picture", rowClick: (row) => pick(row, true),
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
    legend: (theme) => ({ bar: { colors: theme.diverging, label: section.colorLabel, ticks: [{ at: 0, text: "\u22121" }, { at: 0.5, text: "0" }, { at: 1, text: "1" }] } }),
    tooltip: (i) => [names[i]!, { name: section.yLabel, value: number(y[i]) }, { name: section.xLabel, value: number(x[i]) }, ...(q ? [{ name: "q", value: probability(q[i]) }] : [])],
    click: (i) => pick(i, false),
  });
  return h("div", { class: "view" }, scatter.figure.element, picked, h("section", { class: "card" }, h("h3", {}, section.title), table.element));
}

/** The few genes worth a name: the ends of the correlation. */
function extremes(y: Float64Array, x: Float64Array, positive: boolean): number[] {
  const order = Array.from(y, (_, i) => i).filter((i) => !Number.isNaN(y[i]!) && (!positive || x[i]! > 0)).sort((a, b) => y[b]! - y[a]!);
  return [...new Set([...order.slice(0, 5), ...order.slice(-5)])];
}

export async function spotsView(section: SpotSection): Promise<HTMLElement> {
  const names = await open(section.names), x = await open(section.x), y = await open(section.y);
  const sources = [
    ...section.values.map((v) => ({ text: v.name, group: "Numbers", load: () => byValues(v) })),
    ...section.groups.map((g) => ({ text: g.name, group: "Groups", load: () => byGroup(g, () => scatter.refresh()) })),
  ];
  // A picture of tissue is bright in every theme.
  const ground = (theme: Theme): Theme => (section.image ? light : theme);
  let coloring: Coloring = await sources[0]!.load(), opacity = section.image ? 0.85 : 1;
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
      section.image ? h("label", { class: "field" }, h("span", {}, "opacity"), slider) : h("span", { class: "hidden" }),
    ],
    x, y, xLabel: "", yLabel: "", equal: true, downwards: true, image: section.image, diameter: section.diameter, tall: 700,
    color: (theme) => coloring.color(ground(theme)),
    opacity: () => opacity,
    priority: () => coloring.priority,
    legend: (theme) => coloring.legend(ground(theme)),
    tooltip: (i) => [names[i]!, { name: coloring.name, value: coloring.value(i) }, ...(coloring === hazard ? [] : [{ name: hazard.name, value: hazard.value(i) }])],
  });
  return h("div", { class: "view" }, h("p", { class: "lead" }, `${integer(section.count)} spots. ${section.lead ?? ""}`), scatter.figure.element,
    section.genes ? h("section", { class: "card" }, h("h3", {}, "Genes that follow it over the spots"), h("p", { class: "hint" }, `Both ends of the list; all genes are in spot_genes.csv. ${section.genes.columns.some((c) => c.key === "pearson_q") ? "Neighbouring spots are alike: q counts them for as many as they are worth." : "Neighbouring spots are alike, so take the order, not the size, for evidence."}`),
      (await DataTable.create(section.genes, { title: "Genes over the spots", sortBy: "pearson", descending: true, page: 25 })).element) : null);
}

export async function trainingView(stages: TrainingStage[], runs: TrainingRuns[]): Promise<HTMLElement> {
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
  for (const t of runs) {
    const lines = await Promise.all(t.runs.map(async (r) => ({ label: r.name, x: await open(r.epoch), y: await open(r.values) })));
    // Beyond what a legend can tell apart, runs are drawn alike and only hovering names them.
    const many = lines.length > 12;
    view.append(linePlot({ title: t.title, note: t.note, xLabel: "epoch", yLabel: t.yLabel, named: !many, series: lines.map((l, k) => ({ ...l, faint: many, color: (theme) => (many ? theme.accent : categoryColor(theme, k)) })) }).element);
  }
  return view;
}

export async function evaluationView(section: EvaluationSection): Promise<HTMLElement> {
  const view = h("div", { class: "view" });
  if (section.note) view.append(h("p", { class: "lead" }, section.note));
  if (section.summary) view.append(h("section", { class: "card" }, h("h3", {}, "Model and baselines"), (await DataTable.create(section.summary, { title: "Model and baselines", search: false })).element));
  if (section.classScores) view.append(classFigure(section.classScores).element);
  if (section.robustness) view.append(robustnessFigure(section.robustness).element);
  if (section.confusions.length) view.append(h("div", { class: section.confusions[0]!.labels.length > 14 ? "view" : "pair" }, ...section.confusions.map((c) => confusionFigure(c).element)));
  return view;
}

function robustnessFigure(r: NonNullable<EvaluationSection["robustness"]>): Figure {
  return linePlot({
    title: `${r.yLabel} with missing genes`, note: "Mean over tests; bars: standard deviation. The thick line is the model.", xLabel: r.xLabel, yLabel: r.yLabel, height: 360,
    series: r.models.map((m, k) => ({ label: m.name, x: m.x, y: m.mean, error: m.sd, dots: true, width: k === 0 ? 3 : 1.8, color: (t) => categoryColor(t, k) })),
  });
}

function classFigure(scores: NonNullable<EvaluationSection["classScores"]>): Figure {
  const step = 15 * scores.models.length + 14;
  // Scores crowd at the upper end: the axis begins at the lowest tenth that is needed.
  const lowest = Math.min(0.9, Math.max(0, Math.floor(Math.min(...scores.models.flatMap((m) => m.mean.map((v, i) => v - (m.sd[i] ?? 0))).filter(Number.isFinite)) * 10 - 0.3) / 10));
  return new Figure({
    title: `${scores.name} per class`,
    description: () => scores.classes.map((c, i) => `${c}: ${number(scores.models[0]!.mean[i])}`).join("; "),
    height: () => 56 + scores.classes.length * step,
    legend: (theme) => ({ entries: scores.models.map((m, k) => ({ label: m.name, color: categoryColor(theme, k), mark: "dot" })) }),
    draw: (scene) => {
      const { svg, theme, width, height } = scene, left = leftMargin(scores.classes.map((c) => clip(c, 24)), false) + 8, right = width - 20, bottom = height - 44, x = linear([lowest, 1], [left, right]);
      drawAxes(scene, { left, right, top: 6, bottom }, { x, xLabel: scores.name });
      scores.classes.forEach((c, i) => {
        const top = 10 + i * step;
        svg.append(s("text", { x: left - 8, y: top + (step - 14) / 2 + 4, "text-anchor": "end", "font-size": 12, fill: theme.text }, clip(c, 24)));
        scores.models.forEach((m, k) => {
          const y = top + k * 15 + 7, v = m.mean[i]!, sd = m.sd[i] ?? 0, color = categoryColor(theme, k);
          svg.append(s("line", { x1: x(Math.max(lowest, v - sd)), x2: x(Math.min(1, v + sd)), y1: y, y2: y, stroke: color, "stroke-width": 2, "stroke-opacity": 0.6 }));
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
