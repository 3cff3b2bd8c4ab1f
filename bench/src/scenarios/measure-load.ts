/** Runs a load plan against a contender and reads its meters at the edges of the measured part. */
import type { RunningContender } from "../contenders/contender.ts";
import type { RequestShape } from "../http/request-template.ts";
import { Histogram } from "../load/histogram.ts";
import type { ClosedLoop, LoadPlan, LoadResult, OpenLoop } from "../load/plan.ts";
import { deviceBytes } from "../machine/device-bytes.ts";
import { usageOf, type Usage } from "../process/usage.ts";
import type { Stage } from "./cell.ts";
import type { Latency, Measurement } from "./measurement.ts";

export interface LoadOptions {
  readonly request: RequestShape;
  readonly expect?: string;
  readonly connections: number;
  readonly keysMax?: number;
  readonly stepsPerOperation?: number;
  readonly pace?: ClosedLoop | OpenLoop;
  /** Instead of the contender that runs all the time. */
  readonly running?: RunningContender;
}

export interface MeasuredLoad {
  readonly result: LoadResult;
  readonly measurement: Measurement;
}

const NS_PER_MS = 1e6;
const MS_PER_SECOND = 1_000;
const MICROS_PER_MS = 1_000;

export async function measureLoad(stage: Stage, options: LoadOptions): Promise<MeasuredLoad> {
  const running = options.running ?? (await stage.running());
  const { connections } = options;
  const plan: LoadPlan = {
    target: running.ingress,
    request: options.request,
    connections,
    keyPrefix: stage.tag,
    pace: options.pace ?? {
      kind: "closed",
      warmupMs: stage.warmupMs,
      durationMs: stage.durationMs,
      operationsMin: connections,
    },
    ...(options.expect === undefined ? {} : { expect: options.expect }),
    ...(options.keysMax === undefined ? {} : { keysMax: options.keysMax }),
  };
  const meter = new Meter(running);
  // Warm-up and all: what is written while nobody measures belongs to an operation as much as the rest.
  const bytesBefore = deviceBytes(stage.directory);
  const result = await stage.load.run(plan, {
    onMeasuring: () => meter.start(),
    onMeasured: () => meter.stop(),
  });
  const bytesPerOp = bytesOf(bytesBefore, deviceBytes(stage.directory), result.operationsInAll);
  const perSecond = (result.operations / result.elapsedMs) * MS_PER_SECOND;
  const measurement: Measurement = {
    value: perSecond,
    operations: result.operations,
    latency: latencyOf(result),
    generatorCpuMicrosPerOp: result.generatorCpuMicros / result.operations,
    generatorCpuShare: result.generatorCpuMicros / MICROS_PER_MS / result.elapsedMs,
    ...meter.perOperation(result.operations),
    ...(bytesPerOp === undefined ? {} : { bytesPerOp }),
    ...(bytesPerOp === undefined || options.stepsPerOperation === undefined
      ? {}
      : { bytesPerStep: bytesPerOp / options.stepsPerOperation }),
  };
  return { result, measurement };
}

function bytesOf(
  before: number | undefined,
  after: number | undefined,
  operations: number,
): number | undefined {
  return before === undefined || after === undefined ? undefined : (after - before) / operations;
}

export function latencyOf({ latency }: LoadResult): Latency {
  const histogram = Histogram.of(latency.counts, latency.max);
  const at = (share: number): number => histogram.percentile(share) / NS_PER_MS;
  return {
    p50: at(0.5),
    p99: at(0.99),
    p999: at(0.999),
    max: latency.max / NS_PER_MS,
    counts: latency.counts,
  };
}

/** What server and handlers used between two moments. */
export class Meter {
  readonly #running: RunningContender;
  #before: { readonly server: Usage; readonly handlers: Usage } | undefined;
  #after: { readonly server: Usage; readonly handlers: Usage } | undefined;

  constructor(running: RunningContender) {
    this.#running = running;
  }

  start(): void {
    this.#before = this.#read();
  }

  stop(): void {
    this.#after = this.#read();
  }

  perOperation(operations: number): Pick<Measurement, "cpuMicrosPerOp" | "residentBytes"> {
    const before = this.#before;
    const after = this.#after;
    if (before === undefined || after === undefined || operations === 0) return {};
    // A database that was running before is somebody else's, and what it costs is not known.
    if (this.#running.pids("server").length === 0) return {};
    const cpu = (role: "server" | "handlers"): number =>
      (after[role].cpuMicros - before[role].cpuMicros) / operations;
    return {
      cpuMicrosPerOp: { server: cpu("server"), handlers: cpu("handlers") },
      residentBytes: { server: after.server.residentBytes, handlers: after.handlers.residentBytes },
    };
  }

  #read(): { readonly server: Usage; readonly handlers: Usage } {
    return {
      server: usageOf(this.#running.pids("server")),
      handlers: usageOf(this.#running.pids("handlers")),
    };
  }
}
