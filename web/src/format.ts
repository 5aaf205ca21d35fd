// Numbers as people read them.

export function number(v: number | null | undefined, digits = 3): string {
  if (v === null || v === undefined || Number.isNaN(v)) return "\u2013";
  if (!Number.isFinite(v)) return v > 0 ? "\u221e" : "\u2212\u221e";
  if (v === 0) return "0";
  const a = Math.abs(v);
  const text = a >= 1e6 || a < 1e-3 ? v.toExponential(digits - 1) : a >= 100 ? integer(v) : v.toPrecision(digits);
  return text.replaceAll("-", "\u2212");
}

/** One of several differences, the largest of which is `scale`: less than a thousandth of it reads as nothing. */
export function difference(v: number, scale: number): string {
  if (!(Math.abs(v) < scale * 1e-3) || v === 0) return number(v);
  return (0).toFixed(Math.min(20, Math.max(0, 2 - Math.floor(Math.log10(scale)))));
}

export function integer(v: number): string {
  return Math.round(v).toString().replace("-", "\u2212").replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

export function probability(p: number | null | undefined): string {
  if (p === null || p === undefined || Number.isNaN(p)) return "\u2013";
  if (p === 0) return "< 1e\u2212300";
  return p < 1e-3 ? p.toExponential(1).replace("-", "\u2212") : p < 0.1 ? p.toFixed(3) : p.toFixed(2);
}

export function pEquals(p: number): string {
  return p < 1e-4 ? "p < 0.0001" : "p = " + (p < 0.1 ? p.toPrecision(2) : p.toFixed(2));
}

export function percent(v: number | null | undefined): string {
  return v === null || v === undefined || Number.isNaN(v) ? "\u2013" : (v * 100).toFixed(v !== 0 && v < 0.1 ? 1 : 0) + " %";
}

export function bytes(n: number): string {
  return n < 1024 ? `${n} B` : n < 1 << 20 ? `${(n / 1024).toFixed(1)} KiB` : n < 2 ** 30 ? `${(n / 2 ** 20).toFixed(1)} MiB` : `${(n / 2 ** 30).toFixed(2)} GiB`;
}

export function seconds(v: number): string {
  return v < 90 ? `${v.toFixed(v < 10 ? 1 : 0)} s` : v < 5400 ? `${(v / 60).toFixed(1)} min` : `${(v / 3600).toFixed(1)} h`;
}
