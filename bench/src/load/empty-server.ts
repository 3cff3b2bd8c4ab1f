/** Answers every request at once with the same bytes, without looking at it. */
import { createServer, type AddressInfo } from "node:net";

const ANSWER = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 4\r\n\r\n"ok"';

process.on("disconnect", () => process.exit());

const server = createServer((socket) => {
  socket.setNoDelay(true);
  socket.on("data", () => socket.write(ANSWER, "latin1"));
  socket.on("error", () => socket.destroy());
});
server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
