// Elements are made here and nowhere else. Texts become text nodes: no markup is ever parsed from data.

export type Child = Node | string | number | null | undefined | false;
type Listener = { [K in keyof HTMLElementEventMap]?: (e: HTMLElementEventMap[K]) => void };
export type Attributes = Record<string, string | number | boolean | null | undefined>;

function fill(e: Element, attributes: Attributes, children: Child[]): void {
  for (const [k, v] of Object.entries(attributes)) {
    if (v === null || v === undefined || v === false) continue;
    e.setAttribute(k, v === true ? "" : String(v));
  }
  for (const c of children) {
    if (c === null || c === undefined || c === false) continue;
    e.append(c instanceof Node ? c : document.createTextNode(String(c)));
  }
}

export function h<K extends keyof HTMLElementTagNameMap>(tag: K, attributes: Attributes = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const e = document.createElement(tag);
  fill(e, attributes, children);
  return e;
}

export function on<E extends Element>(e: E, listeners: Listener): E {
  for (const [k, f] of Object.entries(listeners)) e.addEventListener(k, f as EventListener);
  return e;
}

export const svgNamespace = "http://www.w3.org/2000/svg";

export function s<K extends keyof SVGElementTagNameMap>(tag: K, attributes: Attributes = {}, ...children: Child[]): SVGElementTagNameMap[K] {
  const e = document.createElementNS(svgNamespace, tag);
  fill(e, attributes, children);
  return e;
}

export function button(text: string, attributes: Attributes, click: () => void): HTMLButtonElement {
  return on(h("button", { type: "button", ...attributes }, text), { click });
}

/** A select with its label; values are positions in the list of options. */
export function select(label: string, options: { text: string; group?: string }[], chosen: number, change: (i: number) => void): HTMLLabelElement {
  const box = h("select", {});
  let group: HTMLOptGroupElement | null = null;
  options.forEach((o, i) => {
    const item = h("option", { value: i, selected: i === chosen }, clip(o.text, 80));
    if (o.group === undefined) {
      group = null;
      box.append(item);
      return;
    }
    if (!group || group.label !== o.group) box.append((group = h("optgroup", { label: o.group })));
    group.append(item);
  });
  box.value = String(chosen);
  on(box, { change: () => change(Number(box.value)) });
  return h("label", { class: "field" }, h("span", {}, label), box);
}

/** Names come from files and may be of any length. */
export function clip(text: string, length = 40): string {
  if (text.length <= length) return text;
  const characters = [...text.slice(0, length * 2)];
  return characters.length <= length && characters.join("").length === text.length ? text : characters.slice(0, length - 1).join("") + "\u2026";
}

export function download(name: string, content: Blob): void {
  const url = URL.createObjectURL(content);
  const a = h("a", { href: url, download: name });
  document.body.append(a);
  a.click();
  a.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

export function fileName(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 60) || "cellcast";
}
