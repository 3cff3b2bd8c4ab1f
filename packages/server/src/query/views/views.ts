/** Every view there is, in the order of their pages. */
import type { View } from "../view.ts";
import { deploymentView, serviceView } from "./deployment-views.ts";
import { invocationStateView, invocationStatusView, invocationView } from "./invocation-views.ts";
import { journalEventView, journalView } from "./journal-views.ts";
import { inboxView, keyedServiceStatusView, promiseView, stateView } from "./object-views.ts";

export const views: readonly View[] = [
  invocationView,
  invocationStatusView,
  invocationStateView,
  journalView,
  journalEventView,
  stateView,
  inboxView,
  keyedServiceStatusView,
  promiseView,
  deploymentView,
  serviceView,
];
