// A client of the bus in JavaScript for Node that needs no package: it speaks nng's protocol over the
// local socket itself, as any language can. Submits a job and reads its result, or follows events;
// after a restart of the daemon it asks again, and no event is missed or told twice.
//
//   client.mjs FOLDER submit KEY          prints {"id": …, "result": …}
//   client.mjs FOLDER follow CURSOR COUNT prints COUNT events after number CURSOR, one a line
import net from "node:net";

const REQ = 0x30, SUB = 0x21;

// Greets, then calls opened(send) and heard(body) for each message; comes back when it is cut off.
function link(path, protocol, opened, heard) {
  let data = Buffer.alloc(0), greeted = false;
  const socket = net.connect(path, () => socket.write(Buffer.from([0, 0x53, 0x50, 0, 0, protocol, 0, 0])));
  socket.on("error", () => {}); // "close" follows
  socket.on("close", () => setTimeout(link, 100, path, protocol, opened, heard));
  socket.on("data", (more) => {
    data = Buffer.concat([data, more]);
    if (!greeted && data.length >= 8) {
      greeted = true;
      data = data.subarray(8);
      opened((body) => { // 1, the length in 8 bytes, the body
        const head = Buffer.alloc(9, 1);
        head.writeBigUInt64BE(BigInt(body.length), 1);
        socket.write(Buffer.concat([head, body]));
      });
    }
    for (let end; greeted && data.length >= 9; data = data.subarray(end)) {
      end = 9 + Number(data.readBigUInt64BE(1));
      if (data.length < end) return;
      heard(data.subarray(9, end));
    }
  });
}

const asked = new Map(); // number -> {body, answer}: many questions may be under way on one link
let send = null, number = 0x80000000;

const question = (message) => new Promise((answer) => { // a question begins with its number
  const body = Buffer.concat([Buffer.alloc(4), Buffer.from(JSON.stringify(message))]);
  body.writeUInt32BE(++number);
  asked.set(number, { body, answer });
  send?.(body);
});

async function ask(cmd, args, key) { // `key`: it may arrive twice, the work is done once
  for (;;) {
    const answer = await question({ id: "1", cmd, args, token: process.env.KEJUE_TOKEN || undefined, idempotency_key: key });
    if (answer.ok) return answer.result;
    if (answer.error.code !== "unavailable") throw new Error(JSON.stringify(answer.error));
    await new Promise((soon) => setTimeout(soon, 100)); // stopping, busy: it may work in a moment
  }
}

async function submit(key) { // a hook that comes with Kejue; the job's own key is taken once
  const payload = { hook: "crm_note.lua:1", event: { plan: { success: "poor" } } };
  let job = await ask("job.submit", { kind: "hook", key, payload }, key);
  do job = await ask("job.get", { id: job.id }); while (["waiting", "running"].includes(job.state));
  console.log(JSON.stringify({ id: job.id, state: job.state, result: job.result }));
}

// SUB is fast but may drop; its numbers tell: only the next one is taken, else event.since is asked.
function follow(cursor, last) {
  const take = (event) => {
    if (event.number === cursor + 1 && cursor < last)
      console.log(JSON.stringify({ number: ++cursor, name: event.name }));
    if (cursor >= last) process.exit(0);
  };
  let busy = false;
  const fetch = async () => {
    if (busy) return;
    busy = true;
    let events;
    do {
      ({ events } = await ask("event.since", { cursor, limit: 1000 }));
      events.forEach(take);
    } while (events.length);
    busy = false;
  };
  setInterval(fetch, 2000); // the last one before a silence may have been dropped
  link(`${folder}/events.ipc`, SUB, fetch, (body) => {
    const event = JSON.parse(body.subarray(body.indexOf(" ") + 1)); // "NAME {…}"
    event.number > cursor + 1 ? fetch() : take(event);
  });
}

const [folder, what, first, count] = process.argv.slice(2);
link(`${folder}/bus.ipc`, REQ, (way) => { send = way; asked.forEach(({ body }) => send(body)); },
  (body) => {
    const { answer } = asked.get(body.readUInt32BE()) ?? {};
    asked.delete(body.readUInt32BE());
    answer?.(JSON.parse(body.subarray(4)));
  });
if (what === "follow") follow(Number(first), Number(first) + Number(count));
else submit(first).then(() => process.exit(0), (error) => { console.error(error.message); process.exit(1); });
