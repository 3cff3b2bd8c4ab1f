import { generateKeyPairSync } from "node:crypto";

import { overSignedSocket } from "./session-harness.contract.ts";
import { sessionContract } from "./session.contract.ts";

sessionContract("over a signed connection", overSignedSocket(generateKeyPairSync("ed25519").privateKey));
