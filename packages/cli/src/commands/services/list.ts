import { connectionOptions, defineCommand, type Command } from "../../command.ts";
import { connectTo } from "../../connect-to.ts";

export const list: Command = defineCommand({
  args: [],
  options: connectionOptions,
  examples: [{ line: "holdfast services list", help: "what can be called" }],
  async run({ options, out, environment }) {
    const services = await connectTo(options, environment).admin.services.list();
    out.result(services, () => {
      if (services.length === 0) {
        out.note(
          "There is no service. Register a deployment: holdfast deployments register http://localhost:9080",
        );
        return;
      }
      out.table(
        [
          { title: "NAME" },
          { title: "KIND" },
          { title: "REVISION", align: "right" },
          { title: "DEPLOYMENT" },
          { title: "HANDLERS", shrinks: true },
        ],
        services.map(({ name, kind, revision, deployment, handlers, public: isPublic }) => [
          name,
          isPublic ? kind : `${kind}, private`,
          String(revision),
          deployment,
          handlers.map((handler) => handler.name).join(", "),
        ]),
      );
    });
  },
});
