package interop;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** How often things ran that are not recorded. */
final class Tries {
  private static final Map<String, Integer> TRIES = new ConcurrentHashMap<>();

  static int count(String name) {
    return TRIES.merge(name, 1, Integer::sum);
  }

  static int of(String name) {
    return TRIES.get(name);
  }
}
