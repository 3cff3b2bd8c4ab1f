/** From a request to the principal in whose name it is made. */
import { HoldfastError } from "@holdfast/protocol";

import type { HttpRequest } from "../../http/exchange.ts";
import type { TokenVerifier } from "./principal.ts";
import { Rates } from "./rate.ts";

export type AuthenticatorOptions = {
  readonly verifier: TokenVerifier;
  /** Requests of one principal in a second. */
  readonly principalRateMax: number;
  /** Tokens from one address that turned out wrong, in a minute. */
  readonly failuresMax: number;
  /** Wall clock, ms. */
  readonly now: () => number;
};

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const BEARER = /^bearer +(\S+)$/i;

/** The principal at once where that is possible, which is nearly always. Throws or rejects with a HoldfastError. */
export type Authenticate = (req: HttpRequest) => string | Promise<string>;

/**
 * Why failures are counted although no token can be guessed: each costs the verification of a signature, and each may be
 * an attempt. Tokens that were valid before get through all the same, until they expire: an address may be a proxy's, with
 * many callers behind it. One that was never seen has to wait there.
 */
export function authenticator(options: AuthenticatorOptions): Authenticate {
  const { verifier, now } = options;
  const rates = new Rates(options.principalRateMax, SECOND_MS, now);
  const failures = new Rates(options.failuresMax, MINUTE_MS, now);
  const admit = (principal: string): string => {
    if (!rates.hasRoom(principal)) {
      throw tooMany(
        `more than ${options.principalRateMax} in a second`,
        "ingress.principalRateMax",
        options.principalRateMax,
      );
    }
    rates.count(principal);
    return principal;
  };
  const verify = async (token: string, address: string): Promise<string> => {
    const principal = await verifier.verify(token);
    if (principal !== undefined) return admit(principal);
    failures.count(address);
    throw unauthorized();
  };
  return (req) => {
    const token = BEARER.exec(req.headers.authorization ?? "")?.[1];
    if (token === undefined) throw unauthorized();
    const known = verifier.known(token);
    if (known !== undefined) return admit(known);
    const address = req.socket.remoteAddress ?? "";
    if (!failures.hasRoom(address) && !verifier.wasValid(token)) {
      throw tooMany(
        `more than ${options.failuresMax} with a wrong token in a minute`,
        "ingress.authFailuresMax",
        options.failuresMax,
      );
    }
    return verify(token, address);
  };
}

/** The same for everything that can be wrong with a token, so that nobody learns how close a forgery came. */
function unauthorized(): HoldfastError {
  const hint =
    "Send Authorization: Bearer <token> with a token that this server knows, or that its issuer signed.";
  return new HoldfastError("unauthorized", {}, { hint });
}

function tooMany(reason: string, name: string, limit: number): HoldfastError {
  return new HoldfastError("rate-limited", { reason, name, limit });
}
