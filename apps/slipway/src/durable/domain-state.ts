/**
 * What a host name leads to, what it led to before, and what it may lead to again. Plain functions from one state to the
 * next; `domain.ts` gives each host name one such state and lets one change at a time through.
 */

/** A deployment that runs and that the host name may lead to. */
export interface Candidate {
  readonly deployment: string;
  /** Counts the deployments of an application from 1: a higher one is newer. */
  readonly number: number;
  /** The invocation that will remove it when its time has come. Only what is not live has one. */
  readonly removal?: string;
}

export interface Switch {
  /** Of the route, after this switch. */
  readonly version: number;
  readonly kind: SwitchKind;
  readonly from: string | undefined;
  readonly to: string | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
}

export type SwitchKind = "deploy" | "roll back" | "undo";

export interface DomainState {
  readonly live: string | undefined;
  /** Grows with each switch, so that a late message about an older one can be told. */
  readonly version: number;
  /** The highest number that was ever live. */
  readonly newest: number;
  /** Ascending by number. Holds the live one. */
  readonly candidates: readonly Candidate[];
  /** The latest switches, oldest first. */
  readonly history: readonly Switch[];
}

export const emptyDomain: DomainState = {
  live: undefined,
  version: 0,
  newest: 0,
  candidates: [],
  history: [],
};

const HISTORY_MAX = 50;

export type Decision =
  | { readonly kind: "switch"; readonly state: DomainState; readonly made: Switch }
  /** It leads there already. */
  | { readonly kind: "unchanged" }
  /** Something newer has been live: a slow deployment must not take its place. */
  | { readonly kind: "superseded"; readonly by: number }
  | { readonly kind: "refused"; readonly reason: string };

/** A deployment that has just become healthy wants to go live. */
export function decideDeploy(
  state: DomainState,
  next: { readonly deployment: string; readonly number: number },
  at: number,
): Decision {
  if (state.live === next.deployment) return { kind: "unchanged" };
  if (state.newest > next.number) return { kind: "superseded", by: state.newest };
  const candidates = [...state.candidates.filter(({ deployment }) => deployment !== next.deployment), next];
  return switched({ ...state, newest: next.number, candidates }, next.deployment, "deploy", at);
}

/** The newest candidate that is older than what is live. */
export function previousOf(state: DomainState): Candidate | undefined {
  const live = state.candidates.find(({ deployment }) => deployment === state.live);
  return state.candidates.findLast(({ number }) => live !== undefined && number < live.number);
}

/**
 * Somebody wants the previous deployment back. `seen` is what was live when they decided: of two hundred clicks on the
 * same button the first one switches, and the others find that they have got what they wanted.
 */
export function decideRollBack(state: DomainState, seen: string, at: number): Decision {
  if (state.live === undefined) return { kind: "refused", reason: "nothing is live here" };
  if (state.live !== seen) return { kind: "unchanged" };
  const target = previousOf(state);
  if (target === undefined) return { kind: "refused", reason: `there is nothing before ${seen}` };
  return switched(state, target.deployment, "roll back", at);
}

/** A deployment failed after its switch. Only the switch that it made itself is undone. */
export function decideUndo(state: DomainState, made: Switch, at: number): Decision {
  if (state.live !== made.to || state.version !== made.version) return { kind: "unchanged" };
  const candidates = state.candidates.filter(({ deployment }) => deployment !== made.to);
  const back = candidates.find(({ deployment }) => deployment === made.from);
  return switched({ ...state, candidates }, back?.deployment, "undo", at);
}

/** Takes a deployment out of what may go live. Undefined when it may not be taken out, because it is live. */
export function withoutCandidate(state: DomainState, deployment: string): DomainState | undefined {
  if (state.live === deployment) return undefined;
  return {
    ...state,
    candidates: state.candidates.filter((candidate) => candidate.deployment !== deployment),
  };
}

/** Notes which invocation will remove a candidate, or that none will. */
export function withRemoval(
  state: DomainState,
  deployment: string,
  removal: string | undefined,
): DomainState {
  const candidates = state.candidates.map((candidate) => {
    if (candidate.deployment !== deployment) return candidate;
    const { number } = candidate;
    return { deployment, number, ...(removal === undefined ? {} : { removal }) };
  });
  return { ...state, candidates };
}

function switched(state: DomainState, to: string | undefined, kind: SwitchKind, at: number): Decision {
  const made: Switch = { version: state.version + 1, kind, from: state.live, to, at };
  const history = [...state.history, made].slice(-HISTORY_MAX);
  const candidates = state.candidates.toSorted((a, b) => a.number - b.number);
  return { kind: "switch", made, state: { ...state, live: to, version: made.version, candidates, history } };
}
