/**
 * Requests at fixed times, whatever the server does. One that finds no free connection waits for one, and that wait counts:
 * latency is from when the request was due, so a server that stalls is charged for everybody who would have come meanwhile.
 */
import type { HttpConnection } from "../http/connection.ts";
import type { Loop } from "./closed-loop.ts";
import type { OpenLoop } from "./plan.ts";

const MS_PER_SECOND = 1_000;
const TICK_MS = 1;

export function runOpenLoop(loop: Loop, pace: OpenLoop): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const free: HttpConnection[] = [...loop.connections];
  const intervalMs = MS_PER_SECOND / pace.perSecond;
  const startedAt = performance.now();
  const measureFrom = startedAt + pace.warmupMs;
  const endAt = measureFrom + pace.durationMs;
  let issued = 0;
  let outstanding = 0;
  let isMeasuring = false;
  let isOver = false;

  const ticker = setInterval(pump, TICK_MS);
  pump();
  return promise;

  /** Sends what is due. Called by the clock, and by every answer because the clock ticks only each millisecond. */
  function pump(): void {
    if (isOver) return;
    const now = performance.now();
    if (!isMeasuring && now >= measureFrom) {
      isMeasuring = true;
      loop.recorder.begin();
      loop.onMeasuring();
    }
    for (;;) {
      const dueAt = startedAt + issued * intervalMs;
      if (dueAt > now || dueAt > endAt) break;
      const connection = free.pop();
      if (connection === undefined) break;
      issued += 1;
      send(connection, dueAt);
    }
    if (startedAt + issued * intervalMs > endAt && outstanding === 0) finish();
  }

  function send(connection: HttpConnection, dueAt: number): void {
    outstanding += 1;
    const owed = loop.recorder.sent(dueAt);
    connection.send(loop.nextRequest(), {
      onResponse: (response) => {
        outstanding -= 1;
        free.push(connection);
        const problem = loop.recorder.take(response, owed);
        if (problem === undefined) pump();
        else fail(new Error(problem));
      },
      onError: fail,
    });
  }

  function finish(): void {
    isOver = true;
    clearInterval(ticker);
    loop.recorder.end();
    loop.onMeasured();
    resolve();
  }

  function fail(error: Error): void {
    isOver = true;
    clearInterval(ticker);
    reject(error);
  }
}
