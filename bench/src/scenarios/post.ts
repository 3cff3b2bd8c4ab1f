import type { RunningContender } from "../contenders/contender.ts";

/** One request outside of any measured load. Fails unless it succeeds. */
export async function post({ ingress }: RunningContender, path: string, body?: string): Promise<string> {
  const response = await fetch(`http://${ingress.host}:${ingress.port}${path}`, {
    method: "POST",
    ...(body === undefined ? {} : { body, headers: { "content-type": "application/json" } }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text}`);
  return text;
}
