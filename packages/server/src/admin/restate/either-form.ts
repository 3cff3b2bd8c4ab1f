/** `POST /deployments` without a version in its path: whose request it is shows in its body. */
import { registerDeployment } from "../deployments.ts";
import { jsonOf, type AdminRoute } from "../exchange.ts";
import { registerDeployment as registerRestates } from "./deployments.ts";
import { asAdminRoute } from "./exchange.ts";

const asRestates = asAdminRoute(registerRestates);

/** Ours names the address "url", Restate's "uri", or "arn" for what is no address. */
export const registerInEitherForm: AdminRoute = (exchange) => {
  const given = jsonOf(exchange);
  const isRestates =
    typeof given === "object" && given !== null && !("url" in given) && ("uri" in given || "arn" in given);
  return isRestates ? asRestates(exchange) : registerDeployment(exchange);
};
