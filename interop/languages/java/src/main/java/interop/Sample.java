package interop;

import dev.restate.sdk.Awakeable;
import dev.restate.sdk.Context;
import dev.restate.sdk.annotation.Handler;
import dev.restate.sdk.annotation.Name;
import dev.restate.sdk.annotation.Service;
import dev.restate.sdk.common.RetryPolicy;
import dev.restate.sdk.common.TerminalException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

@Service
@Name("sample")
public class Sample {
  private static final RetryPolicy QUICKLY = RetryPolicy.exponential(Duration.ofMillis(1), 1);

  @Handler
  public String echo(Context ctx, String value) {
    return value;
  }

  @Handler
  public List<String> steps(Context ctx, String name) {
    var results = new ArrayList<String>();
    for (var step : List.of("one", "two", "three")) {
      results.add(ctx.run(step, String.class, () -> step + ":" + Tries.count(name + step)));
      ctx.sleep(Duration.ofMillis(5));
    }
    return results;
  }

  @Handler
  public int retried(Context ctx, String name) {
    return ctx.run(
        "flaky",
        Integer.class,
        QUICKLY,
        () -> {
          var times = Tries.count(name);
          if (times < 3) throw new IllegalStateException("not yet");
          return times;
        });
  }

  @Handler
  public String hopeless(Context ctx, String name) {
    var policy = RetryPolicy.exponential(Duration.ofMillis(1), 1).setMaxAttempts(3);
    try {
      ctx.run(
          "fail",
          policy,
          () -> {
            throw new IllegalStateException("try " + Tries.count(name));
          });
      return "worked";
    } catch (TerminalException e) {
      return "gave up after " + Tries.of(name);
    }
  }

  @Handler
  public void terminal(Context ctx) {
    throw new TerminalException(418, "that was it");
  }

  @Handler
  public void mistaken(Context ctx) {
    ctx.run(
        "fail",
        () -> {
          throw new TerminalException(422, "a mistake");
        });
  }

  @Handler
  public void propagate(Context ctx) {
    SampleClient.fromContext(ctx).terminal().await();
  }

  @Handler
  public int eventually(Context ctx, String name) {
    var times = Tries.count(name);
    if (times < 4) throw new IllegalStateException("not yet");
    return times;
  }

  @Handler
  public String headers(Context ctx) {
    return ctx.request().headers().get("x-test");
  }

  @Handler
  public String nap(Context ctx, long ms) {
    ctx.sleep(Duration.ofMillis(ms));
    return "slept";
  }

  @Handler
  public List<Integer> relay(Context ctx, String key) {
    var results = new ArrayList<Integer>();
    for (var amount : List.of(1, 2)) {
      results.add(TallyClient.fromContext(ctx, key).add(amount).await());
    }
    TallyClient.fromContext(ctx, key).send().add(3);
    results.add(TallyClient.fromContext(ctx, key).add(0).await());
    return results;
  }

  @Handler
  public String awake(Context ctx) {
    Awakeable<String> awakeable = ctx.awakeable(String.class);
    SampleClient.fromContext(ctx).send().wake(awakeable.id());
    return awakeable.await();
  }

  @Handler
  public void wake(Context ctx, String id) {
    ctx.awakeableHandle(id).resolve(String.class, "woken");
  }

  @Handler
  public List<Object> journey(Context ctx, String name) {
    var first = noted(ctx, name, "first");
    var slow = gated(ctx, name, "slow");
    noted(ctx, name, "sleepy");
    ctx.sleep(Duration.ofSeconds(2));
    Awakeable<String> awakeable = ctx.awakeable(String.class);
    noted(ctx, name, "awaits " + awakeable.id());
    var woken = awakeable.await();
    var called = SampleClient.fromContext(ctx).callee(name).await();
    var total = TallyClient.fromContext(ctx, name).add(1).await();
    return List.of(first, slow, woken, called, total, noted(ctx, name, "last"));
  }

  @Handler
  public String callee(Context ctx, String name) {
    return gated(ctx, name, "callee");
  }

  @Handler
  public String caller(Context ctx, String name) {
    try {
      return SampleClient.fromContext(ctx).waiter(name).await();
    } catch (TerminalException e) {
      noted(ctx, name, "caller cleaned up");
      throw e;
    }
  }

  @Handler
  public String waiter(Context ctx, String name) {
    Awakeable<String> never = ctx.awakeable(String.class);
    try {
      // A cancel is heard at the first wait after it came, which may be that for the step.
      noted(ctx, name, "waits");
      return never.await();
    } catch (TerminalException e) {
      noted(ctx, name, "waiter cleaned up");
      throw e;
    }
  }

  /** A step that says in the ledger that it ran. */
  private static String noted(Context ctx, String name, String step) {
    return ctx.run(
        step,
        String.class,
        () -> {
          Folder.note(name + ":" + step);
          return step;
        });
  }

  /** A step that says so, and then waits until it may go on. */
  private static String gated(Context ctx, String name, String step) {
    return ctx.run(
        step,
        String.class,
        () -> {
          Folder.note(name + ":" + step);
          Folder.pass(name + "." + step);
          return step;
        });
  }
}
