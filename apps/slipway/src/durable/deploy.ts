import { TerminalError, workflow, type RetryOptions, type WorkflowContext } from "@holdfast/sdk";

import type { Builder, Built } from "../ports/builder.ts";
import type { Edge } from "../ports/edge.ts";
import type { InstanceSpec, Region } from "../ports/region.ts";
import type { Tree, TreeStore } from "../ports/tree-store.ts";
import type { StepRecorder } from "../steps/step-recorder.ts";
import { CATALOGUE, type defineCatalogue } from "./catalogue.ts";
import type { Switch } from "./domain-state.ts";
import { REMOVAL_DELAY, type defineDomain } from "./domain.ts";
import { cleanupRemove } from "./references.ts";
import type { defineRegion } from "./region.ts";
import { properties, schema } from "./schema.ts";

export interface DeployRequest {
  readonly deployment: string;
  readonly app: string;
  readonly host: string;
  readonly number: number;
}

export interface DeployResult {
  readonly deployment: string;
  readonly host: string;
  readonly artifact: string;
  /** The deployment it took the host name from. */
  readonly previous?: string;
}

export interface DeployParts {
  readonly builder: Builder;
  readonly store: TreeStore;
  readonly edge: Edge;
  readonly regions: readonly Region[];
  readonly recorder: StepRecorder;
  readonly domain: ReturnType<typeof defineDomain>;
  readonly region: ReturnType<typeof defineRegion>;
  readonly catalogue: ReturnType<typeof defineCatalogue>;
}

const UPLOAD_TIMEOUT = "1h";
const BUILD_TIMEOUT = "30m";
/** For faults of ours; a build that fails by itself is not tried again. */
const BUILD_RETRY: RetryOptions = { attempts: 3, initial: "1s" };
const VISIT_RETRY: RetryOptions = { attempts: 8, initial: "100ms", max: "2s" };
const VISIT_TIMEOUT = "2m";
const STATUS_SERVER_ERROR = 500;

type Ctx = WorkflowContext<{ readonly uploaded: typeof uploadedTree }>;

const deployRequest = schema<DeployRequest>("a request for a deployment", (value): value is DeployRequest => {
  const { deployment, app, host, number } = properties(value);
  return [deployment, app, host].every((text) => typeof text === "string") && typeof number === "number";
});

const uploadedTree = schema<Tree>("the description of a stored source", (value): value is Tree => {
  const { digest, files, bytes } = properties(value);
  return typeof digest === "string" && typeof files === "number" && typeof bytes === "number";
});

/**
 * One deployment, from source to visitors. Every step is recorded: interrupted anywhere, by whatever, it goes on behind
 * the last finished step. When it fails for good it takes back what it did, last step first.
 */
export function defineDeploy(parts: DeployParts) {
  return workflow(
    "deploy",
    {
      input: deployRequest,
      key: ({ deployment }) => deployment,
      promises: { uploaded: uploadedTree },
    },
    async (ctx, request): Promise<DeployResult> => {
      const undo = new UndoList();
      let source: string | undefined;
      try {
        source = (await waitForSource(ctx)).digest;
        const built = await build(ctx, parts, request, source);
        await startEverywhere(ctx, parts, undo, {
          deployment: request.deployment,
          host: request.host,
          artifact: built.artifact.digest,
          start: built.start,
        });
        const made = await switchDomain(ctx, parts, undo, request);
        await visit(ctx, parts, request);
        await ctx.call(parts.catalogue.end, CATALOGUE, {
          deployment: request.deployment,
          status: "live",
          source,
        });
        const { deployment, host } = request;
        const previous = made?.from;
        const artifact = built.artifact.digest;
        return { deployment, host, artifact, ...(previous === undefined ? {} : { previous }) };
      } catch (error) {
        // Only what ends the workflow arrives here: accidents and crashes are tried again without the handler noticing.
        await undo.run();
        await recordFailure(ctx, parts, request, { source, error });
        throw error;
      }
    },
  );
}

/** The upload is somebody else's work: it may be finished before this workflow begins to wait, or much later. */
async function waitForSource(ctx: Ctx): Promise<Tree> {
  const upload = await ctx.promise("uploaded").get({ timeout: UPLOAD_TIMEOUT });
  if (upload.ok) return upload.value;
  if (upload.reason === "rejected") {
    throw new TerminalError(upload.error.message, { code: "upload_failed", status: 400 });
  }
  throw new TerminalError(`No source arrived within ${UPLOAD_TIMEOUT}.`, {
    code: "upload_expired",
    status: 400,
  });
}

function build(ctx: Ctx, parts: DeployParts, request: DeployRequest, source: string): Promise<Built> {
  const { builder, recorder, store } = parts;
  const { deployment } = request;
  return ctx.run(
    "build",
    ({ signal, idempotencyKey: key }) =>
      recorder.record(
        { deployment, name: "build", key },
        () => builder.build({ deployment, source, key }, signal),
        ({ artifact }) => `${artifact.files} files, ${artifact.digest.slice(0, SHOWN_DIGEST)}`,
      ),
    { retry: BUILD_RETRY, timeout: BUILD_TIMEOUT, undo: () => store.release(deployment) },
  );
}

const SHOWN_DIGEST = "sha256:".length + 12;

/** All regions at once. One that fails does not wait for the others: they are told to stop. */
async function startEverywhere(
  ctx: Ctx,
  parts: DeployParts,
  undo: UndoList,
  spec: InstanceSpec,
): Promise<void> {
  const { deployment } = spec;
  const starts = parts.regions.map(async (region) => {
    const { name } = region;
    await ctx.call(parts.region.place, name, spec);
    await ctx.run(`healthy ${name}`, ({ signal, idempotencyKey: key }) =>
      parts.recorder.record(
        { deployment, name: `healthy ${name}`, key },
        () => region.whenHealthy(deployment, signal),
        ({ host, port }) => `${host}:${port}`,
      ),
    );
  });
  undo.add(async () => {
    await Promise.all(
      parts.regions.map(async (region) => {
        await ctx.call(parts.region.withdraw, region.name, deployment);
        await ctx.run(`gone from ${region.name}`, () => region.whenStopped(deployment));
      }),
    );
    // What is withdrawn does not become healthy, so the slower regions have come to their end by now.
    await Promise.allSettled(starts);
  });
  await Promise.all(starts);
}

async function switchDomain(
  ctx: Ctx,
  { domain }: DeployParts,
  undo: UndoList,
  { deployment, host, number }: DeployRequest,
): Promise<Switch | undefined> {
  const outcome = await ctx.call(domain.switchTo, host, { deployment, number });
  if (outcome.kind === "superseded") {
    throw new TerminalError(`Deployment #${outcome.by} is newer and has been live already.`, {
      code: "superseded_by_newer",
      status: 409,
    });
  }
  if (outcome.kind === "unchanged") return undefined;
  undo.add(async () => {
    await ctx.call(domain.switchBack, host, outcome.made);
  });
  return outcome.made;
}

/** The way a visitor comes: through the edge, by the host name. */
async function visit(
  ctx: Ctx,
  { edge, recorder, regions }: DeployParts,
  request: DeployRequest,
): Promise<void> {
  const { deployment, host } = request;
  await ctx.run(
    "visit",
    ({ signal, idempotencyKey: key }) =>
      recorder.record(
        { deployment, name: "visit", key },
        async () => {
          // The instances were healthy, but since then all may have been killed and be on their way back.
          await Promise.any(regions.map((region) => region.whenHealthy(deployment, signal)));
          const answer = await edge.visit(host, signal);
          if (answer.status >= STATUS_SERVER_ERROR) {
            throw new Error(`http://${host} answers ${answer.status} through the edge`);
          }
          return answer.status;
        },
        (status) => `http://${host} answers ${status}`,
      ),
    { retry: VISIT_RETRY, timeout: VISIT_TIMEOUT },
  );
}

async function recordFailure(
  ctx: Ctx,
  { catalogue }: DeployParts,
  { deployment, host }: DeployRequest,
  failure: { readonly source: string | undefined; readonly error: unknown },
): Promise<void> {
  const { source, error } = failure;
  const isSuperseded = error instanceof TerminalError && error.code === "superseded_by_newer";
  await ctx.call(catalogue.end, CATALOGUE, {
    deployment,
    status: isSuperseded ? "superseded" : "failed",
    reason: error instanceof Error ? error.message : String(error),
    ...(source === undefined ? {} : { source }),
  });
  // Its logs stay as long as those of a deployment that was replaced.
  await ctx.send(cleanupRemove, { deployment, host }, { delay: REMOVAL_DELAY, id: `failed:${deployment}` });
}

/** What to do when the workflow fails: in reverse order, each after the one before. */
class UndoList {
  readonly #undos: (() => Promise<void>)[] = [];

  add(undo: () => Promise<void>): void {
    this.#undos.push(undo);
  }

  async run(): Promise<void> {
    for (let undo = this.#undos.pop(); undo !== undefined; undo = this.#undos.pop()) await undo();
  }
}
