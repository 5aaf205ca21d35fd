// A picture with a title, a legend whose entries toggle, and buttons that save it. What is saved is drawn anew, in light colours and with its legend.

import { button, clip, download, fileName, h, on, s, svgNamespace } from "./dom";
import { current, light, onThemeChange, type Theme } from "./theme";

export interface Scene {
  svg: SVGSVGElement;
  width: number;
  height: number;
  theme: Theme;
  /** True when drawing what will be saved: no listeners, everything as vectors. */
  exporting: boolean;
}

export interface LegendEntry {
  label: string;
  color: string;
  mark: "dot" | "line" | "dash";
  count?: string;
  hidden?: boolean;
  toggle?: () => void;
  /** Shows this entry alone. */
  only?: () => void;
}
export interface ColorBar {
  colors: string[];
  label: string;
  /** Position from 0 to 1 and what stands there. */
  ticks: { at: number; text: string }[];
}
export type Legend = { entries: LegendEntry[]; all?: () => void } | { bar: ColorBar };

export interface FigureSpec {
  title: string;
  /** Said to screen readers instead of the picture. */
  description: () => string;
  note?: string | null;
  height: (width: number) => number;
  draw: (scene: Scene) => void;
  legend?: (theme: Theme) => Legend | null;
  controls?: HTMLElement[];
}

const font = "system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif";
const exportWidth = 900;

export class Figure {
  readonly element: HTMLElement;
  readonly plot = h("div", { class: "plot" });
  readonly svg: SVGSVGElement;
  private readonly legendBox = h("div", { class: "legend" });
  private width = 0;
  private readonly heading: HTMLElement;
  private readonly caption: HTMLElement;

  constructor(readonly spec: FigureSpec) {
    this.svg = s("svg", { role: "img", tabindex: 0, "font-family": font });
    this.plot.append(this.svg);
    this.heading = h("h3", {}, clip(spec.title, 120));
    const save = h("div", { class: "save" },
      button("SVG", { class: "small", "aria-label": `Save ${spec.title} as SVG` }, () => this.saveSvg()),
      button("PNG", { class: "small", "aria-label": `Save ${spec.title} as PNG` }, () => void this.savePng()));
    this.caption = h("figcaption", {}, spec.note ?? "");
    this.caption.hidden = !spec.note;
    this.element = h("figure", { class: "card" },
      h("div", { class: "card-head" }, this.heading, save),
      spec.controls?.length ? h("div", { class: "controls" }, ...spec.controls) : null,
      this.plot, this.legendBox,
      this.caption);
    new ResizeObserver(() => {
      if (Math.abs(this.plot.clientWidth - this.width) > 1) this.redraw();
    }).observe(this.plot);
    onThemeChange(() => this.redraw());
  }

  setTitle(title: string): void {
    this.spec.title = title;
    this.heading.textContent = clip(title, 120);
  }

  setNote(note: string): void {
    this.caption.textContent = note;
    this.caption.hidden = note === "";
  }

  redraw(): void {
    const width = this.plot.clientWidth;
    if (width < 40) return;
    this.width = width;
    const height = this.spec.height(width), theme = current();
    this.svg.replaceChildren();
    setSize(this.svg, width, height);
    this.svg.setAttribute("aria-label", `${this.spec.title}. ${this.spec.description()}`);
    this.plot.style.height = height + "px";
    this.spec.draw({ svg: this.svg, width, height, theme, exporting: false });
    this.redrawLegend();
  }

  redrawLegend(): void {
    const legend = this.spec.legend?.(current()) ?? null;
    this.legendBox.replaceChildren();
    this.legendBox.hidden = legend === null;
    if (!legend) return;
    if ("bar" in legend) {
      const svg = s("svg", { width: 320, height: 44, viewBox: "0 0 320 44", overflow: "visible", "font-family": font, role: "img", "aria-label": legend.bar.label });
      drawColorBar(svg, legend.bar, 8, 0, 284, current());
      this.legendBox.append(svg);
      return;
    }
    const toggles = legend.entries.some((e) => e.toggle);
    for (const e of legend.entries) {
      const content = [
        h("span", { class: "mark " + e.mark, style: `--c:${e.color}` }),
        h("span", { class: "legend-label", title: e.label.length > 32 ? clip(e.label, 300) : null }, clip(e.label, 32)),
        e.count ? h("span", { class: "count" }, e.count) : null,
      ];
      if (!e.toggle) {
        this.legendBox.append(h("span", { class: "entry" }, ...content));
        continue;
      }
      const b = h("button", { type: "button", class: "entry", "aria-pressed": e.hidden ? "false" : "true", title: "Click: show or hide. Double click: show alone." }, ...content);
      this.legendBox.append(on(b, { click: () => e.toggle!(), dblclick: () => e.only?.() }));
    }
    if (toggles && legend.all) this.legendBox.append(button("show all", { class: "small quiet" }, legend.all));
  }

  /** The whole picture as an SVG document of its own. */
  compose(): SVGSVGElement {
    const theme = light, width = exportWidth, height = this.spec.height(width);
    const legend = this.spec.legend?.(theme) ?? null;
    const chart = s("svg", { y: 40 });
    setSize(chart, width, height);
    this.spec.draw({ svg: chart, width, height, theme, exporting: true });
    const root = s("svg", { "font-family": font });
    root.setAttribute("xmlns", svgNamespace);
    const background = s("rect", { fill: theme.background });
    root.append(background, s("text", { x: 16, y: 26, "font-size": 16, "font-weight": 600, fill: theme.text }, clip(this.spec.title, 100)), chart);
    let bottom = 40 + height;
    if (legend) {
      const g = s("g", { transform: `translate(0 ${bottom + 8})` });
      root.append(g);
      if ("bar" in legend) {
        drawColorBar(g, legend.bar, 24, 0, 284, theme);
        bottom += 60;
      } else bottom += drawEntries(g, legend.entries.filter((e) => !e.hidden), width, theme) + 16;
    }
    setSize(root, width, bottom);
    background.setAttribute("width", String(width));
    background.setAttribute("height", String(bottom));
    return root;
  }

  private saveSvg(): void {
    download(fileName(this.spec.title) + ".svg", new Blob([new XMLSerializer().serializeToString(this.compose())], { type: "image/svg+xml" }));
  }

  private async savePng(): Promise<void> {
    const root = this.compose(), scale = 2;
    const width = Number(root.getAttribute("width")), height = Number(root.getAttribute("height"));
    const image = new Image();
    // Not image.decode(), which may wait for a frame that an idle page never draws.
    await new Promise((done, failed) => {
      on(image, { load: done, error: () => failed(new Error("the picture could not be drawn")) });
      image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(new XMLSerializer().serializeToString(root));
    });
    const canvas = h("canvas", { width: width * scale, height: height * scale });
    const pen = canvas.getContext("2d")!;
    pen.drawImage(image, 0, 0, canvas.width, canvas.height);
    canvas.toBlob((b) => b && download(fileName(this.spec.title) + ".png", b), "image/png");
  }
}

export function setSize(svg: SVGSVGElement, width: number, height: number): void {
  svg.setAttribute("width", String(width));
  svg.setAttribute("height", String(height));
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
}

let gradients = 0;

function drawColorBar(parent: Element, bar: ColorBar, x: number, y: number, width: number, theme: Theme): void {
  const id = "ramp-" + ++gradients;
  const gradient = s("linearGradient", { id });
  bar.colors.forEach((c, i) => gradient.append(s("stop", { offset: i / (bar.colors.length - 1), "stop-color": c })));
  parent.append(s("defs", {}, gradient), s("rect", { x, y: y + 14, width, height: 10, rx: 2, fill: `url(#${id})` }),
    s("text", { x, y: y + 9, "font-size": 11, fill: theme.muted }, clip(bar.label, 62)));
  for (const t of bar.ticks) {
    const at = x + t.at * width;
    parent.append(s("line", { x1: at, x2: at, y1: y + 24, y2: y + 28, stroke: theme.axis }),
      s("text", { x: at, y: y + 39, "font-size": 11, fill: theme.muted, "text-anchor": t.at < 0.05 ? "start" : t.at > 0.95 ? "end" : "middle" }, t.text));
  }
}

function drawEntries(g: Element, entries: LegendEntry[], width: number, theme: Theme): number {
  let x = 24, y = 10;
  for (const e of entries) {
    const label = clip(e.label, 40) + (e.count ? ` (${e.count})` : ""), w = 30 + label.length * 6.6;
    if (x + w > width - 16 && x > 24) {
      x = 24;
      y += 20;
    }
    g.append(e.mark === "dot" ? s("circle", { cx: x, cy: y, r: 5, fill: e.color })
      : s("line", { x1: x - 8, x2: x + 8, y1: y, y2: y, stroke: e.color, "stroke-width": 3, "stroke-dasharray": e.mark === "dash" ? "5 3" : null }),
      s("text", { x: x + 12, y: y + 4, "font-size": 12, fill: theme.text }, label));
    x += w;
  }
  return y + 10;
}
