/** Replaces the crucible's section of a page and leaves the rest of it alone. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";

const BEGIN = "<!-- crucible:begin -->";
const END = "<!-- crucible:end -->";

/** Makes the page when it is not there; a page without the markers gets the section at its end. */
export function writeSection(path: string, section: string): void {
  writeFileSync(path, withSection(existsSync(path) ? readFileSync(path, "utf8") : "", section));
}

export function withSection(page: string, section: string): string {
  const marked = `${BEGIN}\n\n${section}\n\n${END}`;
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin >= 0 && end > begin) return page.slice(0, begin) + marked + page.slice(end + END.length);
  return page === "" ? `${marked}\n` : `${page.trimEnd()}\n\n${marked}\n`;
}
