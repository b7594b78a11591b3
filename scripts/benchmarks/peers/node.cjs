// The same work in Node: ws and better-sqlite3, the packages that one would take. No acks, no cursors, no dispatch.
//
// node node.cjs FOLDER-WITH-NODE_MODULES DATABASE: prints its port, and ends on SIGTERM when all is stored.
"use strict";
const path = require("node:path");
const from = require("node:module").createRequire(path.join(path.resolve(process.argv[2]), "here.js"));
const { WebSocketServer } = from("ws");
const Database = from("better-sqlite3");

const EVERY = 250;

const database = new Database(process.argv[3]);
database.pragma("journal_mode = WAL");
database.pragma("synchronous = FULL");
database.exec(
  `CREATE TABLE metrics (turbine_number INTEGER NOT NULL, measured_at INTEGER NOT NULL, wind_speed REAL NOT NULL,
    power_output_in_kwh REAL NOT NULL, operational_status TEXT NOT NULL, sequence INTEGER NOT NULL)`,
);
const insert = database.prepare("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)");
const store = database.transaction((readings) => {
  for (const r of readings) {
    insert.run(
      r.turbine_number, r.measured_at, r.wind_speed, r.power_output_in_kwh, r.operational_status, r.sequence,
    );
  }
});

const isReading = (frame) =>
  frame.type === "metrics" &&
  Number.isSafeInteger(frame.turbine_number) &&
  Number.isSafeInteger(frame.measured_at) &&
  Number.isSafeInteger(frame.sequence) &&
  Number.isFinite(frame.wind_speed) &&
  Number.isFinite(frame.power_output_in_kwh) &&
  (frame.operational_status === "ok" || frame.operational_status === "broken");

let waiting = [];
const commit = () => {
  if (waiting.length) store(waiting);
  waiting = [];
};
setInterval(commit, EVERY);

const server = new WebSocketServer({ host: "127.0.0.1", port: 0, backlog: 2048 });
server.on("connection", (link) => {
  link.on("error", () => {});
  link.on("message", (data) => {
    const frame = JSON.parse(data);
    if (isReading(frame)) waiting.push(frame);
  });
});
server.on("listening", () => console.log(server.address().port));
process.on("SIGTERM", () => {
  commit();
  database.close();
  process.exit(0);
});
