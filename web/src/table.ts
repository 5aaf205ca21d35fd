// A table with search, sorting and download.

import { extent } from "./axes";
import { open, type Column, type Table } from "./data";
import { button, clip, download, fileName, h, on } from "./dom";
import { difference, integer, percent, probability } from "./format";

interface OpenColumn extends Column {
  values: string[] | Float64Array;
}

export interface TableOptions {
  title: string;
  sortBy?: string;
  descending?: boolean;
  /** Column that search looks at; all text columns when left out. */
  search?: boolean;
  rowClick?: (row: number) => void;
  rowLabel?: string;
  only?: string[];
  page?: number;
}

export class DataTable {
  readonly element: HTMLElement;
  rows: number;
  private readonly body = h("tbody");
  private readonly status = h("p", { class: "table-status", "aria-live": "polite" });
  private readonly more: HTMLButtonElement;
  private readonly headers: HTMLTableCellElement[] = [];
  private readonly lower: string[];
  private readonly whole: boolean[];
  /** Largest value of columns of differences; 0 for the others. */
  private readonly scales: number[];
  private order: number[] = [];
  private shown: number;
  private sort: { column: number; descending: boolean } | null = null;
  private query = "";
  private keep: ((row: number) => boolean) | null = null;
  private chosen: number | null = null;
  readonly columns: OpenColumn[];

  static async create(table: Table, options: TableOptions): Promise<DataTable> {
    const columns = await Promise.all(table.columns
      .filter((c) => !options.only || options.only.includes(c.key))
      .map(async (c) => ({ ...c, values: c.text ? await open(c.text) : await open(c.numbers!) })));
    return new DataTable(columns, options);
  }

  private constructor(columns: OpenColumn[], private readonly options: TableOptions) {
    this.columns = columns;
    this.rows = columns[0]?.values.length ?? 0;
    this.shown = options.page ?? 50;
    this.whole = columns.map((c) => !c.text && (c.values as Float64Array).every((v) => Number.isNaN(v) || Number.isInteger(v)));
    this.scales = columns.map((c) => {
      const [low, high] = c.text ? [0, 0] : extent(c.values as Float64Array);
      return low < 0 && high > 0 && Number.isFinite(low) ? Math.max(-low, high) : 0;
    });
    const texts = columns.filter((c) => c.text);
    this.lower = Array.from({ length: this.rows }, (_, i) => texts.map((c) => c.values[i] as string).join("\n").toLowerCase());
    const head = h("tr");
    columns.forEach((c, k) => {
      const cell = h("th", { scope: "col", class: c.text ? null : "number", "aria-sort": "none", title: c.help });
      cell.append(button(c.title, { class: "sort" }, () => this.sortBy(k, this.sort?.column === k ? !this.sort.descending : !c.text)));
      this.headers.push(cell);
      head.append(cell);
    });
    const search = on(h("input", { type: "search", placeholder: "Search\u2026", "aria-label": `Search ${options.title}`, autocomplete: "off", spellcheck: "false" }), {
      input: (e) => {
        this.query = (e.target as HTMLInputElement).value.trim().toLowerCase();
        this.shown = options.page ?? 50;
        this.update();
      },
    });
    this.more = button("Show more", {}, () => {
      this.shown += 200;
      this.render();
    });
    this.element = h("div", { class: "table-box" },
      h("div", { class: "controls" }, options.search === false ? null : search,
        button("Download CSV", { class: "small", "aria-label": `Download ${options.title} as CSV` }, () => this.save())),
      h("div", { class: "table-scroll", tabindex: 0, role: "region", "aria-label": options.title }, h("table", {}, h("caption", { class: "hidden" }, options.title), h("thead", {}, head), this.body)),
      h("div", { class: "table-foot" }, this.status, this.more));
    const k = columns.findIndex((c) => c.key === options.sortBy);
    if (k >= 0) this.sortBy(k, options.descending ?? false);
    else this.update();
  }

  /** Shows only rows that pass. */
  filter(keep: ((row: number) => boolean) | null): void {
    this.keep = keep;
    this.update();
  }

  /** Marks a row and brings it into view. */
  choose(row: number | null): void {
    this.chosen = row;
    if (row !== null) {
      const at = this.order.indexOf(row);
      if (at >= this.shown) this.shown = at + 20;
    }
    this.render();
    const line = this.body.querySelector<HTMLElement>(".chosen");
    const scroll = this.element.querySelector(".table-scroll")!;
    if (line) scroll.scrollTop = line.offsetTop - scroll.clientHeight / 2;
  }

  private sortBy(column: number, descending: boolean): void {
    this.sort = { column, descending };
    this.headers.forEach((th, k) => th.setAttribute("aria-sort", k !== column ? "none" : descending ? "descending" : "ascending"));
    this.update();
  }

  private update(): void {
    this.order = [];
    for (let i = 0; i < this.rows; i++)
      if ((!this.query || this.lower[i]!.includes(this.query)) && (!this.keep || this.keep(i))) this.order.push(i);
    if (this.sort) {
      const { values } = this.columns[this.sort.column]!, sign = this.sort.descending ? -1 : 1;
      if (Array.isArray(values)) {
        const collator = new Intl.Collator("en", { numeric: true });
        this.order.sort((a, b) => sign * collator.compare(values[a]!, values[b]!) || a - b);
      } else this.order.sort((a, b) => Number(Number.isNaN(values[a]!)) - Number(Number.isNaN(values[b]!)) || sign * (values[a]! - values[b]!) || a - b);
    }
    this.render();
  }

  private render(): void {
    const { rowClick } = this.options;
    this.body.replaceChildren(...this.order.slice(0, this.shown).map((i) => {
      const row = h("tr", { class: this.chosen === i ? "chosen" : null });
      this.columns.forEach((c, k) => {
        const text = show(c, i, this.whole[k]!, this.scales[k]!);
        const content = k === 0 && rowClick ? button(clip(text, 60), { class: "link", title: this.options.rowLabel ?? null }, () => rowClick(i)) : clip(text, 60);
        row.append(k === 0 ? h("th", { scope: "row" }, content) : h("td", { class: !c.text ? "number" : text.length > 48 ? "wrap" : null }, clip(text, text.length > 48 ? 200 : 60)));
      });
      return row;
    }));
    const n = this.order.length;
    this.status.textContent = n === 0 ? "Nothing matches." : n > this.shown ? `${integer(this.shown)} of ${integer(n)} rows` : `${integer(n)} ${n === 1 ? "row" : "rows"}`;
    this.more.hidden = n <= this.shown;
  }

  private save(): void {
    const lines = [this.columns.map((c) => quote(c.key)).join(",")];
    for (const i of this.order) lines.push(this.columns.map((c) => (c.text ? quote(c.values[i] as string) : Number.isFinite(c.values[i] as number) ? String(c.values[i]) : "")).join(","));
    download(fileName(this.options.title) + ".csv", new Blob([lines.join("\n") + "\n"], { type: "text/csv" }));
  }
}

function show(c: OpenColumn, i: number, whole: boolean, scale: number): string {
  if (c.text) return c.values[i] as string;
  const v = c.values[i] as number;
  switch (c.format) {
    case "integer": return Number.isNaN(v) ? "\u2013" : integer(v);
    case "probability": return probability(v);
    case "percent": return percent(v);
    default: return whole && !Number.isNaN(v) ? integer(v) : difference(v, scale);
  }
}

/** A spreadsheet must not take a name for a formula. */
function quote(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) && !/^[+-]?(\d|\.\d)/.test(text) ? "'" + text : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
