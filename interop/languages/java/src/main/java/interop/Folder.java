package interop;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Where the ledger and the gates are. */
final class Folder {
  static Path path;

  /** Writes what a step did to the ledger, in one write to the system. */
  static void note(String what) throws IOException {
    Files.writeString(
        path.resolve("ledger"), what + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
  }

  /** Waits until somebody makes the file. */
  static void pass(String gate) throws InterruptedException {
    while (!Files.exists(path.resolve(gate))) Thread.sleep(5);
  }
}
