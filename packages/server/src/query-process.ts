/** The program of the process that runs queries. */
import { superviseQueries } from "./query/query-supervisor.ts";

superviseQueries();
