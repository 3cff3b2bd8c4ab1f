import { inProcess } from "./session-harness.contract.ts";
import { sessionContract } from "./session.contract.ts";

sessionContract("in the engine's own process", inProcess);
