// A picture of many points: cells on an embedding, spots on tissue, genes by two numbers.

import { decades, drawAxes, extent, leftMargin, linear, logarithmic, padded, ticksOf, type Frame, type Scale } from "./axes";
import { button, clip, h, s } from "./dom";
import { Figure, type Legend, type Scene } from "./figure";
import { placeLabels, type Label, type LabelledPoints, type PlacedLabel } from "./labels";
import { PointLayer, stamp, type PointBatch } from "./pointlayer";
import { rgb, type Theme } from "./theme";
import { hideTooltip, showTooltip, type Line } from "./tooltip";

export interface ScatterSpec {
  title: string;
  note?: string | null;
  description: () => string;
  controls?: HTMLElement[];
  x: ArrayLike<number>;
  y: ArrayLike<number>;
  xLabel: string;
  yLabel: string;
  /** Numbers on the axes; an embedding has none worth reading. */
  numbered?: boolean;
  xLogarithmic?: boolean;
  /** One unit is as long on both axes. */
  equal?: boolean;
  /** The second coordinate runs downwards, as in images. */
  downwards?: boolean;
  image?: { source: string; width: number; height: number } | null;
  imageOpacity?: () => number;
  /** Diameter in data units; otherwise by the number of points. */
  diameter?: number | null;
  tall?: number;
  /** Colour of a point as #rrggbb; null hides it. */
  color: (theme: Theme) => (i: number) => string | null;
  opacity?: () => number;
  /** Drawing order: the greater, the more on top. */
  priority?: (() => ((i: number) => number) | null);
  labels?: () => Label[];
  legend: (theme: Theme) => Legend | null;
  tooltip: (i: number) => Line[];
  click?: (i: number) => void;
}

const maxVectorPoints = 20_000;

export class Scatter {
  readonly figure: Figure;
  private readonly layer: PointLayer;
  private readonly under: HTMLImageElement | null = null;
  private batch: PointBatch;
  private view = { scale: 1, x: 0, y: 0 };
  private frame: Frame = { left: 0, right: 1, top: 0, bottom: 1 };
  private scales!: { x: Scale; y: Scale };
  private size = { width: 0, height: 0 };
  private index: PixelIndex | null = null;
  private theme: Theme | null = null;
  private dirty = true;
  private queued = false;
  /** Timer that draws all points once the view has come to rest. */
  private settle = 0;
  private marked: number | null = null;
  private cursor: { x: number; y: number } | null = null;
  private axisGroup: SVGGElement | null = null;
  /** Names, and where they were placed in which view: pointing at things moves none of them, and dragging moves all alike. */
  private labels: Label[] | null = null;
  private placed: { scale: number; x: number; y: number; labels: PlacedLabel[] } | null = null;

  constructor(private readonly spec: ScatterSpec) {
    const n = spec.x.length;
    this.batch = { positions: new Float32Array(n * 2), colors: new Uint8Array(n * 4), order: new Uint32Array(n) };
    this.layer = new PointLayer(n > maxVectorPoints, () => this.figure.redraw());
    const zoom = h("div", { class: "zoom" },
      button("+", { class: "small", "aria-label": "Zoom in", title: "Zoom in (also Ctrl + wheel)" }, () => this.zoom(1.6)),
      button("\u2212", { class: "small", "aria-label": "Zoom out", title: "Zoom out" }, () => this.zoom(1 / 1.6)),
      button("reset", { class: "small", "aria-label": "Reset the view" }, () => this.reset()));
    this.figure = new Figure({
      title: spec.title,
      note: spec.note,
      description: spec.description,
      controls: [...(spec.controls ?? []), zoom],
      height: (w) => Math.round(Math.min(spec.tall ?? 620, Math.max(300, w * 0.72))),
      draw: (scene) => this.draw(scene),
      legend: spec.legend,
    });
    const plot = this.figure.plot;
    plot.classList.add("points");
    plot.prepend(this.layer.canvas);
    if (spec.image) {
      this.under = h("img", { class: "under", alt: "", src: spec.image.source, draggable: "false" });
      plot.prepend(this.under);
    }
    this.listen();
  }

  /** Colours, order or positions have changed. */
  refresh(): void {
    this.dirty = true;
    this.figure.redraw();
  }

  /** Other coordinates for the same points. */
  move(x: ArrayLike<number>, y: ArrayLike<number>, xLabel: string, yLabel: string): void {
    Object.assign(this.spec, { x, y, xLabel, yLabel });
    this.size.width = 0;
    this.view = { scale: 1, x: 0, y: 0 };
    this.refresh();
  }

  /** Rings one point. */
  mark(i: number | null): void {
    this.marked = i;
    this.requestPaint();
  }

  private draw(scene: Scene): void {
    if (scene.exporting) return this.drawForExport(scene);
    const moved = scene.width !== this.size.width || scene.height !== this.size.height;
    if (moved) {
      const old = this.size;
      this.size = { width: scene.width, height: scene.height };
      this.frame = this.frameOf(scene);
      this.scales = this.scalesOf(this.frame);
      place(this.spec, this.scales, this.batch.positions);
      this.index = null;
      if (old.width > 0) this.view = { scale: 1, x: 0, y: 0 };
    }
    if (moved || this.dirty || this.theme !== scene.theme) this.recolor(scene.theme);
    this.labels = this.placed = null;
    const style = this.layer.canvas.style;
    style.left = this.frame.left + "px";
    style.top = this.frame.top + "px";
    this.axisGroup = s("g");
    scene.svg.append(this.axisGroup);
    this.paint();
  }

  private recolor(theme: Theme): void {
    this.theme = theme;
    this.dirty = false;
    paintColors(this.spec, theme, this.batch);
    this.layer.upload(this.batch);
    this.index = null;
  }

  private frameOf(scene: { width: number; height: number }): Frame {
    if (!this.spec.numbered) return { left: this.spec.image ? 4 : 22, right: scene.width - 4, top: 4, bottom: scene.height - (this.spec.image ? 4 : 22) };
    const y = linear(padded(extent(this.spec.y), 0.04), [1, 0]);
    return { left: leftMargin(ticksOf(y, 6).map((t) => t.text), true), right: scene.width - 12, top: 8, bottom: scene.height - 42 };
  }

  private scalesOf(f: Frame): { x: Scale; y: Scale } {
    const { spec } = this, w = f.right - f.left, hgt = f.bottom - f.top;
    let dx: [number, number], dy: [number, number];
    if (spec.image) [dx, dy] = [[0, spec.image.width], [0, spec.image.height]];
    else if (spec.xLogarithmic) {
      const [low, high] = extent(Array.from(spec.x).filter((v) => v > 0));
      [dx, dy] = [[low / 1.3, high * 1.3], padded(extent(spec.y), 0.04)];
    } else [dx, dy] = [padded(extent(spec.x), 0.04), padded(extent(spec.y), 0.04)];
    if (spec.equal) {
      const unit = Math.max((dx[1] - dx[0]) / w, (dy[1] - dy[0]) / hgt);
      const grow = (d: [number, number], length: number): [number, number] => {
        const extra = (unit * length - (d[1] - d[0])) / 2;
        return [d[0] - extra, d[1] + extra];
      };
      [dx, dy] = [grow(dx, w), grow(dy, hgt)];
    }
    const x = spec.xLogarithmic ? logarithmic(dx, [0, w]) : linear(dx, [0, w]);
    return { x, y: linear(dy, spec.downwards ? [0, hgt] : [hgt, 0]) };
  }

  private radius(scales: { x: Scale }, scale: number, n = this.spec.x.length): number {
    if (this.spec.diameter) return Math.max(1.2, (Math.abs(scales.x(this.spec.diameter) - scales.x(0)) / 2) * scale);
    const base = n < 300 ? 5 : n < 1500 ? 4 : n < 6000 ? 3 : n < 25000 ? 2.1 : 1.5;
    return base * Math.min(2.5, Math.pow(scale, 0.4));
  }

  /** Scales of what is seen after zooming. */
  private visible(): { x: Scale; y: Scale } {
    const { scale, x, y } = this.view, w = this.frame.right - this.frame.left, hgt = this.frame.bottom - this.frame.top;
    const at = (sc: Scale, from: number, to: number, shift: number): [number, number] => [sc.invert((from - shift) / scale), sc.invert((to - shift) / scale)];
    const yRange: [number, number] = this.spec.downwards ? [0, hgt] : [hgt, 0];
    return {
      x: this.scales.x.copy().domain(at(this.scales.x, 0, w, x)).range([this.frame.left, this.frame.right]),
      y: this.scales.y.copy().domain(at(this.scales.y, yRange[0], yRange[1], y)).range(this.spec.downwards ? [this.frame.top, this.frame.bottom] : [this.frame.bottom, this.frame.top]),
    };
  }

  private paint(): void {
    const f = this.frame, w = f.right - f.left, hgt = f.bottom - f.top, theme = this.theme!;
    this.layer.draw(this.batch, { width: w, height: hgt, ...this.view, radius: this.radius(this.scales, this.view.scale) }, this.settle !== 0);
    const visible = this.visible();
    if (this.under && this.spec.image) {
      const { image } = this.spec, left = visible.x(0), top = visible.y(0);
      Object.assign(this.under.style, { left: left + "px", top: top + "px", width: visible.x(image.width) - left + "px", height: visible.y(image.height) - top + "px", opacity: String(this.spec.imageOpacity?.() ?? 1) });
    }
    this.axisGroup!.replaceChildren();
    const scene = { svg: this.axisGroup as unknown as SVGSVGElement, width: this.size.width, height: this.size.height, theme, exporting: false };
    this.drawFrame(scene, f, visible);
    this.drawLabels(scene, this.labelsInView(f, visible));
    if (this.marked !== null) {
      const x = this.batch.positions[this.marked * 2]! * this.view.scale + this.view.x, y = this.batch.positions[this.marked * 2 + 1]! * this.view.scale + this.view.y;
      if (x >= 0 && y >= 0 && x <= w && y <= hgt)
        this.axisGroup!.append(s("circle", { cx: f.left + x, cy: f.top + y, r: this.radius(this.scales, this.view.scale) + 4, fill: "none", stroke: theme.text, "stroke-width": 2 }));
    }
    if (this.cursor) this.axisGroup!.append(s("path", { d: `M${this.cursor.x - 9} ${this.cursor.y}h18M${this.cursor.x} ${this.cursor.y - 9}v18`, stroke: theme.accent, "stroke-width": 2 }));
  }

  private drawFrame(scene: Scene, f: Frame, scales: { x: Scale; y: Scale }): void {
    const { spec } = this;
    if (spec.numbered) drawAxes(scene, f, { x: scales.x, y: scales.y, xLabel: spec.xLabel, yLabel: spec.yLabel, grid: true, xFormat: spec.xLogarithmic ? decades : undefined });
    else if (!spec.image && spec.xLabel) {
      const style = { "font-size": 11, fill: scene.theme.muted };
      scene.svg.append(
        s("path", { d: `M${f.left - 4} ${f.bottom - 70}V${f.bottom + 4}h74`, fill: "none", stroke: scene.theme.axis }),
        s("text", { x: f.left - 2, y: f.bottom + 17, ...style }, clip(spec.xLabel, 40)),
        s("text", { transform: `translate(${f.left - 9} ${f.bottom}) rotate(-90)`, ...style }, clip(spec.yLabel, 40)));
    }
  }

  private placeLabels(labels: Label[], f: Frame, scales: { x: Scale; y: Scale }, points: LabelledPoints): PlacedLabel[] {
    const clipped = labels.map((l) => ({ ...l, text: clip(l.text, 28) }));
    // The name of a single point stands above it.
    const wanted = labels.map((l) => ({ x: scales.x(l.at[0]!), y: scales.y(l.at[1]!) - (l.group ? 0 : 11) }));
    return placeLabels(clipped, wanted, clipped.map((l) => l.text.length * 3.6), f, points);
  }

  private drawLabels(scene: Scene, labels: PlacedLabel[]): void {
    for (const { text, x, y } of labels)
      scene.svg.append(s("text", { x, y: y + 4, "text-anchor": "middle", "font-size": 12, "font-weight": 600, fill: scene.theme.text, stroke: scene.theme.background, "stroke-width": 3.5, "stroke-linejoin": "round", "paint-order": "stroke", "pointer-events": "none" }, text));
  }

  private labelsInView(f: Frame, visible: { x: Scale; y: Scale }): PlacedLabel[] {
    const { scale, x, y } = this.view;
    this.labels ??= this.spec.labels?.() ?? [];
    if (this.placed?.scale !== scale || (this.settle === 0 && (this.placed.x !== x || this.placed.y !== y)))
      this.placed = { scale, x, y, labels: this.placeLabels(this.labels, f, visible, { ...this.batch, scale, shift: { x: f.left + x, y: f.top + y } }) };
    const dx = x - this.placed.x, dy = y - this.placed.y;
    return this.placed.labels.map((l) => ({ ...l, x: l.x + dx, y: l.y + dy })).filter((l) => l.x >= f.left && l.x <= f.right && l.y >= f.top && l.y <= f.bottom);
  }

  private drawForExport(scene: Scene): void {
    const shown = this.visible(), f = this.frameOf(scene);
    const fresh = this.scalesOf(f);
    const scales = {
      x: fresh.x.copy().range([f.left, f.right]),
      y: fresh.y.copy().range(this.spec.downwards ? [f.top, f.bottom] : [f.bottom, f.top]),
    };
    if (this.view.scale !== 1 || this.view.x || this.view.y) {
      scales.x.domain(shown.x.domain());
      scales.y.domain(shown.y.domain());
    }
    const n = this.spec.x.length;
    const batch: PointBatch = { positions: new Float32Array(n * 2), colors: new Uint8Array(n * 4), order: new Uint32Array(n) };
    paintColors(this.spec, scene.theme, batch);
    place(this.spec, scales, batch.positions);
    this.drawFrame(scene, f, scales);
    const id = "clip-points", inner = s("g", { "clip-path": `url(#${id})` });
    scene.svg.append(s("defs", {}, s("clipPath", { id }, s("rect", { x: f.left, y: f.top, width: f.right - f.left, height: f.bottom - f.top }))), inner);
    if (this.spec.image) {
      const { image } = this.spec, x = scales.x(0), y = scales.y(0);
      inner.append(s("image", { href: image.source, x, y, width: scales.x(image.width) - x, height: scales.y(image.height) - y, preserveAspectRatio: "none", opacity: this.spec.imageOpacity?.() ?? 1 }));
    }
    const radius = this.radius({ x: fresh.x }, this.view.scale);
    if (n <= maxVectorPoints) {
      for (const i of batch.order) {
        const [r, g, b, a] = batch.colors.subarray(i * 4, i * 4 + 4);
        if (a) inner.append(s("circle", { cx: batch.positions[i * 2]!.toFixed(1), cy: batch.positions[i * 2 + 1]!.toFixed(1), r: radius, fill: `rgb(${r},${g},${b})`, "fill-opacity": a === 255 ? null : (a! / 255).toFixed(2) }));
      }
    } else {
      const canvas = h("canvas", { width: scene.width * 2, height: scene.height * 2 });
      stamp(canvas, batch, { width: scene.width, height: scene.height, scale: 1, x: 0, y: 0, radius }, 2);
      inner.append(s("image", { href: canvas.toDataURL("image/png"), x: 0, y: 0, width: scene.width, height: scene.height }));
    }
    this.drawLabels(scene, this.placeLabels(this.spec.labels?.() ?? [], f, scales, { ...batch, scale: 1, shift: { x: 0, y: 0 } }));
  }

  private nearest(x: number, y: number, reach: number): number {
    this.index ??= new PixelIndex(this.batch);
    const v = this.view;
    return this.index.nearest((x - this.frame.left - v.x) / v.scale, (y - this.frame.top - v.y) / v.scale, reach / v.scale);
  }

  private requestPaint(): void {
    if (this.queued) return;
    this.queued = true;
    requestAnimationFrame(() => {
      this.queued = false;
      if (this.axisGroup) this.paint();
    });
  }

  private reset(): void {
    this.view = { scale: 1, x: 0, y: 0 };
    this.requestPaint();
  }

  private zoom(factor: number, x = (this.frame.right - this.frame.left) / 2, y = (this.frame.bottom - this.frame.top) / 2): void {
    const v = this.view, scale = Math.min(60, Math.max(1, v.scale * factor)), f = scale / v.scale;
    this.view = { scale, x: x - (x - v.x) * f, y: y - (y - v.y) * f };
    this.pan(0, 0);
  }

  private pan(dx: number, dy: number): void {
    const v = this.view, w = this.frame.right - this.frame.left, hgt = this.frame.bottom - this.frame.top;
    v.x = Math.min(0, Math.max(w * (1 - v.scale), v.x + dx));
    v.y = Math.min(0, Math.max(hgt * (1 - v.scale), v.y + dy));
    clearTimeout(this.settle);
    this.settle = window.setTimeout(() => {
      this.settle = 0;
      this.requestPaint();
    }, 140);
    this.requestPaint();
  }

  private point(clientX: number, clientY: number): void {
    const box = this.figure.svg.getBoundingClientRect(), touch = matchMedia("(pointer: coarse)").matches;
    const i = this.nearest(clientX - box.left, clientY - box.top, Math.max(touch ? 18 : 8, this.radius(this.scales, this.view.scale)));
    this.mark(i < 0 ? null : i);
    if (i < 0) hideTooltip();
    else showTooltip(clientX, clientY, this.spec.tooltip(i));
  }

  private listen(): void {
    const svg = this.figure.svg;
    let from: { x: number; y: number } | null = null, dragged = false;
    svg.addEventListener("pointerdown", (e) => {
      from = { x: e.clientX, y: e.clientY };
      dragged = false;
    });
    svg.addEventListener("pointermove", (e) => {
      if (from && e.pointerType === "mouse" && e.buttons & 1) {
        if (!dragged && Math.hypot(e.clientX - from.x, e.clientY - from.y) < 4) return;
        if (!dragged) svg.setPointerCapture(e.pointerId);
        dragged = true;
        hideTooltip();
        this.pan(e.clientX - from.x, e.clientY - from.y);
        from = { x: e.clientX, y: e.clientY };
      } else if (e.pointerType === "mouse") this.point(e.clientX, e.clientY);
    });
    svg.addEventListener("pointerup", () => (from = null));
    svg.addEventListener("pointerleave", () => {
      hideTooltip();
      this.mark(null);
    });
    svg.addEventListener("click", (e) => {
      if (dragged) return;
      this.cursor = null;
      this.point(e.clientX, e.clientY);
      if (this.marked !== null) this.spec.click?.(this.marked);
    });
    svg.addEventListener("dblclick", (e) => {
      const box = svg.getBoundingClientRect();
      this.zoom(2, e.clientX - box.left - this.frame.left, e.clientY - box.top - this.frame.top);
    });
    svg.addEventListener("wheel", (e) => {
      if (!e.ctrlKey && !e.metaKey) return;
      e.preventDefault();
      const box = svg.getBoundingClientRect();
      this.zoom(Math.exp(-e.deltaY / 300), e.clientX - box.left - this.frame.left, e.clientY - box.top - this.frame.top);
    }, { passive: false });
    svg.addEventListener("keydown", (e) => {
      const f = this.frame, step = e.shiftKey ? 40 : 10;
      const move = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[e.key];
      if (move) {
        this.cursor ??= { x: (f.left + f.right) / 2, y: (f.top + f.bottom) / 2 };
        const x = this.cursor.x + move[0]!, y = this.cursor.y + move[1]!;
        if (x < f.left || x > f.right) this.pan(-move[0]!, 0);
        if (y < f.top || y > f.bottom) this.pan(0, -move[1]!);
        this.cursor = { x: Math.min(f.right, Math.max(f.left, x)), y: Math.min(f.bottom, Math.max(f.top, y)) };
        const box = svg.getBoundingClientRect();
        this.point(box.left + this.cursor.x, box.top + this.cursor.y);
        this.requestPaint();
      } else if (e.key === "+" || e.key === "=") this.zoom(1.6);
      else if (e.key === "-") this.zoom(1 / 1.6);
      else if (e.key === "0") this.reset();
      else if (e.key === "Enter" && this.marked !== null) this.spec.click?.(this.marked);
      else return;
      e.preventDefault();
    });
    svg.addEventListener("blur", () => {
      this.cursor = null;
      hideTooltip();
      this.requestPaint();
    });
  }
}

function place(spec: ScatterSpec, scales: { x: Scale; y: Scale }, positions: Float32Array): void {
  for (let i = 0; i < spec.x.length; i++) {
    const x = spec.x[i]!, y = spec.y[i]!;
    positions[i * 2] = spec.xLogarithmic && !(x > 0) ? -1e6 : scales.x(x);
    positions[i * 2 + 1] = scales.y(y);
  }
}

function paintColors(spec: ScatterSpec, theme: Theme, batch: PointBatch): void {
  const color = spec.color(theme), priority = spec.priority?.() ?? null, n = spec.x.length;
  const alpha = Math.round(255 * (spec.opacity?.() ?? (n > 20000 ? 0.75 : 0.88)));
  const known = new Map<string, [number, number, number]>();
  for (let i = 0; i < n; i++) {
    batch.order[i] = i;
    const c = Number.isNaN(spec.x[i]!) || Number.isNaN(spec.y[i]!) ? null : color(i);
    if (c === null) {
      batch.colors[i * 4 + 3] = 0;
      continue;
    }
    let v = known.get(c);
    if (!v) known.set(c, (v = rgb(c)));
    batch.colors.set(v, i * 4);
    batch.colors[i * 4 + 3] = alpha;
  }
  if (priority) {
    const rank = Float64Array.from({ length: n }, (_, i) => priority(i));
    batch.order.sort((a, b) => rank[a]! - rank[b]! || a - b);
  } else shuffle(batch.order);
}

/** Always the same mixture, so that no group hides another merely by coming last. */
function shuffle(order: Uint32Array): void {
  let state = 0x9e3779b9;
  for (let i = order.length - 1; i > 0; i--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const j = Math.floor((state / 4294967296) * (i + 1)), t = order[i]!;
    order[i] = order[j]!;
    order[j] = t;
  }
}

/** Finds the point nearest to a pixel. */
class PixelIndex {
  private static readonly bin = 16;
  private readonly columns: number;
  private readonly rows: number;
  private readonly start: Uint32Array;
  private readonly items: Uint32Array;

  constructor(private readonly batch: PointBatch) {
    const { positions, colors } = batch, n = positions.length / 2, { bin } = PixelIndex;
    let w = 0, hgt = 0;
    for (let i = 0; i < n; i++) {
      w = Math.max(w, positions[i * 2]!);
      hgt = Math.max(hgt, positions[i * 2 + 1]!);
    }
    this.columns = Math.floor(w / bin) + 1;
    this.rows = Math.floor(hgt / bin) + 1;
    this.start = new Uint32Array(this.columns * this.rows + 1);
    const at = (i: number): number => {
      const x = positions[i * 2]!, y = positions[i * 2 + 1]!;
      return x >= 0 && y >= 0 && colors[i * 4 + 3]! > 0 ? Math.floor(y / bin) * this.columns + Math.floor(x / bin) : -1;
    };
    for (let i = 0; i < n; i++) if (at(i) >= 0) this.start[at(i) + 1]!++;
    for (let k = 1; k < this.start.length; k++) this.start[k]! += this.start[k - 1]!;
    const next = this.start.slice();
    this.items = new Uint32Array(this.start[this.start.length - 1]!);
    for (let i = 0; i < n; i++) if (at(i) >= 0) this.items[next[at(i)]!++] = i;
  }

  nearest(x: number, y: number, reach: number): number {
    const { bin } = PixelIndex, { positions } = this.batch;
    let best = -1, least = reach * reach;
    for (let r = Math.max(0, Math.floor((y - reach) / bin)); r <= Math.min(this.rows - 1, Math.floor((y + reach) / bin)); r++)
      for (let c = Math.max(0, Math.floor((x - reach) / bin)); c <= Math.min(this.columns - 1, Math.floor((x + reach) / bin)); c++)
        for (let k = this.start[r * this.columns + c]!; k < this.start[r * this.columns + c + 1]!; k++) {
          const i = this.items[k]!, d = (positions[i * 2]! - x) ** 2 + (positions[i * 2 + 1]! - y) ** 2;
          if (d <= least) [best, least] = [i, d];
        }
    return best;
  }
}
