/** Settings of ingress and admin in simulated worlds: the server's defaults, as far as they matter there. */
import type { AdminSettings, IngressSettings } from "@holdfast/server/parts";

const HOSTS = ["localhost"];

export const ingressSettings: IngressSettings = {
  bodyBytesMax: 1024 * 1024,
  keyBytesMax: 4_096,
  idempotencyKeyBytesMax: 1_024,
  jsonDepthMax: 512,
  waitingCallsMax: 10_000,
  storedHeaders: [],
  corsOrigins: [],
  hosts: HOSTS,
  refuseCrossSite: true,
};

export const adminSettings: AdminSettings = {
  token: undefined,
  hosts: HOSTS,
  bodyBytesMax: 1024 * 1024,
  keyBytesMax: 4_096,
  jsonDepthMax: 512,
  startedAt: 0,
  version: {
    version: "simulated",
    runtime: "simulated",
    nativeWire: [1],
    restateProtocol: [],
    adminApi: 1,
    ingressUrl: "http://engine:8080",
  },
  limits: [],
  config: [],
};
