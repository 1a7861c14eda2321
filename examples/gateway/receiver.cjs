// A service behind countersign's gateway, with `npm install standardwebhooks@1.1.1`.
//
//     GATEWAY_SECRET=whsec_.. PORT=3000 node receiver.cjs

const http = require("node:http");
const { Webhook } = require("standardwebhooks");

const webhook = new Webhook(process.env.GATEWAY_SECRET);
// In your database, in the transaction of the work: a gateway that crashed between your answer and its
// own note of it delivers once more, under the same id.
const handled = new Set();

async function receive(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  let event;
  try {
    event = webhook.verify(Buffer.concat(chunks), request.headers);
  } catch {
    return 401;
  }
  const id = request.headers["webhook-id"];
  if (!handled.has(id)) {
    console.log(JSON.stringify({ path: request.url, id, event }));
    handled.add(id);
  }
  return 204;
}

const server = http.createServer((request, response) => {
  receive(request).then(
    (status) => response.writeHead(status).end(),
    () => response.writeHead(500).end(),
  );
});
server.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => console.log(server.address().port));
