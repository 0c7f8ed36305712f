// Bundles static/*.js, *.css and *.svg, with npm's libraries, into static/dist, each file named by its hash.
// `make setup` runs it; manifest.json says which file is which. Nothing is loaded from elsewhere.
import { build } from "esbuild";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";

const here = join(dirname(fileURLToPath(import.meta.url)), "static");
const dist = join(here, "dist");
rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });

const sources = readdirSync(here).filter((name) => /^[a-z]+\.(js|css)$/.test(name)).sort();
const entries = sources.filter((name) => ["app.js", "app.css", "chart.js", "scan.js"].includes(name));
const built = await build({
  entryPoints: entries.map((name) => join(here, name)),
  outdir: dist,
  entryNames: "[name]-[hash]",
  bundle: true,
  minify: true,
  format: "iife",
  target: ["es2022"],
  legalComments: "none",
  metafile: true,
  logLevel: "error",
});
const manifest = {};
for (const [file, facts] of Object.entries(built.metafile.outputs)) {
  if (facts.entryPoint) manifest[basename(facts.entryPoint)] = basename(file);
}
for (const name of readdirSync(here).filter((name) => name.endsWith(".svg"))) {
  const content = readFileSync(join(here, name));
  const hash = createHash("sha256").update(content).digest("hex").slice(0, 8);
  manifest[name] = name.replace(/\.svg$/, `-${hash}.svg`);
  writeFileSync(join(dist, manifest[name]), content);
}
writeFileSync(join(dist, "manifest.json"), JSON.stringify(manifest, null, 1));
