/** Restate's `e2e-tests`: what a server does around handlers. */
export const SERVER_CASES: ReadonlyArray<readonly [name: string, holds: string]> = [
  ["AwakeableIngressEndpointTest.completeWithSuccess", "an awakeable is resolved over HTTP"],
  ["AwakeableIngressEndpointTest.completeWithFailure", "an awakeable is rejected over HTTP"],
  ["IngressTest.idempotentInvokeVirtualObject", "calls of an object with one key are carried out once"],
  ["IngressTest.idempotentInvokeService", "calls of a service with one key are carried out once"],
  ["IngressTest.idempotentInvokeSend", "sends with one key are accepted once, and then known"],
  ["IngressTest.idempotentSendThenAttach", "the result is waited for by the key"],
  ["IngressTest.privateService", "a private service is refused to callers from outside, and not to handlers"],
  [
    "JournalRetentionTest.journalShouldBeRetained",
    "the journal of a completed invocation is Input, Sleep, its completion, Output",
  ],
  ["OpenAPITest.shouldGenerateValidOpenAPI", "there is an OpenAPI document of a service"],
  ["PauseResumeTest.pauseAndResumeInvocation", "a handler that fails is paused, and resumed"],
  ["PauseResumeChangingDeploymentTest", "the same on another deployment"],
  ["RestartAsNewInvocationTest.restartCompletedWithTerminalException", "a failed invocation is started anew"],
  ["RestartAsNewInvocationTest.restartFromPrefix", "the same with the results it had"],
  ["StatePatchingTest.shouldPatchState", "state that an operator changed is seen by handlers"],
  [
    "UpgradeWithNewInvocation.executesNewInvocationWithLatestServiceRevisions",
    "new invocations go to the newest deployment",
  ],
  ["UpgradeWithInFlightInvocation.inFlightInvocation", "suspended invocations go on where they began"],
];
