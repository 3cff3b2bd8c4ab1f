// Turns pages/*.txt into dist/*.html: "# " begins a heading, `…` is code, an empty line ends a paragraph.

import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const here = import.meta.dirname;
const pages = readdirSync(join(here, "pages"))
  .filter((name) => name.endsWith(".txt"))
  .toSorted();

rmSync(join(here, "dist"), { recursive: true, force: true });
mkdirSync(join(here, "dist"));

const links = pages.map((name) => {
  const target = name === "index.txt" ? "/" : `/${name.replace(".txt", "")}`;
  return `<a href="${target}">${name.replace(".txt", "")}</a>`;
});

for (const name of pages) {
  const source = readFileSync(join(here, "pages", name), "utf8");
  const html = page(name, source);
  const target = name.replace(".txt", ".html");
  writeFileSync(join(here, "dist", target), html);
  const hash = createHash("sha256").update(html).digest("hex").slice(0, 8);
  console.log(`pages/${name} -> dist/${target}  ${html.length} bytes, ${hash}`);
}
console.log(`built ${pages.length} pages`);

function page(name, source) {
  const blocks = source.trim().split(/\n\s*\n/);
  const body = blocks.map((block) =>
    block.startsWith("# ") ? `<h1>${inline(block.slice(2))}</h1>` : `<p>${inline(block)}</p>`,
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${name.replace(".txt", "")}</title>
<style>
  body { font: 17px/1.6 system-ui, sans-serif; max-width: 38rem; margin: 12vh auto; padding: 0 1rem; color-scheme: light dark }
  nav a { margin-right: 1rem }
  footer { margin-top: 3rem; padding-top: 1rem; border-top: 1px solid; opacity: 0.7; font-size: 0.85rem }
</style>
<nav>${links.join(" ")}</nav>
${body.join("\n")}
<footer>served by region <b>{{region}}</b>, deployment {{deployment}}, process {{pid}}, up {{uptime}}</footer>
</html>
`;
}

function inline(text) {
  const escaped = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return escaped.replaceAll(/`([^`]*)`/g, "<code>$1</code>");
}
