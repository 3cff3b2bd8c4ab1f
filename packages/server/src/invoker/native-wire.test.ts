import { overSocket } from "./session-harness.contract.ts";
import { sessionContract } from "./session.contract.ts";

sessionContract("over a socket", overSocket);
