/** One execution of one durable step. */
export interface StepExecution {
  readonly deployment: string;
  /** Shown to people: "build", "start fra". */
  readonly name: string;
  /** Constant over all executions of the step. */
  readonly key: string;
}

/** Writes down what steps do, and answers for those that were finished before a crash kept the engine from hearing of it. */
export interface StepRecorder {
  /** Runs `work`, unless this step has finished before; then its result is returned again. `describe` is for people. */
  record<Result>(
    step: StepExecution,
    work: () => Result | Promise<Result>,
    describe?: (result: Result) => string,
  ): Promise<Result>;
}
