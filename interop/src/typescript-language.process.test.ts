import { languageSuite } from "./language-suite.contract.ts";

languageSuite("TypeScript");
