/** Name and version in manifests. Raised together with the version in package.json; a test compares them. */
export const SDK_NAME = "holdfast-sdk-typescript/0.1.0";
