import { setTimeout as wait } from "node:timers/promises";

import { HoldfastClientError, type AdminClient } from "@holdfast/client";
import type { RegisterDeploymentRequest, RegisterDeploymentResponse } from "@holdfast/protocol";

const PAUSE_MS_MIN = 200;
const PAUSE_MS_MAX = 5_000;

/**
 * Registers, and tries again while nothing answers at the address: server and services start in any order. Other refusals
 * would be the same the next time, and are thrown. Undefined when it was called off.
 */
export async function registerWhenReachable(
  admin: AdminClient,
  request: RegisterDeploymentRequest,
  options: { readonly signal: AbortSignal; readonly onWaiting: (error: HoldfastClientError) => void },
): Promise<RegisterDeploymentResponse | undefined> {
  let pause = PAUSE_MS_MIN;
  while (!options.signal.aborted) {
    try {
      return await admin.deployments.register(request);
    } catch (error) {
      if (options.signal.aborted) return undefined;
      if (!(error instanceof HoldfastClientError) || error.code !== "deployment-unreachable") throw error;
      if (pause === PAUSE_MS_MIN) options.onWaiting(error);
    }
    await wait(pause, undefined, { signal: options.signal }).catch(() => {
      // Called off: the loop ends.
    });
    pause = Math.min(PAUSE_MS_MAX, pause * 2);
  }
  return undefined;
}
