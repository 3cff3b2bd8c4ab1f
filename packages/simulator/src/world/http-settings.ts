/** Settings of ingress and admin in simulated worlds: the server's defaults, as far as they matter there. */
import { ReceiveBudget, type AdminSettings, type IngressSettings } from "@holdfast/server/parts";

const HOSTS = ["localhost"];
const RECEIVING_BYTES_MAX = 16 * 1024 * 1024;

export type HttpSettings = {
  readonly budget: ReceiveBudget;
  readonly ingress: IngressSettings;
  readonly admin: AdminSettings;
};

/** Of one process: what its connections receive together has one bound. */
export function httpSettings(): HttpSettings {
  const budget = new ReceiveBudget(RECEIVING_BYTES_MAX, "ingress.receivingBytesMax");
  return { budget, ingress: { ...ingressSettings, budget }, admin: { ...adminSettings, budget } };
}

const ingressSettings: Omit<IngressSettings, "budget"> = {
  bodyBytesMax: 1024 * 1024,
  keyBytesMax: 4_096,
  idempotencyKeyBytesMax: 1_024,
  jsonDepthMax: 512,
  waitingCallsMax: 10_000,
  storedHeaders: [],
  corsOrigins: [],
  hosts: HOSTS,
  refuseCrossSite: true,
  authenticate: undefined,
};

const adminSettings: Omit<AdminSettings, "budget"> = {
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
