/** What a handler of very many steps writes down about itself. The same for all contenders. */
import type { Control } from "./control.ts";

/** The first steps pay for what is not warm yet. */
const EARLY_FROM = 5;
const EARLY_TO = 105;
const LATE_STEPS = 500;

export interface LongRun {
  /** Called when a step is done, counted from one. */
  passed(step: number): void;
}

/** Made at the entry of the handler: the first attempt gives the cost of steps, a later one the time of the replay. */
export function longRun(control: Control, token: string, steps: number, isReplay: boolean): LongRun {
  const enteredAt = performance.now();
  let earlyFrom = 0;
  let lateFrom = 0;
  return {
    passed: (step) => {
      if (step === EARLY_FROM) earlyFrom = performance.now();
      if (step === steps - LATE_STEPS) lateFrom = performance.now();
      if (isReplay) {
        if (step === steps) control.note(`replay ${token}`, performance.now() - enteredAt);
        return;
      }
      if (step === EARLY_TO)
        control.note(`early ${token}`, (performance.now() - earlyFrom) / (EARLY_TO - EARLY_FROM));
      if (step === steps) control.note(`late ${token}`, (performance.now() - lateFrom) / LATE_STEPS);
    },
  };
}
