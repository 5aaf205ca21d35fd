import { clip, h } from "./dom";

/** One line of a tooltip: a text, or a name and its value, with an optional colour. */
export type Line = string | { name: string; value: string; color?: string };

let box: HTMLDivElement | null = null;

export function showTooltip(clientX: number, clientY: number, lines: Line[]): void {
  if (!box) document.body.append((box = h("div", { class: "tooltip", role: "status", "aria-live": "polite" })));
  box.replaceChildren(
    ...lines.map((l) => {
      if (typeof l === "string") return h("div", { class: "tooltip-title" }, clip(l, 60));
      const chip = l.color ? h("span", { class: "chip", style: `background:${l.color}` }) : null;
      return h("div", { class: "tooltip-row" }, h("span", {}, chip, clip(l.name, 28)), h("b", {}, clip(l.value, 44)));
    }),
  );
  box.hidden = false;
  const { width, height } = box.getBoundingClientRect();
  const left = clientX + 14 + width > innerWidth ? clientX - 14 - width : clientX + 14;
  const top = clientY + 14 + height > innerHeight ? clientY - 14 - height : clientY + 14;
  box.style.transform = `translate(${Math.max(4, left)}px, ${Math.max(4, top)}px)`;
}

export function hideTooltip(): void {
  if (box) box.hidden = true;
}

addEventListener("scroll", hideTooltip, { passive: true, capture: true });
addEventListener("keydown", (e) => {
  if (e.key === "Escape") hideTooltip();
});
