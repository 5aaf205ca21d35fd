// Colours for light and dark, chosen to be told apart with any common colour vision deficiency.

export interface Theme {
  name: "light" | "dark";
  background: string;
  text: string;
  muted: string;
  grid: string;
  axis: string;
  accent: string;
  missing: string;
  high: string;
  low: string;
  categorical: string[];
  diverging: string[];
  sequential: string[];
}

// Okabe and Ito's colours, then Paul Tol's muted scheme, then darker and lighter shades of well separated hues.
const categorical = [
  "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#8c8c00", "#6f4ba8",
  "#882255", "#44aa99", "#999999", "#aa4499", "#ddcc77", "#117733", "#cc6677", "#332288",
  "#88ccee", "#7a4a1e", "#b5d334", "#f4a6c1", "#3d5a80", "#c1440e", "#2fb5a0", "#9c89b8",
];

export const light: Theme = {
  name: "light", background: "#ffffff", text: "#1b2129", muted: "#5b6673", grid: "#e4e8ec", axis: "#8a95a1", accent: "#0b63a5", missing: "#c8ced4",
  high: "#c8500a", low: "#0b63a5", categorical,
  diverging: ["#2166ac", "#4f96c8", "#9ccae1", "#dfe3e6", "#f4b08c", "#d9633f", "#a81529"],
  sequential: ["#e2e5e8", "#b9d7de", "#7fbccb", "#4497b7", "#366ea0", "#35457f", "#241f4e"],
};

export const dark: Theme = {
  name: "dark", background: "#171c22", text: "#e8ecf0", muted: "#a3afbb", grid: "#2b333c", axis: "#6d7986", accent: "#6cb6f0", missing: "#4a535d",
  high: "#ff9a5c", low: "#6cb6f0", categorical: categorical.map(lift),
  diverging: ["#79c2ff", "#4d93cf", "#3a6590", "#4c545c", "#96583f", "#d9754c", "#ffa57d"],
  sequential: ["#343c45", "#34506b", "#2f7189", "#32939a", "#5bb595", "#a5d377", "#f5ea6b"],
};

export type Rgb = [number, number, number];

export function rgb(hex: string): Rgb {
  const v = parseInt(hex.slice(1), 16);
  return [v >> 16, (v >> 8) & 255, v & 255];
}

export function css([r, g, b]: Rgb): string {
  return "#" + ((1 << 24) | (r << 16) | (g << 8) | b).toString(16).slice(1);
}

/** Lightens what would vanish on a dark ground. */
function lift(hex: string): string {
  const c = rgb(hex);
  const luminance = (0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2]) / 255;
  const mix = Math.max(0, 0.5 - luminance);
  return css(c.map((v) => Math.round(v + (255 - v) * mix)) as Rgb);
}

/** 256 colours of a scale. */
export function ramp(stops: string[]): Rgb[] {
  const c = stops.map(rgb);
  return Array.from({ length: 256 }, (_, i) => {
    const t = (i / 255) * (c.length - 1);
    const k = Math.min(Math.floor(t), c.length - 2);
    return [0, 1, 2].map((j) => Math.round(c[k]![j]! + (c[k + 1]![j]! - c[k]![j]!) * (t - k))) as Rgb;
  });
}

export function categoryColor(theme: Theme, i: number): string {
  return i < 0 ? theme.missing : theme.categorical[i % theme.categorical.length]!;
}

type Choice = "auto" | "light" | "dark";
const system = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();
let choice: Choice = "auto";
let printing = false;

export function current(): Theme {
  if (printing) return light;
  return choice === "dark" || (choice === "auto" && system.matches) ? dark : light;
}

export function onThemeChange(f: () => void): void {
  listeners.add(f);
}

export function setTheme(c: Choice): void {
  choice = c;
  apply();
}

export function setPrinting(p: boolean): void {
  printing = p;
  apply();
}

function apply(): void {
  document.documentElement.dataset.theme = current().name;
  for (const f of listeners) f();
}

system.addEventListener("change", apply);
document.documentElement.dataset.theme = current().name;
