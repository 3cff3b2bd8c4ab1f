/** The file with the private key that this engine signs its requests to handlers with. */
import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";

import { HoldfastError } from "@holdfast/protocol";

import { NodeDisk } from "./log/node-disk.ts";

const FILE_NAME = "identity.pem";
const FILE_MODE = 0o600;
const GROUP_AND_OTHERS = 0o077;

/** Where the key lies unless `identity.keyFile` says otherwise. */
export function identityKeyPath(dataDirectory: string): string {
  return join(dataDirectory, FILE_NAME);
}

/**
 * Reads the key, and makes it where the file is missing. Throws `config-invalid` when it is no Ed25519 key, and when others
 * than its owner may read it: whoever has it can run every handler that trusts this engine.
 */
export function identityKey(path: string): KeyObject {
  if (!existsSync(path)) makeKey(path);
  const fd = openSync(path, "r");
  try {
    const { mode } = fstatSync(fd);
    // Windows has no such bits.
    if (process.platform !== "win32" && (mode & GROUP_AND_OTHERS) !== 0) {
      const shown = (mode & 0o777).toString(8);
      throw refused(
        path,
        `others may read it (mode ${shown})`,
        `Run: chmod 600 ${path}. If others had access, make a new key.`,
      );
    }
    return readKey(path, readFileSync(fd, "utf8"));
  } finally {
    closeSync(fd);
  }
}

function readKey(path: string, text: string): KeyObject {
  let key: KeyObject | undefined;
  try {
    key = createPrivateKey(text);
  } catch {
    // Below: whatever it is, it is not the key that was expected, and why it cannot be read might quote from it.
  }
  if (key?.asymmetricKeyType === "ed25519") return key;
  throw refused(
    path,
    "it holds no Ed25519 private key in PEM form",
    "Remove the file to have a new key made, or put it there with: openssl genpkey -algorithm ed25519",
  );
}

function makeKey(path: string): void {
  const { privateKey } = generateKeyPairSync("ed25519");
  const unfinished = `${path}.new`;
  const fd = openSync(unfinished, "w", FILE_MODE);
  try {
    writeSync(fd, privateKey.export({ type: "pkcs8", format: "pem" }).toString());
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  // Under its name it is whole. Endpoints will be told the public half, so it is there for good before this returns.
  renameSync(unfinished, path);
  new NodeDisk().syncDirectory(dirname(path));
}

function refused(path: string, reason: string, hint: string): HoldfastError {
  return new HoldfastError(
    "config-invalid",
    {},
    { message: `The key file ${path} is not used: ${reason}`, hint },
  );
}
