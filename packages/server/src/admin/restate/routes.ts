/** Every route of Restate's admin API, so that its clients and tools work here unchanged. */
import { Router } from "../../http/router.ts";
import { updateDeployment } from "./deployment-update.ts";
import { getDeployment, listDeployments, registerDeployment, removeDeployment } from "./deployments.ts";
import type { RestateRoute } from "./exchange.ts";
import { CHANGES } from "./invocation-changes.ts";
import { changeMany, deleteInvocation, patchesInvocation } from "./invocations.ts";
import { refuses } from "./not-offered.ts";
import { convertValue } from "./serdes.ts";
import { getClusterHealth, getHealth, getVersion } from "./server-info.ts";
import { getHandler, getOpenApi, getService, listHandlers, listServices, patchService } from "./services.ts";
import { modifyState } from "./state.ts";

const subscriptions = refuses("subscriptions: nothing is read from Kafka");
const kafkaClusters = refuses("Kafka clusters");
const limits = refuses("limits on scopes; objects run one call per key at a time");
const queues = refuses("vqueues");

export const restateRoutes: Router<RestateRoute> = new Router<RestateRoute>()
  .on("GET", "/health", getHealth)
  .on("GET", "/version", getVersion)
  .on("GET", "/cluster-health", getClusterHealth)
  .on("GET", "/deployments", listDeployments)
  .on("POST", "/deployments", registerDeployment)
  .on("GET", "/deployments/:id", getDeployment)
  .on("PATCH", "/deployments/:id", updateDeployment)
  .on("DELETE", "/deployments/:id", removeDeployment)
  .on("GET", "/services", listServices)
  .on("GET", "/services/:service", getService)
  .on("PATCH", "/services/:service", patchService)
  .on("GET", "/services/:service/openapi", getOpenApi)
  .on("GET", "/services/:service/handlers", listHandlers)
  .on("GET", "/services/:service/handlers/:handler", getHandler)
  .on("POST", "/services/:service/state", modifyState)
  .on("DELETE", "/invocations/:id", deleteInvocation)
  .on("POST", "/internal/invocations_batch_operations/:change", changeMany)
  .on("GET", "/openapi", refuses("an OpenAPI document of its admin API"))
  .on("GET", "/subscriptions", () => ({ body: { subscriptions: [] } }))
  .on("POST", "/subscriptions", subscriptions)
  .on("GET DELETE", "/subscriptions/:id", subscriptions)
  .on("GET POST", "/kafka-clusters", kafkaClusters)
  .on("GET PATCH DELETE", "/kafka-clusters/:name", kafkaClusters)
  .on("PUT", "/limits/rules", limits)
  .on("POST", "/limits/rules/bulk-delete", limits)
  .on("POST", "/vqueues/:id/pause", queues)
  .on("POST", "/vqueues/:id/resume", queues)
  .on("POST", "/internal/services/:service/serdes/:direction/*serde", convertValue);

for (const change of CHANGES)
  restateRoutes.on("PATCH", `/invocations/:id/${change}`, patchesInvocation(change));
