/** Those who wait for a position of the log to become durable, without adding to it. */
import type { HoldfastError } from "@holdfast/protocol";

type Waiter = {
  readonly position: number;
  readonly tell: () => void;
  readonly refuse: (error: HoldfastError) => void;
};

export class DurabilityWaits {
  /** In the order in which they came. One behind a later position is told with that. */
  #waiters: Waiter[] = [];

  add(position: number, tell: () => void, refuse: (error: HoldfastError) => void): void {
    this.#waiters.push({ position, tell, refuse });
  }

  /** Everything up to this position is durable. */
  reached(position: number): void {
    const [first] = this.#waiters;
    if (first === undefined || first.position > position) return;
    const later = this.#waiters.findIndex((waiter) => waiter.position > position);
    const told = this.#waiters.splice(0, later < 0 ? this.#waiters.length : later);
    for (const { tell } of told) tell();
  }

  refuseAll(error: HoldfastError): void {
    const refused = this.#waiters;
    this.#waiters = [];
    for (const { refuse } of refused) refuse(error);
  }
}
