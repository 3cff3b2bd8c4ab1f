package interop;

import dev.restate.sdk.ObjectContext;
import dev.restate.sdk.annotation.Handler;
import dev.restate.sdk.annotation.Name;
import dev.restate.sdk.annotation.VirtualObject;
import dev.restate.sdk.common.StateKey;
import dev.restate.sdk.common.TerminalException;
import java.util.List;

@VirtualObject
@Name("tally")
public class Tally {
  private static final StateKey<Integer> TOTAL = StateKey.of("total", Integer.class);

  @Handler
  public int add(ObjectContext ctx, int amount) {
    var total = ctx.get(TOTAL).orElse(0) + amount;
    ctx.set(TOTAL, total);
    return total;
  }

  @Handler
  public void spoil(ObjectContext ctx) {
    ctx.set(TOTAL, 7);
    throw new TerminalException(422, "spoilt");
  }

  @Handler
  public List<String> clear(ObjectContext ctx) {
    var keys = List.copyOf(ctx.stateKeys());
    ctx.clearAll();
    return keys;
  }
}
