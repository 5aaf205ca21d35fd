import { cellsView } from "./cells";
import { readReport, type Report } from "./data";
import { button, clip, h, on } from "./dom";
import { markersView, qualityView } from "./markers";
import { outcomeView } from "./outcome";
import { pooledView } from "./pan";
import { patientsView } from "./patients";
import { setPrinting, setTheme } from "./theme";
import { contributionsView, evaluationView, genesView, runView, spotsView, summaryView, trainingView } from "./views";

interface Tab {
  id: string;
  title: string;
  make: () => HTMLElement | Promise<HTMLElement>;
}

function tabsOf(report: Report, go: (id: string) => Promise<void>): Tab[] {
  const showGene: { ask: ((gene: string) => void) | null } = { ask: null };
  const onCells = {
    known: new Set(report.cells?.genes.map((g) => g.name)),
    show: (gene: string) => void go("cells").then(() => showGene.ask?.(gene)),
  };
  const tabs: (Tab | null)[] = [
    { id: "summary", title: "Summary", make: () => summaryView(report) },
    report.patients && { id: "patients", title: "Patients", make: () => patientsView(report.patients!) },
    report.outcome && { id: "patients", title: "Patients", make: () => outcomeView(report.outcome!) },
    report.cells && { id: "cells", title: "Cells", make: () => cellsView(report.cells!, showGene) },
    report.markers && { id: "markers", title: "Marker genes", make: () => markersView(report.markers!, onCells) },
    report.quality && { id: "quality", title: "Quality", make: () => qualityView(report.quality!, report.cells?.groups ?? []) },
    report.contributions && { id: "types", title: "Cell types", make: () => contributionsView(report.contributions!, report.cells?.groups ?? []) },
    report.genes && { id: "genes", title: "Genes", make: () => genesView(report.genes!, onCells) },
    report.spots && { id: "tissue", title: "Tissue", make: () => spotsView(report.spots!) },
    report.pooled && { id: "cohorts", title: "Cohorts", make: () => pooledView(report.pooled!) },
    report.evaluation && { id: "evaluation", title: "Evaluation", make: () => evaluationView(report.evaluation!) },
    (report.training || report.trainingRuns) && { id: "training", title: "Training", make: () => trainingView(report.training ?? [], report.trainingRuns ?? []) },
    report.run && { id: "run", title: "Run", make: () => runView(report.run!) },
  ];
  return tabs.filter((t): t is Tab => t !== null);
}

async function start(): Promise<void> {
  const app = document.getElementById("app")!;
  if (typeof DecompressionStream === "undefined") {
    app.replaceChildren(h("p", {}, "This browser is too old for this report: use Chrome or Edge 80, Firefox 113, Safari 16.4 or later."));
    return;
  }
  const report = readReport();
  document.title = clip(report.title, 100);
  const made = new Map<string, Promise<void>>(), panels = new Map<string, HTMLElement>(), buttons = new Map<string, HTMLButtonElement>();
  const bar = h("div", { role: "tablist", class: "tabs", "aria-label": "Parts of the report" });
  const main = h("main", { id: "main" });

  const make = (t: Tab): Promise<void> => {
    let p = made.get(t.id);
    if (!p) {
      p = Promise.resolve().then(t.make).then((e) => void panels.get(t.id)!.append(e), (e: unknown) => {
        panels.get(t.id)!.append(h("p", { class: "card caution" }, `This part could not be shown: ${String(e)}`));
        console.error(e);
      });
      made.set(t.id, p);
    }
    return p;
  };
  const go = async (id: string, focus = false): Promise<void> => {
    const t = tabs.find((x) => x.id === id) ?? tabs[0]!;
    for (const x of tabs) {
      const active = x === t, b = buttons.get(x.id)!;
      b.setAttribute("aria-selected", String(active));
      b.tabIndex = active ? 0 : -1;
      panels.get(x.id)!.classList.toggle("active", active);
      if (active && focus) b.focus();
      if (active && bar.scrollWidth > bar.clientWidth) bar.scrollLeft = b.offsetLeft - bar.clientWidth / 2 + b.clientWidth / 2;
    }
    if (location.hash.slice(1) !== t.id) history.replaceState(null, "", "#" + t.id);
    await make(t);
  };
  const tabs = tabsOf(report, go);
  tabs.forEach((t, k) => {
    const b = button(t.title, { role: "tab", id: "tab-" + t.id, "aria-controls": "panel-" + t.id, "aria-selected": "false", tabindex: -1 }, () => void go(t.id));
    on(b, {
      keydown: (e) => {
        const next = { ArrowRight: k + 1, ArrowLeft: k - 1, Home: 0, End: tabs.length - 1 }[e.key];
        if (next === undefined) return;
        e.preventDefault();
        void go(tabs[(next + tabs.length) % tabs.length]!.id, true);
      },
    });
    buttons.set(t.id, b);
    bar.append(b);
    const panel = h("section", { role: "tabpanel", class: "panel", id: "panel-" + t.id, "aria-labelledby": "tab-" + t.id }, h("h2", {}, t.title));
    panels.set(t.id, panel);
    main.append(panel);
  });
  const theme = h("select", { "aria-label": "Colours" }, h("option", { value: "auto" }, "auto"), h("option", { value: "light" }, "light"), h("option", { value: "dark" }, "dark"));
  on(theme, { change: () => setTheme(theme.value as "auto" | "light" | "dark") });
  const all = async (): Promise<void> => {
    document.body.classList.add("all");
    for (const t of tabs) await make(t);
  };
  app.replaceChildren(
    h("a", { class: "skip", href: "#main" }, "Skip to the content"),
    h("header", {}, h("div", { class: "title" }, h("h1", {}, clip(report.title, 160)), report.subtitle ? h("p", {}, clip(report.subtitle, 300)) : null),
      h("div", { class: "tools" }, h("label", { class: "field" }, h("span", {}, "colours"), theme), button("Print", { class: "small" }, () => void all().then(() => new Promise((r) => setTimeout(r, 600))).then(() => print())))),
    bar, main,
    h("footer", {}, `Made by cellcast ${report.version}. This file is complete: it loads nothing and sends nothing.`));
  // Parts that are already open are printed; the Print button opens all.
  addEventListener("beforeprint", () => setPrinting(true));
  addEventListener("afterprint", () => {
    setPrinting(false);
    document.body.classList.remove("all");
  });
  addEventListener("hashchange", () => void go(location.hash.slice(1)));
  await go(location.hash.slice(1) || "summary");
  document.documentElement.dataset.ready = "true";
}

void start();
