/** What can be called of a service, as an OpenAPI document: for generators of clients, and for people with tools that show one. */
import type { HandlerManifest } from "@holdfast/protocol";

import type { ServiceRevision } from "./service-view.ts";

type Schema = unknown;
type Operation = Readonly<Record<string, unknown>>;

const JSON_TYPE = "application/json";
const ANY_TYPE = "*/*";

const IDEMPOTENCY_KEY = { $ref: "#/components/parameters/idempotencyKey" };
const KEY = { $ref: "#/components/parameters/key" };
const DELAY = { $ref: "#/components/parameters/delay" };
const ERROR = { $ref: "#/components/responses/error" };

export function serviceOpenApi(row: ServiceRevision, ingressUrl: string): object {
  const { name, documentation, kind } = row.manifest;
  const prefix = kind === "service" ? `/${name}` : `/${name}/{key}`;
  const paths: Record<string, unknown> = {};
  for (const handler of row.manifest.handlers) {
    if (handler.ingressPrivate ?? row.manifest.ingressPrivate ?? false) continue;
    paths[`${prefix}/${handler.name}`] = { post: callOf(row, handler) };
    paths[`${prefix}/${handler.name}/send`] = { post: sendOf(row, handler) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: name,
      version: String(row.revision),
      ...(documentation === undefined ? {} : { description: documentation }),
    },
    servers: [{ url: ingressUrl }],
    paths,
    components: COMPONENTS,
  };
}

function callOf(row: ServiceRevision, handler: HandlerManifest): Operation {
  const { description, content } = outputOf(row, handler);
  return {
    ...aboutOf(row, handler, "call"),
    parameters: parametersOf(row, handler),
    ...requestOf(row, handler),
    responses: { "200": { description, ...(content === undefined ? {} : { content }) }, default: ERROR },
  };
}

function sendOf(row: ServiceRevision, handler: HandlerManifest): Operation {
  const content = { [JSON_TYPE]: { schema: { $ref: "#/components/schemas/Sent" } } };
  return {
    ...aboutOf(row, handler, "send"),
    parameters: [...parametersOf(row, handler), DELAY],
    ...requestOf(row, handler),
    responses: { "202": { description: "It is accepted, or was before.", content }, default: ERROR },
  };
}

function aboutOf({ manifest }: ServiceRevision, handler: HandlerManifest, mode: "call" | "send"): Operation {
  const verb = mode === "call" ? "Call" : "Send to";
  return {
    operationId: `${mode}_${manifest.name}_${handler.name}`.replace(/[^\w]/g, "_"),
    summary: `${verb} ${manifest.name}/${handler.name}`,
    ...(handler.documentation === undefined ? {} : { description: handler.documentation }),
    tags: [manifest.name],
  };
}

/** A workflow runs once by its key alone. */
function parametersOf({ manifest }: ServiceRevision, { kind }: HandlerManifest): unknown[] {
  return [...(manifest.kind === "service" ? [] : [KEY]), ...(kind === "run" ? [] : [IDEMPOTENCY_KEY])];
}

function requestOf({ isRestates }: ServiceRevision, handler: HandlerManifest): Operation {
  const { inputRule, inputSchema } = handler;
  const contentType = isRestates ? (inputRule?.contentType ?? ANY_TYPE) : JSON_TYPE;
  const content = { [contentType]: { schema: schemaOf(inputSchema ?? inputRule?.jsonSchema) } };
  return { requestBody: { required: inputRule?.isRequired ?? false, content } };
}

function outputOf({ isRestates }: ServiceRevision, { outputRule, outputSchema }: HandlerManifest) {
  const contentType = isRestates ? outputRule?.contentType : JSON_TYPE;
  const description = "What the handler returned.";
  if (contentType === undefined) return { description, content: undefined };
  const content = { [contentType]: { schema: schemaOf(outputSchema ?? outputRule?.jsonSchema) } };
  return { description, content };
}

/** A schema of its own dialect means the same inside of a document; what is none says nothing. */
function schemaOf(schema: Schema): Schema {
  return typeof schema === "object" && schema !== null ? schema : {};
}

const COMPONENTS = {
  parameters: {
    key: { name: "key", in: "path", required: true, schema: { type: "string" } },
    idempotencyKey: {
      name: "idempotency-key",
      in: "header",
      required: false,
      description: "The call happens once per key; a repetition gets the first one's result.",
      schema: { type: "string" },
    },
    delay: {
      name: "delay",
      in: "query",
      required: false,
      description: "How long it waits before it starts: 90s, 1h30m or PT1H30M.",
      schema: { type: "string" },
    },
  },
  responses: {
    error: {
      description: "It was refused, or the handler failed.",
      content: { [JSON_TYPE]: { schema: { $ref: "#/components/schemas/Error" } } },
    },
  },
  schemas: {
    Error: {
      type: "object",
      required: ["code", "message"],
      properties: {
        code: { type: "integer" },
        message: { type: "string" },
        metadata: { type: "object", additionalProperties: { type: "string" } },
      },
    },
    Sent: {
      type: "object",
      required: ["invocationId", "status"],
      properties: {
        invocationId: { type: "string" },
        status: { type: "string", enum: ["Accepted", "PreviouslyAccepted"] },
        executionTime: { type: "string", format: "date-time" },
      },
    },
  },
};
