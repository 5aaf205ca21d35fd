import { quantile } from "./axes";
import { byGene, byGroup, byValues, type Coloring } from "./coloring";
import { open, type CellSection } from "./data";
import { clip, h, on, select } from "./dom";
import { integer } from "./format";
import type { Label } from "./labels";
import { Scatter } from "./scatter";

/** Cells on an embedding, coloured by what the user chooses. */
export async function cellsView(section: CellSection, showGene: { ask: ((gene: string) => void) | null }): Promise<HTMLElement> {
  const names = await open(section.names);
  const embeddings = await Promise.all(section.embeddings.map(async (e) => ({ ...e, xs: await open(e.x), ys: await open(e.y) })));
  let embedding = embeddings[0]!;
  const sources: { text: string; group: string; load: () => Promise<Coloring> }[] = [
    ...section.values.map((v) => ({ text: v.name, group: "Numbers", load: () => byValues(v) })),
    ...section.groups.map((g) => ({ text: g.name, group: "Groups", load: () => byGroup(g, () => scatter.refresh(), () => embedding.xs) })),
  ];
  const always = await Promise.all([...section.values.slice(0, 1).map(byValues), ...section.groups.slice(0, 3).map((g) => byGroup(g, () => {}))]);
  const first = section.groupsFirst && section.groups.length ? section.values.length : 0;
  let coloring = await sources[first]!.load(), labelled = true;
  // Names of the first groups orient the reader, whatever the colour shows.
  const orientation = section.groups[0] ? await byGroup(section.groups[0], () => {}) : null;

  const choose = async (next: Promise<Coloring>): Promise<void> => {
    coloring = await next;
    scatter.figure.setTitle(titleOf());
    scatter.refresh();
  };
  const colorBox = select("Colour by", sources.map((o) => ({ text: o.text, group: o.group })), first, (i) => {
    geneBox.value = "";
    void choose(sources[i]!.load());
  });
  const list = h("datalist", { id: "gene-names" }, ...section.genes.map((g) => h("option", { value: g.name.slice(0, 200) })));
  const geneBox = h("input", { type: "search", list: "gene-names", placeholder: `one of ${section.genes.length} genes`, "aria-label": "Colour by gene", spellcheck: "false", autocomplete: "off", size: 16 });
  const byName = (name: string): boolean => {
    const wanted = name.trim().toLowerCase(), gene = section.genes.find((g) => g.name.toLowerCase() === wanted || g.name.slice(0, 200).toLowerCase() === wanted);
    if (gene) void choose(byGene(gene));
    geneBox.classList.toggle("unknown", wanted !== "" && !gene && !section.genes.some((g) => g.name.toLowerCase().startsWith(wanted)));
    return gene !== undefined;
  };
  on(geneBox, {
    input: () => {
      byName(geneBox.value);
      if (geneBox.value === "") void choose(sources[Number(colorBox.querySelector("select")!.value)]!.load());
    },
  });
  const labelBox = h("input", { type: "checkbox", checked: true });
  on(labelBox, {
    change: () => {
      labelled = labelBox.checked;
      scatter.figure.redraw();
    },
  });
  const titleOf = (): string => `${capital(section.kind)} by ${clip(coloring.name, 60)}`;
  const noteOf = (): string => [embedding.note, section.sampleNote, "Drag to move, Ctrl + wheel or + and \u2212 to zoom, arrow keys to read single cells."].filter(Boolean).join(" ");
  const scatter = new Scatter({
    title: titleOf(),
    note: noteOf(),
    description: () => `${names.length} cells on ${embedding.name}, coloured by ${coloring.name}`,
    controls: [
      embeddings.length > 1 ? select("Embedding", embeddings.map((e) => ({ text: e.name })), 0, (i) => {
        embedding = embeddings[i]!;
        scatter.figure.setNote(noteOf());
        scatter.move(embedding.xs, embedding.ys, embedding.xLabel, embedding.yLabel);
      }) : h("span", { class: "hidden" }),
      colorBox,
      section.genes.length ? h("label", { class: "field" }, h("span", {}, "or gene"), geneBox, list) : h("span", { class: "hidden" }),
      orientation ? h("label", { class: "check" }, labelBox, "names") : h("span", { class: "hidden" }),
    ],
    x: embedding.xs, y: embedding.ys, xLabel: embedding.xLabel, yLabel: embedding.yLabel,
    tall: 640,
    color: (theme) => coloring.color(theme),
    priority: () => coloring.priority,
    labels: () => (labelled ? middles(coloring.group ?? orientation?.group ?? null, embedding.xs, embedding.ys) : []),
    legend: (theme) => coloring.legend(theme),
    tooltip: (i) => [
      names[i]!,
      ...(always.some((a) => a.name === coloring.name) ? [] : [{ name: coloring.name, value: coloring.value(i) }]),
      ...always.map((a) => ({ name: a.name, value: a.value(i) })),
    ],
  });
  showGene.ask = (gene) => {
    geneBox.value = gene.slice(0, 200);
    byName(gene);
  };
  return h("div", { class: "view" }, h("p", { class: "lead" }, `${integer(section.count)} ${section.kind}`, section.sampleNote ? `, ${integer(names.length)} drawn` : "", "."), scatter.figure.element);
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The cells by one of their groups, to look at only. */
export async function cellsPicture(section: CellSection, group: number): Promise<Scatter["figure"]> {
  const e = section.embeddings[0]!, x = await open(e.x), y = await open(e.y), names = await open(section.names), g = section.groups[Math.min(group, section.groups.length - 1)];
  const coloring = g ? await byGroup(g, () => scatter.refresh(), () => x) : await byValues(section.values[0]!);
  const scatter = new Scatter({
    title: `${capital(section.kind)} by ${clip(coloring.name, 60)}`, note: e.note,
    description: () => `${names.length} ${section.kind} on ${e.name}, coloured by ${coloring.name}`,
    x, y, xLabel: e.xLabel, yLabel: e.yLabel, tall: 460, color: (theme) => coloring.color(theme), priority: () => coloring.priority,
    labels: () => middles(coloring.group && coloring.group.labels.length > 2 ? coloring.group : null, x, y), legend: (theme) => coloring.legend(theme), tooltip: (i) => [names[i]!, { name: coloring.name, value: coloring.value(i) }],
  });
  return scatter.figure;
}

/** Where the name of each group would be best: at its point that is nearest to the medians of its coordinates. */
function middles(group: Coloring["group"], x: Float32Array, y: Float32Array): Label[] {
  if (!group || group.labels.length > 40) return [];
  const members: number[][] = group.labels.map(() => []);
  for (let i = 0; i < x.length; i++) if (group.codes[i]! >= 0 && !Number.isNaN(x[i]!)) members[group.codes[i]!]!.push(i);
  return members.flatMap((m, key) => {
    if (m.length === 0 || group.hidden.has(key)) return [];
    const mx = quantile(m.map((i) => x[i]!), 0.5), my = quantile(m.map((i) => y[i]!), 0.5), from = (i: number): number => (x[i]! - mx) ** 2 + (y[i]! - my) ** 2;
    const i = m.reduce((best, j) => (from(j) < from(best) ? j : best));
    return [{ text: group.labels[key]!, at: [x[i]!, y[i]!], group: { codes: group.codes, key } }];
  });
}
