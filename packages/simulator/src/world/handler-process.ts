/** A process that serves handlers: the product's SDK over simulated sockets and a simulated clock. */
import type { EndpointManifest, Servable } from "@holdfast/protocol";
import {
  createTurns,
  definitionsIn,
  endpointManifest,
  NativeConnection,
  ProgramTable,
  systemDefer,
  systemEnvironment,
} from "@holdfast/sdk/parts";

import type { Lifetime } from "./lifetime.ts";
import type { Network } from "./network.ts";
import { processClock, type WallClock } from "./process-clock.ts";
import type { Scheduler } from "./scheduler.ts";
import type { SimSocket } from "./sim-socket.ts";

/** As `serve` of the SDK has it: silence after which an engine counts as gone, ms. */
const SILENCE_MS_MAX = 60_000;
const FRAME_BYTES_MAX = 4 * 1024 * 1024;

export type HandlerMachine = {
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly wall: WallClock;
  readonly address: string;
  readonly services: readonly Servable[];
  readonly sessionsMax: number;
  readonly creditBytes: number;
  readonly lifetime: Lifetime;
};

export class HandlerProcess {
  readonly lifetime: Lifetime;
  readonly manifest: EndpointManifest;
  readonly #machine: HandlerMachine;
  readonly #programs: ProgramTable;
  readonly #connections = new Set<NativeConnection>();
  readonly #environment: ReturnType<typeof systemEnvironment>;

  constructor(machine: HandlerMachine) {
    const { scheduler, network, wall, address, services } = machine;
    this.#machine = machine;
    this.lifetime = machine.lifetime;
    const definitions = definitionsIn(services);
    this.manifest = endpointManifest(definitions, ["native"]);
    this.#programs = new ProgramTable(definitions);
    const clock = processClock(scheduler, wall, this.lifetime);
    this.#environment = systemEnvironment(
      { log: () => {} },
      {
        now: () => clock.now(),
        timers: { set: (ms, callback) => clock.after(ms, callback) },
        turns: createTurns(systemDefer()),
      },
    );
    network.listen(address, this.lifetime, (socket) => this.#accept(socket));
  }

  /** Attempts that it has in memory. */
  get sessionCount(): number {
    let count = 0;
    for (const connection of this.#connections) count += connection.sessionCount;
    return count;
  }

  #accept(socket: SimSocket): void {
    const connection = new NativeConnection({
      pipe: {
        write: (bytes) => socket.write(bytes),
        end: () => void socket.end(),
        destroy: () => void socket.destroy(),
      },
      programs: this.#programs,
      environment: this.#environment,
      frameBytesMax: FRAME_BYTES_MAX,
      sessionsMax: this.#machine.sessionsMax,
      creditBytes: this.#machine.creditBytes,
      onProblem: () => {},
    });
    this.#connections.add(connection);
    let lastHeard = this.#machine.scheduler.now;
    const watch = (): void => {
      const silence = this.#machine.scheduler.now - lastHeard;
      if (socket.destroyed) return;
      if (silence >= SILENCE_MS_MAX) socket.destroy();
      else this.lifetime.after(Math.ceil(SILENCE_MS_MAX - silence), watch);
    };
    this.lifetime.after(SILENCE_MS_MAX, watch);
    socket.on("data", (chunk: Buffer) => {
      lastHeard = this.#machine.scheduler.now;
      connection.receive(chunk);
    });
    socket.on("drain", () => connection.resume());
    socket.on("end", () => void socket.destroy());
    socket.on("close", () => {
      this.#connections.delete(connection);
      connection.lost("the connection to the engine was lost");
    });
  }
}
