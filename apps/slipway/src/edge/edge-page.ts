/** The pages that the edge answers with when no application can. */

export type EdgePage = {
  readonly status: number;
  /** Stable, in the header x-slipway-error. */
  readonly code: "unknown_host" | "no_healthy_instance" | "instance_failed" | "instance_timeout" | "index";
  readonly title: string;
  readonly text: string;
  readonly links?: readonly string[];
};

export function renderPage({ title, text, links = [] }: EdgePage): string {
  const list = links.map((url) => `<li><a href="${escape(url)}">${escape(url)}</a></li>`).join("");
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escape(title)}</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 15vh auto; padding: 0 1rem; color-scheme: light dark }
  footer { margin-top: 3rem; opacity: 0.6; font-size: 0.85rem }
</style>
<h1>${escape(title)}</h1>
<p>${escape(text)}</p>
<ul>${list}</ul>
<footer>Slipway edge</footer>
</html>
`;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
