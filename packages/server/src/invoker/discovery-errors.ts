/** Why a deployment is not registered. */
import { HoldfastError } from "@holdfast/protocol";

/** `code`: what failed, as the connection names it; for whoever decides what else to try. */
export function unreachable(url: string, reason: string, code = ""): HoldfastError {
  return new HoldfastError("deployment-unreachable", { url, reason }, { cause: code });
}

export function incompatible(url: string, reason: string, cause?: unknown): HoldfastError {
  return new HoldfastError("deployment-incompatible", { url, reason }, cause === undefined ? {} : { cause });
}

/** As `incompatible`, where Restate's clients know the reason by a code of theirs. */
export function incompatibleWithRestate(url: string, reason: string, restateCode: string): HoldfastError {
  return new HoldfastError("deployment-incompatible", { url, reason, restateCode });
}
