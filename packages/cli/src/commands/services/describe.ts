import { formatDuration, type HandlerInfo, type ServiceInfo } from "@holdfast/protocol";

import { curlLine } from "../../calling/curl-line.ts";
import { connectionOptions, defineCommand, type Command } from "../../command.ts";
import { connectTo } from "../../connect-to.ts";
import type { Output } from "../../output/output.ts";
import type { Cell } from "../../output/table.ts";

export const describe: Command = defineCommand({
  args: [{ name: "service", help: "its name" }],
  options: connectionOptions,
  examples: [{ line: "holdfast services describe deploy", help: "handlers, options, and how to call them" }],
  async run({ args, options, out, environment }) {
    const { admin } = connectTo(options, environment);
    const service = await admin.services.get(args[0] ?? "");
    if (out.isJson) {
      out.document(service);
      return;
    }
    const { ingressUrl } = await admin.version();
    show(service, ingressUrl, out);
  },
});

function show(service: ServiceInfo, ingressUrl: string, out: Output): void {
  const { name, kind, revision, deployment, documentation, metadata, handlers } = service;
  out.fields([
    ["Name", name],
    ["Kind", kind],
    ["Revision", String(revision)],
    ["Deployment", deployment],
    ["Public", service.public ? "yes" : "no: only other handlers may call it"],
    ["About", documentation],
    ...Object.entries(metadata ?? {}).map(([key, value]) => [`Metadata ${key}`, value] as const),
  ]);
  out.heading("Handlers");
  out.table(
    [
      { title: "NAME" },
      { title: "KIND" },
      { title: "RETRY" },
      { title: "INACTIVITY" },
      { title: "ABORT" },
      { title: "JOURNAL KEPT" },
      { title: "IDEMPOTENCY" },
    ],
    handlers.map(handlerRow),
  );
  const callable = handlers.filter((handler) => handler.public);
  if (callable.length === 0) return;
  out.heading("Call");
  for (const handler of callable) out.print(`  ${curlLine(ingressUrl, service, handler)}`);
}

function handlerRow(handler: HandlerInfo): readonly Cell[] {
  const { initialIntervalMs, factor, maxIntervalMs, maxAttempts, onMaxAttempts } = handler.retryPolicy;
  const growth = factor === 1 ? "" : ` ×${factor} up to ${formatDuration(maxIntervalMs)}`;
  return [
    handler.public ? handler.name : { text: `${handler.name} (private)`, style: "dim" },
    handler.kind,
    `${formatDuration(initialIntervalMs)}${growth}, ${onMaxAttempts} after ${maxAttempts}`,
    formatDuration(handler.inactivityTimeoutMs),
    formatDuration(handler.abortTimeoutMs),
    formatDuration(handler.journalRetentionMs),
    formatDuration(handler.workflowRetentionMs ?? handler.idempotencyRetentionMs),
  ];
}
