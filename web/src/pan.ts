// Several cohorts put together: what all say of a cell type or gene, and each of them.

import type { Forest, PooledKind, PooledSection } from "./data";
import { clip, h, select } from "./dom";
import type { Figure } from "./figure";
import { percent } from "./format";
import { intervalsFigure } from "./intervals";
import { DataTable } from "./table";

/** Means that the overview shows: the most adverse and the most favourable ones. */
const mostInOverview = 40;

export async function pooledView(section: PooledSection): Promise<HTMLElement> {
  const view = h("div", { class: "view" }, h("section", { class: "card" }, h("h3", {}, "Cohorts"), h("p", {}, section.note), (await DataTable.create(section.cohorts, { title: "Cohorts", search: false })).element));
  for (const kind of section.kinds) view.append(...(await kindOf(kind)));
  return view;
}

async function kindOf(kind: PooledKind): Promise<HTMLElement[]> {
  const parts: HTMLElement[] = [], place = h("div", {});
  const show = (k: number): void => place.replaceChildren(forestFigure(kind, kind.forests[k]!).element);
  const choose = select("Show", kind.forests.map((f) => ({ text: clip(f.name, 60) })), 0, show), list = choose.querySelector("select")!;
  if (kind.forests.length > 1) parts.push(overview(kind).element);
  if (kind.forests.length) {
    show(0);
    parts.push(h("section", { class: "card" }, h("h3", {}, `${kind.title}: each cohort`), choose, place));
  }
  const known = new Map(kind.forests.map((f, k) => [f.name, k]));
  const table = await DataTable.create(kind.table, {
    title: kind.title, rowLabel: "Show the cohorts",
    rowClick: (row) => {
      const at = known.get((table.columns[0]!.values as string[])[row]!);
      if (at === undefined) return;
      list.value = String(at);
      show(at);
    },
  });
  parts.push(h("section", { class: "card" }, h("h3", {}, kind.title), table.element));
  return parts;
}

function overview(kind: PooledKind): Figure {
  const half = mostInOverview / 2, all = kind.forests, shown = all.length > mostInOverview ? [...all.slice(0, half), ...all.slice(-half)] : all;
  return intervalsFigure({
    title: `${kind.title} over all cohorts`, note: `Mean effect with its 95 % interval; coloured where q is below the level and no single cohort decides.${shown.length < all.length ? ` The ${half} most adverse and the ${half} most favourable of ${all.length}.` : ""}`,
    xLabel: kind.label, reference: 0,
    items: shown.map((f) => ({ name: f.name, interval: f.mean, strong: f.called })),
  });
}

function forestFigure(kind: PooledKind, forest: Forest): Figure {
  return intervalsFigure({
    title: forest.name, note: forest.note, xLabel: kind.label, reference: 0,
    items: [
      ...forest.cohorts.map((c) => ({ name: c.name, interval: c.interval, strong: false, more: [{ name: "weight", value: percent(c.weight) }] })),
      { name: "mean", interval: forest.mean, strong: true, bold: true },
      ...(forest.prediction ? [{ name: "a further cohort", interval: forest.prediction, strong: false }] : []),
    ],
  });
}
