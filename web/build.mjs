// Bundles src/ into src/Cellcast.Reports/Assets, where the .NET project embeds it. The same sources and lock file give the same bytes.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const target = process.argv[2] ?? join(here, "..", "src", "Cellcast.Reports", "Assets");

// A .NET test compares this with the sources, so that a stale bundle is noticed where there is no Node.js.
const names = [...readdirSync(join(here, "src")).sort().map((n) => "src/" + n), "package-lock.json", "build.mjs"];
const hash = createHash("sha256");
for (const name of names) hash.update(name + "\n").update(readFileSync(join(here, name), "utf8").replaceAll("\r\n", "\n")).update("\n");
const sources = hash.digest("hex");

const banner = `/*! cellcast report, MIT licence. Sources sha256 ${sources}.
Contains d3-scale, d3-array, d3-color, d3-format, d3-interpolate, d3-time, d3-time-format and internmap.
Copyright 2010-2023 Mike Bostock. Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby
granted, provided that the above copyright notice and this permission notice appear in all copies. THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR
DISCLAIMS ALL WARRANTIES WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE
LIABLE FOR ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN
ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE. */`;

mkdirSync(target, { recursive: true });
const result = await build({
  absWorkingDir: here,
  entryPoints: { report: "src/main.ts", style: "src/report.css" },
  bundle: true,
  minify: true,
  format: "iife",
  target: ["es2022"],
  charset: "ascii",
  legalComments: "none",
  write: false,
  outdir: "out",
});
for (const file of result.outputFiles) {
  const css = file.path.endsWith(".css");
  writeFileSync(join(target, css ? "report.css" : "report.js"), css ? file.text : banner + "\n" + file.text);
}
