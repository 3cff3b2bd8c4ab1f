/** What the configuration says about who may call. Everything that cannot work is an error at start. */
import { HoldfastError } from "@holdfast/protocol";

import type { Clock } from "../../clock.ts";
import type { Config } from "../../config.ts";
import { isLoopbackAddress } from "../../http/access.ts";
import { authenticator, type Authenticate } from "./authenticator.ts";
import { fetchJson } from "./fetch-keys.ts";
import { JwtVerifier } from "./jwt-verifier.ts";
import { jwtAlgorithms, type JwtAlgorithm, type JwtRules } from "./jwt.ts";
import { KeySet } from "./key-set.ts";
import type { TokenVerifier } from "./principal.ts";
import { StaticTokens } from "./static-tokens.ts";

/** Undefined: everyone may call. Throws `config-invalid`. */
export function authenticationOf(
  values: Config,
  clock: Pick<Clock, "now" | "elapsed">,
  onWarning: (message: string) => void,
): Authenticate | undefined {
  if (values["ingress.auth"] === "off") return undefined;
  const verifier: TokenVerifier =
    values["ingress.auth"] === "token"
      ? new StaticTokens(values["ingress.tokens"])
      : jwtVerifier(values, clock, onWarning);
  return authenticator({
    verifier,
    principalRateMax: values["ingress.principalRateMax"],
    failuresMax: values["ingress.authFailuresMax"],
    now: () => clock.now(),
  });
}

function jwtVerifier(
  values: Config,
  clock: Pick<Clock, "now" | "elapsed">,
  onWarning: (message: string) => void,
): JwtVerifier {
  const url = keysUrl(values["ingress.jwt.jwksUrl"]);
  const rules: JwtRules = {
    issuer: values["ingress.jwt.issuer"],
    audiences: values["ingress.jwt.audiences"],
    algorithms: values["ingress.jwt.algorithms"].map(algorithm),
    clockSkewMs: values["ingress.jwt.clockSkew"],
  };
  if (rules.issuer === "") throw invalid("ingress.jwt.issuer", "ingress.auth is jwt, so it must be set");
  if (rules.audiences.length === 0)
    throw invalid("ingress.jwt.audiences", "ingress.auth is jwt, so there must be one");
  if (rules.algorithms.length === 0) throw invalid("ingress.jwt.algorithms", "there must be one");
  const keys = new KeySet({ fetchKeys: () => fetchJson(url), elapsed: () => clock.elapsed(), onWarning });
  return new JwtVerifier(rules, keys, () => clock.now());
}

/** Whoever can answer in the issuer's place can sign everything, so only TLS will do, or this machine. */
function keysUrl(text: string): URL {
  const key = "ingress.jwt.jwksUrl";
  const url = URL.parse(text);
  if (url === null) throw invalid(key, "ingress.auth is jwt, so it must be the address of the issuer's keys");
  if (url.protocol === "https:" || (url.protocol === "http:" && isLoopbackAddress(url.hostname))) return url;
  throw invalid(key, "it must begin with https://");
}

function algorithm(name: string): JwtAlgorithm {
  const known = jwtAlgorithms.find((each) => each === name);
  if (known !== undefined) return known;
  throw invalid("ingress.jwt.algorithms", `"${name}" is none of ${jwtAlgorithms.join(", ")}`);
}

function invalid(key: string, reason: string): HoldfastError {
  return new HoldfastError("config-invalid", { key, reason });
}
