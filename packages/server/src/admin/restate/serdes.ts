/**
 * `POST /internal/services/{service}/serdes/{encode|decode}/{serde}`: tools have the service's own SDK turn JSON into the bytes
 * that its handlers take, and such bytes into JSON to be looked at.
 */
import { HoldfastError } from "@holdfast/protocol";

import { param } from "../exchange.ts";
import type { RestateAnswer, RestateExchange } from "./exchange.ts";
import { notOffered } from "./not-offered.ts";
import { RestateRefusal } from "./refusal.ts";
import { queryText } from "./request.ts";

const JSON_TYPE = "application/json";
const BYTES_TYPE = "application/octet-stream";
/** What an SDK says of bytes or JSON that its serde does not take. */
const UNPROCESSABLE = 422;

export async function convertValue(exchange: RestateExchange): Promise<RestateAnswer> {
  const { engine, body } = exchange;
  const direction = param(exchange, "direction");
  if (direction !== "encode" && direction !== "decode")
    throw new RestateRefusal(400, `"${direction}" is neither encode nor decode`);
  const service = param(exchange, "service");
  const serde = readSerde(param(exchange, "serde"));
  const deployment = deploymentOf(exchange, service);
  const path = `/serdes/${service}/${direction}/${serde.map(encodeURIComponent).join("/")}`;
  const answer = await engine.askDeployment(deployment, path, body);
  if (answer.status !== 200) throw refusedBySdk(answer.status, `${service}/${serde.join("/")}`, direction);
  // Whatever a stranger calls it, it is not for a browser to run.
  const isJson = direction === "decode" || answer.headers["content-type"] === JSON_TYPE;
  return { bytes: answer.body, contentType: isJson ? JSON_TYPE : BYTES_TYPE };
}

/** The name, whose parts become parts of a path again. */
function readSerde(name: string): string[] {
  const parts = name.split("/");
  if (parts.some((part) => part === "" || part === "." || part === ".."))
    throw new RestateRefusal(400, `"${name.slice(0, 100)}" cannot be the name of a serde`);
  return parts;
}

/** The newest deployment of the service, or the one that was asked for. */
function deploymentOf(exchange: RestateExchange, service: string): string {
  const { tables } = exchange.engine;
  const known = tables.service(service);
  const id = queryText(exchange, "deployment") ?? known?.deployment;
  const row = id === undefined ? undefined : tables.deployments.get(id);
  if (id !== undefined && row === undefined)
    throw new HoldfastError("deployment-not-found", { deploymentId: id });
  if (row?.manifest.services.some(({ name }) => name === service) !== true)
    throw new HoldfastError("service-not-found", { service });
  if (row.manifest.restate === undefined)
    throw notOffered("serdes of services that no SDK of Restate's serves");
  return row.id;
}

function refusedBySdk(status: number, serde: string, direction: string): RestateRefusal {
  if (status === UNPROCESSABLE)
    return new RestateRefusal(UNPROCESSABLE, `The serde "${serde}" cannot ${direction} this`);
  return new RestateRefusal(
    500,
    status === 404
      ? `The deployment has no serde "${serde}" that can show its values`
      : `The deployment answered ${status} when it was to ${direction} by the serde "${serde}"`,
  );
}
