/** Writes docs/errors.md from the catalogue. */

import { errorCatalogue, type ErrorEntry, type ErrorSource } from "./error-catalogue.ts";

const SECTIONS: ReadonlyArray<readonly [ErrorSource, string]> = [
  ["ingress", "Calling handlers"],
  ["admin", "Operating"],
  ["invocation", "On invocations"],
];

const INTRODUCTION = `# Errors

Every error that Holdfast reports has a stable code (\`error\`), an HTTP status (\`code\`, as Restate's clients know it), a message
and a hint. Programs should look at \`error\`; messages may be improved in any release. This page is generated from \`packages/protocol/src/error-catalogue.ts\`.

An unsuccessful response has a JSON body:

\`\`\`json
{
  "code": 404,
  "error": "service-not-found",
  "message": "Service \\"Greeter\\" is not registered",
  "hint": "…",
  "docs": "docs/errors.md#service-not-found",
  "details": { "service": "Greeter" },
  "source": "ingress"
}
\`\`\`

\`source\` tells whether the call was refused (\`ingress\`: nothing was started), the handler ended with a failure
(\`invocation\`), or a request to the operator's API failed (\`admin\`). A status of 5xx means that the server is at fault or out
of service; the same request may succeed later. Everything that the caller can mend is 4xx.
`;

/** The whole page. */
export function errorDocumentation(): string {
  const entries: ReadonlyArray<readonly [string, ErrorEntry]> = Object.entries(errorCatalogue);
  let text = INTRODUCTION;
  for (const [source, title] of SECTIONS) {
    text += `\n## ${title}\n`;
    for (const [code, entry] of entries) {
      if (entry.source === source) text += describe(code, entry);
    }
  }
  return text;
}

function describe(code: string, entry: ErrorEntry): string {
  return `\n### ${code}\n\n**${entry.status}** · ${entry.message.replaceAll(/\{(\w+)\}/g, "‹$1›")}\n\n${entry.hint}\n`;
}
