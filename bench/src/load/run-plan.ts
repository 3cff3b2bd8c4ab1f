/** Opens the connections of a plan, runs it, and says what was measured. */
import { HttpConnection } from "../http/connection.ts";
import { requestTemplate } from "../http/request-template.ts";
import { runClosedLoop, type Loop } from "./closed-loop.ts";
import { runOpenLoop } from "./open-loop.ts";
import type { LoadPlan, LoadResult } from "./plan.ts";
import { Recorder } from "./recorder.ts";

const COUNTER_DIGITS = 8;
const COUNTER_RADIX = 36;

export interface PlanListener {
  onMeasuring(): void;
  onMeasured(): void;
}

export async function runPlan(plan: LoadPlan, listener: PlanListener): Promise<LoadResult> {
  const connections = await openConnections(plan);
  try {
    const recorder = new Recorder(plan);
    const loop: Loop = {
      connections,
      nextRequest: requestsOf(plan),
      recorder,
      onMeasuring: () => listener.onMeasuring(),
      onMeasured: () => listener.onMeasured(),
    };
    await (plan.pace.kind === "closed" ? runClosedLoop(loop, plan.pace) : runOpenLoop(loop, plan.pace));
    return recorder.result();
  } finally {
    for (const connection of connections) connection.close();
  }
}

async function openConnections(plan: LoadPlan): Promise<HttpConnection[]> {
  const connections: HttpConnection[] = [];
  for (let i = 0; i < plan.connections; i++) connections.push(await HttpConnection.open(plan.target));
  return connections;
}

function requestsOf(plan: LoadPlan): () => string {
  const keyLength = plan.keyPrefix.length + COUNTER_DIGITS;
  const render = requestTemplate(plan.request, plan.target, keyLength);
  const keysMax = plan.keysMax ?? Infinity;
  let counter = 0;
  return () => {
    if (counter >= keysMax) counter = 0;
    const key = plan.keyPrefix + counter.toString(COUNTER_RADIX).padStart(COUNTER_DIGITS, "0");
    counter += 1;
    return render(key);
  };
}
