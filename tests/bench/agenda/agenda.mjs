// Agenda over the same jobs as Kejue: node agenda.mjs URI ALONE CROWD CONCURRENCY. Prints lines of
// name and value: single jobs, one at a time and 50 at once, while nothing runs; then all are run.
import { Agenda } from "agenda";
import { MongoBackend } from "@agendajs/mongo-backend";
import { MongoClient } from "mongodb";

const [uri, ...numbers] = process.argv.slice(2);
const [alone, crowd, concurrency] = numbers.map(Number);
const client = await MongoClient.connect(uri, { maxPoolSize: 100 });
const agenda = new Agenda({
  backend: new MongoBackend({ mongo: client.db(`agenda_${process.pid}`) }),
  processEvery: "10 milliseconds",
  maxConcurrency: concurrency,
  defaultConcurrency: concurrency,
  lockLimit: 0,
  defaultLockLimit: 0,
});

const ended = new Promise((resolve) => {
  let count = 0;
  agenda.on("complete", () => ++count === alone + crowd && resolve());
});
agenda.on("fail", (error) => {
  throw error;
});
agenda.define("bench", async ({ attrs: { data } }) => {
  const number = /^\+49(\d+)$/.exec(data.phone);
  return { german: number !== null, n: data.n };
});

const job = (n) => ({
  n,
  campaign: "65a1c0de00000000000000aa",
  contact: `65a1c0de${String(n).padStart(16, "0")}`,
  phone: `+4915${100000000 + n}`,
  assistant: "renewal-reminder-de",
  attempt: 1,
  vars: { first_name: "Johanna", last_name: "Petersen", contract: "KX-2291-77", amount: "149.90",
          city: "Hamburg" },
  window: ["09:00", "18:00"],
  lang: "de",
});

const began = () => performance.now();
const tell = (name, count, since) => console.log(`${name}\t${(count / (performance.now() - since)) * 1000}`);

let since = began();
for (let n = 0; n < alone; n++) await agenda.now("bench", job(n));
tell("one_at_a_time", alone, since);

let next = alone;
const client50 = async () => {
  while (next < alone + crowd) await agenda.now("bench", job(next++));
};
since = began();
await Promise.all(Array.from({ length: 50 }, client50));
tell("50_in_flight", crowd, since);

since = began();
await agenda.start();
await ended;
tell("drain", alone + crowd, since);
await agenda.stop();
await client.close();
process.exit(0);
