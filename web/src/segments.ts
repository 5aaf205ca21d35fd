// A choice among few, one of which is always pressed.

import { h, on } from "./dom";

export function segments(label: string, names: string[], chosen: number, change: (i: number) => void): HTMLElement {
  const group = h("div", { class: "segments", role: "group", "aria-label": label });
  const buttons = names.map((n, i) => on(h("button", { type: "button", "aria-pressed": i === chosen ? "true" : "false" }, n), {
    click: () => {
      buttons.forEach((b, k) => b.setAttribute("aria-pressed", k === i ? "true" : "false"));
      change(i);
    },
  }));
  group.append(...buttons);
  return group;
}
