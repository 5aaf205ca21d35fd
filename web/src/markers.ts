// Marker genes: which groups express them, and the table.

import { drawAxes, linear } from "./axes";
import type { MarkerSection, QualitySection, Group } from "./data";
import { open } from "./data";
import { Distributions } from "./distributions";
import { clip, h, s, select } from "./dom";
import { Figure, type Scene } from "./figure";
import { number, percent } from "./format";
import { DataTable } from "./table";
import { categoryColor, css, ramp } from "./theme";
import { hideTooltip, showTooltip } from "./tooltip";

export async function markersView(section: MarkerSection, onCells: { known: Set<string>; show: (gene: string) => void }): Promise<HTMLElement> {
  const view = h("div", { class: "view" });
  if (section.clusters) view.append(h("section", { class: "card" }, h("h3", {}, "Clusters"), (await DataTable.create(section.clusters, { title: "Clusters", search: false })).element));
  for (const ranking of section.rankings) {
    if (ranking.dots) view.append(await dotsFigure(ranking.name, ranking.dots));
    const picked = h("div", { class: "picked", "aria-live": "polite" });
    const table = await DataTable.create(ranking.table, {
      title: `Marker genes of ${ranking.name}`, rowLabel: "Show this gene on the cells",
      rowClick: (row) => {
        const gene = genes[row]!;
        table.choose(row);
        if (onCells.known.has(gene)) onCells.show(gene);
        else picked.textContent = `${clip(gene, 60)} is not among the genes that this file carries for the picture of the cells.`;
      },
    });
    const genes = table.columns.find((c) => c.key === "gene")!.values as string[], groups = table.columns.find((c) => c.key === "group")!.values as string[];
    const names = [...new Set(groups)];
    const chooser = select("Group", [{ text: "all" }, ...names.map((n) => ({ text: clip(n, 60) }))], 0, (i) => table.filter(i === 0 ? null : (row) => groups[row] === names[i - 1]));
    view.append(h("section", { class: "card" }, h("h3", {}, `Marker genes of ${clip(ranking.name, 60)}`), h("div", { class: "controls" }, chooser), picked, table.element));
  }
  if (section.note) view.append(h("p", { class: "hint" }, section.note));
  return view;
}

/** Genes down, groups across: size is the share of the cells that express the gene, colour how strongly. */
async function dotsFigure(name: string, dots: NonNullable<MarkerSection["rankings"][number]["dots"]>): Promise<HTMLElement> {
  const shares = await open(dots.shares), means = await open(dots.means), n = dots.groups.length, step = 17;
  const top = 30 + Math.min(16, Math.max(0, ...dots.groups.map((g) => g.length))) * 4.6;
  const highest = dots.genes.map((_, g) => Math.max(1e-9, ...dots.groups.map((_, k) => means[g * n + k]!)));
  const figure = new Figure({
    title: `Marker genes of ${clip(name, 60)}`,
    note: "Size: share of the cells of the group that express the gene. Colour: mean logarithmic expression, relative to the group that has most of it.",
    description: () => dots.genes.map((gene, g) => `${gene}: most in ${dots.groups[dots.groups.reduce((best, _, k) => (means[g * n + k]! > means[g * n + best]! ? k : best), 0)]!}`).join("; "),
    height: () => top + dots.genes.length * step + 12,
    legend: (theme) => ({ bar: { colors: theme.sequential, label: "mean expression relative to the highest group", ticks: [{ at: 0, text: "0" }, { at: 1, text: "1" }] } }),
    draw: (scene: Scene) => {
      const { svg, theme, width } = scene, left = Math.min(130, 20 + Math.max(0, ...dots.genes.map((g) => clip(g, 16).length)) * 7), across = Math.min(64, (width - left - 46) / n), colors = ramp(theme.sequential);
      dots.groups.forEach((group, k) => {
        const x = left + across * (k + 0.5);
        svg.append(s("text", { transform: `translate(${x} ${top - 8}) rotate(-50)`, "font-size": 11, fill: theme.text }, clip(group, 16)));
      });
      dots.genes.forEach((gene, g) => {
        const y = top + step * (g + 0.5);
        if (g % 2 === 0) svg.append(s("rect", { x: left, y: y - step / 2, width: across * n, height: step, fill: theme.text, "fill-opacity": 0.035 }));
        svg.append(s("text", { x: left - 6, y: y + 4, "text-anchor": "end", "font-size": 11, fill: theme.text }, clip(gene, 16)));
        dots.groups.forEach((group, k) => {
          const share = shares[g * n + k]!, mean = means[g * n + k]!, x = left + across * (k + 0.5), radius = Math.sqrt(share) * Math.min(7.5, across * 0.48);
          if (radius > 0.4) svg.append(s("circle", { cx: x, cy: y, r: radius, fill: css(colors[Math.round((mean / highest[g]!) * 255)]!), stroke: theme.muted, "stroke-width": 0.4 }));
          if (scene.exporting) return;
          const target = s("rect", { x: x - across / 2, y: y - step / 2, width: across, height: step, fill: "transparent" });
          target.addEventListener("pointermove", (e) => showTooltip(e.clientX, e.clientY, [clip(gene, 30), { name: "group", value: clip(group, 30) }, { name: "cells that express it", value: percent(share) }, { name: "mean expression", value: number(mean) }]));
          target.addEventListener("pointerleave", hideTooltip);
          svg.append(target);
        });
      });
    },
  });
  return figure.element;
}

/** How the quality of cells spreads within groups, one metric at a time. */
export async function qualityView(section: QualitySection, groups: Group[]): Promise<HTMLElement> {
  let metric = section.metrics[0]!, grouping = 0;
  const controls = [
    select("Show", section.metrics.map((m) => ({ text: m.name })), 0, (i) => {
      metric = section.metrics[i]!;
      void show();
    }),
    ...(metric.groupings.length > 1 ? [select("Group cells by", metric.groupings.map((g) => ({ text: g.name })), 0, (i) => {
      grouping = i;
      void show();
    })] : []),
  ];
  const holder = h("div");
  const show = async (): Promise<void> => {
    const g = metric.groupings[grouping]!, labels = groups.find((o) => o.name === g.name)?.labels ?? g.items.map((d) => d.label);
    const plot = new Distributions(`${clip(metric.name.charAt(0).toUpperCase() + metric.name.slice(1), 60)} per ${clip(g.name, 60)}`, "Violin: distribution of the cells; box: middle half; thick line: median; dashed: median of all cells.", metric.label, metric.median, controls);
    holder.replaceChildren(plot.figure.element);
    await plot.show(g.items, (theme, i) => categoryColor(theme, labels.indexOf(g.items[i]!.label)));
  };
  await show();
  const view = h("div", { class: "view" });
  if (section.note) view.append(h("p", { class: "lead" }, section.note));
  view.append(holder);
  if (section.variance) view.append(await varianceFigure(section.variance));
  return view;
}

/** Share of the variance that each principal component holds. */
async function varianceFigure(packed: NonNullable<QualitySection["variance"]>): Promise<HTMLElement> {
  const share = await open(packed);
  return new Figure({
    title: "Variance of the principal components", note: "Components beyond the bend hold noise for the most part.",
    description: () => Array.from(share.slice(0, 10), (v, k) => `component ${k + 1}: ${percent(v)}`).join("; "),
    height: () => 260,
    draw: (scene: Scene) => {
      const { svg, theme, width, height } = scene, frame = { left: 62, right: width - 20, top: 12, bottom: height - 44 };
      const x = linear([0.5, share.length + 0.5], [frame.left, frame.right]), y = linear([0, Math.max(...share)], [frame.bottom, frame.top]);
      drawAxes(scene, frame, { x, y, xLabel: "component", yLabel: "share of the variance", yFormat: (v: number) => percent(v), xTicks: 8, yTicks: 5 });
      share.forEach((v, k) => svg.append(s("circle", { cx: x(k + 1), cy: y(v), r: 3.2, fill: theme.accent })));
    },
  }).element;
}
