package interop;

import dev.restate.sdk.endpoint.Endpoint;
import dev.restate.sdk.http.vertx.RestateHttpServer;
import java.nio.file.Path;

/** The program of ../README.md in Restate's SDK for Java. */
public final class Program {
  public static void main(String[] args) {
    Folder.path = Path.of(args[1]);
    var endpoint = Endpoint.bind(new Sample()).bind(new Tally()).bind(new Flow());
    RestateHttpServer.listen(endpoint, Integer.parseInt(args[0]));
  }
}
