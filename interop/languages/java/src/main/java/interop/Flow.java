package interop;

import dev.restate.sdk.SharedWorkflowContext;
import dev.restate.sdk.WorkflowContext;
import dev.restate.sdk.annotation.Handler;
import dev.restate.sdk.annotation.Name;
import dev.restate.sdk.annotation.Shared;
import dev.restate.sdk.annotation.Workflow;
import dev.restate.sdk.common.DurablePromiseKey;

@Workflow
@Name("flow")
public class Flow {
  private static final DurablePromiseKey<String> APPROVAL =
      DurablePromiseKey.of("approval", String.class);

  @Workflow
  public String run(WorkflowContext ctx, String start) {
    return start + " " + ctx.promise(APPROVAL).future().await();
  }

  @Shared
  @Handler
  public void approve(SharedWorkflowContext ctx, String by) {
    ctx.promiseHandle(APPROVAL).resolve(by);
  }
}
