/** The pages that the edge answers with when no application can. */

export type EdgePage = {
  readonly status: number;
  /** Stable, in the header x-slipway-error. */
  readonly code: "unknown_host" | "no_healthy_instance" | "instance_failed" | "instance_timeout" | "index";
  readonly title: string;
  readonly text: string;
  readonly links?: readonly string[];
};

/**
 * What a page is sent with. It shows host names and messages of others: even if one got past the escaping, nothing in it
 * would be run, fetched, or framed.
 */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  "Content-Type": "text/html; charset=utf-8",
  "X-Content-Type-Options": "nosniff",
  "Content-Security-Policy":
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
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
