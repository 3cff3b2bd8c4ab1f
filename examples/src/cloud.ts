// Stands for the outside world of the deployment example, and writes down what was done to it.

interface Revision {
  readonly app: string;
  readonly rev: string;
}

/** What happened, in order. */
export const done: string[] = [];

export async function build({ app, rev }: Revision): Promise<{ image: string; builtAt: Date }> {
  done.push(`build ${app}@${rev}`);
  return { image: `${app}:${rev}`, builtAt: new Date() };
}

export async function migrate({ app }: Revision, image: string): Promise<number> {
  done.push(`migrate ${app} for ${image}`);
  return 7;
}

export async function rollbackDatabase({ app }: Revision): Promise<void> {
  done.push(`roll back ${app}`);
}

export async function notify(app: string, rev: string): Promise<void> {
  done.push(`ask about ${app}@${rev}`);
}

export async function switchTraffic({ app }: Revision, image: string): Promise<void> {
  done.push(`switch ${app} to ${image}`);
}

export async function switchBack({ app }: Revision): Promise<void> {
  done.push(`switch ${app} back`);
}

export async function destroy(app: string, rev: string): Promise<void> {
  done.push(`destroy ${app}@${rev}`);
}
