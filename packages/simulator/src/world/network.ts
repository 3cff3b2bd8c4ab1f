/**
 * The network between simulated processes: connections as streams of bytes, each direction in order, with delays, cut at any
 * byte into chunks, reset at any moment, or stalled without a word.
 *
 * A process that is killed closes its connections, after what it had written has been delivered. A machine that loses power
 * says nothing at all.
 */
import type { Random } from "../random.ts";
import type { Lifetime } from "./lifetime.ts";
import type { Scheduler } from "./scheduler.ts";
import { SimSocket, type Carrier } from "./sim-socket.ts";

export type NetworkOptions = {
  /** Delay of a chunk, ms. */
  readonly delayMinMs: number;
  readonly delayMaxMs: number;
  /** Probability that a write arrives in pieces. */
  readonly cutChance: number;
};

/** How long a machine that does not answer is waited for, ms. */
const CONNECT_TIMEOUT_MS = 10_000;

export type ConnectListener = {
  readonly opened: (socket: SimSocket) => void;
  readonly failed: (reason: string) => void;
};

type Listening = { readonly lifetime: Lifetime; readonly accept: (socket: SimSocket) => void };

export class Network {
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #options: NetworkOptions;
  readonly #listening = new Map<string, Listening>();
  readonly #connections = new Set<Connection>();
  /** Addresses that nothing gets to, and until when. */
  readonly #cutUntil = new Map<string, number>();
  #slowness = 1;
  /** Connections that cuts struck, and attempts to connect that they kept from arriving. */
  divided = 0;
  /** Delays that were longer than usual. */
  slowed = 0;

  constructor(scheduler: Scheduler, random: Random, options: NetworkOptions) {
    this.#scheduler = scheduler;
    this.#random = random;
    this.#options = options;
  }

  listen(address: string, lifetime: Lifetime, accept: (socket: SimSocket) => void): void {
    this.#listening.set(address, { lifetime, accept });
  }

  /** Calls back within `lifetime`, never within the call. */
  connect(address: string, lifetime: Lifetime, listener: ConnectListener): void {
    const delay = this.#delay();
    const target = this.#listening.get(address);
    if (target === undefined || !target.lifetime.isAlive) {
      lifetime.after(delay, () => listener.failed("ECONNREFUSED"));
      return;
    }
    if (this.#isCut(address)) {
      this.divided += 1;
      lifetime.after(CONNECT_TIMEOUT_MS, () => listener.failed("ETIMEDOUT"));
      return;
    }
    const connection = new Connection(address, this.#scheduler, () => this.#delay(), this.#pieces);
    const socket = connection.join(lifetime);
    const accepted = connection.join(target.lifetime);
    let isSettled = false;
    this.#connections.add(connection);
    connection.onOver = () => this.#connections.delete(connection);
    target.lifetime.after(delay, () => {
      target.accept(accepted);
      lifetime.after(this.#delay(), () => {
        if (isSettled) return;
        isSettled = true;
        listener.opened(socket);
      });
    });
    // A process that is frozen or a machine without power does not answer, and does not refuse either.
    lifetime.after(CONNECT_TIMEOUT_MS, () => {
      if (isSettled) return;
      isSettled = true;
      socket.destroy();
      listener.failed("ETIMEDOUT");
    });
  }

  #delay(): number {
    const { delayMinMs, delayMaxMs } = this.#options;
    if (this.#slowness > 1) this.slowed += 1;
    return (delayMinMs + (delayMaxMs - delayMinMs) * (this.#random.below(1_000) / 1_000)) * this.#slowness;
  }

  /** What is written in one go may arrive in two. */
  readonly #pieces = (bytes: Buffer | undefined): ReadonlyArray<Buffer | undefined> => {
    if (bytes === undefined || bytes.length < 2 || !this.#random.chance(this.#options.cutChance))
      return [bytes];
    const cut = this.#random.between(1, bytes.length - 1);
    return [bytes.subarray(0, cut), bytes.subarray(cut)];
  };

  #isCut(address: string): boolean {
    return (this.#cutUntil.get(address) ?? 0) > this.#scheduler.now;
  }

  #matching(address: string): Connection[] {
    return [...this.#connections].filter((connection) => connection.address === address);
  }

  /** Resets the connections to an address, and loses what is on its way. Returns how many there were. */
  reset(address: string): number {
    const hit = this.#matching(address);
    for (const connection of hit) connection.reset();
    return hit.length;
  }

  /** For so long nothing arrives on the connections to an address: in both directions, or in one. */
  stall(address: string, ms: number, direction: "both" | "to-listener" | "from-listener"): number {
    const hit = this.#matching(address);
    for (const connection of hit) connection.stall(ms, direction);
    return hit.length;
  }

  /** The network is divided: for so long nothing gets to an address or away from it, and who connects hears nothing. */
  cut(address: string, ms: number): void {
    const until = this.#scheduler.now + ms;
    this.#cutUntil.set(address, Math.max(until, this.#cutUntil.get(address) ?? 0));
    this.divided += this.stall(address, ms, "both");
  }

  /** Everything takes so many times as long. */
  slowDown(factor: number): void {
    this.#slowness = factor;
  }

  heal(): void {
    this.#cutUntil.clear();
    this.#slowness = 1;
    for (const connection of this.#connections) connection.stall(0, "both");
  }

  /** The process has ended. `silently`: its machine lost power, and nobody is told. */
  processEnded(lifetime: Lifetime, silently: boolean): void {
    for (const connection of Array.from(this.#connections)) connection.processEnded(lifetime, silently);
  }
}

type Direction = {
  /** Oldest first. `undefined`: no more will come. */
  readonly queue: Array<Buffer | undefined>;
  stalledUntil: number;
};

class Connection implements Carrier {
  readonly address: string;
  onOver: () => void = () => {};
  readonly #scheduler: Scheduler;
  readonly #delay: () => number;
  readonly #pieces: (bytes: Buffer | undefined) => ReadonlyArray<Buffer | undefined>;
  /** Who connected, and who listened. */
  readonly #ends: SimSocket[] = [];
  readonly #directions: readonly [Direction, Direction] = [
    { queue: [], stalledUntil: 0 },
    { queue: [], stalledUntil: 0 },
  ];
  #isOver = false;
  #isSilent = false;

  constructor(
    address: string,
    scheduler: Scheduler,
    delay: () => number,
    pieces: (bytes: Buffer | undefined) => ReadonlyArray<Buffer | undefined>,
  ) {
    this.address = address;
    this.#scheduler = scheduler;
    this.#delay = delay;
    this.#pieces = pieces;
  }

  join(lifetime: Lifetime): SimSocket {
    const socket = new SimSocket(lifetime, this);
    this.#ends.push(socket);
    return socket;
  }

  carry(from: SimSocket, bytes: Buffer | undefined): void {
    if (this.#isOver || this.#isSilent) return;
    const side = this.#ends.indexOf(from);
    for (const piece of this.#pieces(bytes)) {
      this.#directions[side === 0 ? 0 : 1].queue.push(piece);
      this.#scheduleDelivery(side, this.#delay());
    }
  }

  #scheduleDelivery(side: number, delay: number): void {
    const receiver = this.#ends[1 - side];
    receiver?.lifetime.after(delay, () => this.#deliver(side));
  }

  #deliver(side: number): void {
    if (this.#isOver || this.#isSilent) return;
    const direction = this.#directions[side === 0 ? 0 : 1];
    const rest = direction.stalledUntil - this.#scheduler.now;
    if (rest > 0) {
      // Whole milliseconds: less may be too little to make a later time.
      this.#scheduleDelivery(side, Math.ceil(rest));
      return;
    }
    if (direction.queue.length === 0) return;
    const chunk = direction.queue.shift();
    this.#ends[1 - side]?.received(chunk);
    if (chunk !== undefined) this.#ends[side]?.delivered(chunk.length);
  }

  /** The other end is told when everything before that has arrived. */
  left(from: SimSocket): void {
    const side = this.#ends.indexOf(from);
    const other = this.#ends[1 - side];
    if (other === undefined || this.#isOver || this.#isSilent) return;
    const tell = (): void => {
      if (this.#isOver || this.#isSilent) return;
      const { queue, stalledUntil } = this.#directions[side === 0 ? 0 : 1];
      const rest = Math.max(0, Math.ceil(stalledUntil - this.#scheduler.now));
      if (queue.length > 0 || rest > 0) {
        other.lifetime.after(rest + this.#delay() + 1, tell);
        return;
      }
      this.#over();
      other.received(undefined);
      other.broken(undefined);
    };
    other.lifetime.after(this.#delay() + 1, tell);
    if (!other.lifetime.isAlive) this.#over();
  }

  reset(): void {
    if (this.#isOver) return;
    this.#over();
    for (const end of this.#ends) {
      end.lifetime.after(0, () => end.broken(Object.assign(new Error("ECONNRESET"), { code: "ECONNRESET" })));
    }
  }

  stall(ms: number, direction: "both" | "to-listener" | "from-listener"): void {
    const until = this.#scheduler.now + ms;
    if (direction !== "from-listener") this.#directions[0].stalledUntil = until;
    if (direction !== "to-listener") this.#directions[1].stalledUntil = until;
  }

  processEnded(lifetime: Lifetime, silently: boolean): void {
    const end = this.#ends.find((one) => one.lifetime === lifetime);
    if (end === undefined) return;
    if (silently) this.#isSilent = true;
    else this.left(end);
  }

  #over(): void {
    this.#isOver = true;
    this.onOver();
  }
}
