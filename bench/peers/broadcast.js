// The least that one writes with node's `ws`: every message to everybody else.
const { WebSocketServer } = require("ws");

const server = new WebSocketServer({
  host: "127.0.0.1",
  port: Number(process.argv[2]),
  backlog: 4096,
  perMessageDeflate: false,
});
server.on("connection", (socket) => {
  socket.on("message", (data, binary) => {
    for (const other of server.clients) if (other !== socket) other.send(data, { binary });
  });
});
