// A gate as a small reverse proxy in Node: keys are judged, allowed requests go on to the provider
// with the real credential.
//
//   npx @bytecodealliance/jco transpile zonegate_component.wasm -o engine
//   ENGINE=engine/zonegate_component.js BUNDLE=zonegate.bundle PROVIDER=powerdns ACCOUNT=main \
//   UPSTREAM=http://127.0.0.1:8081 CREDENTIAL='X-API-Key: secret' PORT=8053 node gate.mjs
//
// What a host must do to be safe stands in docs/component.md; comments repeat it where it is done.

import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const { ENGINE, BUNDLE, PROVIDER, ACCOUNT, UPSTREAM, CREDENTIAL, PORT = "8053" } = process.env;
const { gate } = await import(pathToFileURL(resolve(ENGINE)));
const bundle = gate.Bundle.load(new Uint8Array(readFileSync(BUNDLE)));
const limits = gate.getLimits();
const upstream = new URL(UPSTREAM);
const [, credentialName, credentialValue] = /^([^:]+):\s*(.*)$/.exec(CREDENTIAL);

const MILLISECONDS_MAX = 5000;
const FAILED = { status: 502, headers: [], body: Buffer.from('{"error":"the DNS provider did not answer"}') };

/** Now, as sessions want it. */
const now = () => BigInt(Date.now());
/** Header names and values are bytes: Node gives and takes them as Latin-1. */
const bytes = (text) => new Uint8Array(Buffer.from(text, "latin1"));
const text = (value) => Buffer.from(value).toString("latin1");
/** Node's flat list of names and values as pairs. */
const pairs = (flat) => Array.from({ length: flat.length / 2 }, (_, at) => [flat[2 * at], flat[2 * at + 1]]);

/** A whole message body, or undefined if it has more bytes than a session reads. */
async function whole(stream, bytesMax) {
  const parts = [];
  let size = 0n;
  for await (const part of stream) {
    size += BigInt(part.length);
    if (size > bytesMax) return undefined;
    parts.push(part);
  }
  return new Uint8Array(Buffer.concat(parts));
}

/** Asks the provider: exactly these headers and this body, and the real credential. Redirects are not followed. */
function ask({ method, path, headers, body }) {
  return new Promise((done) => {
    const sent = [["host", upstream.host], ...headers.map(([name, value]) => [text(name), text(value)])];
    sent.push([credentialName, credentialValue]);
    if (body || ["POST", "PUT", "PATCH"].includes(method)) sent.push(["content-length", String(body?.length ?? 0)]);
    const options = { method, path, host: upstream.hostname, port: upstream.port, headers: sent.flat() };
    const client = upstream.protocol === "https:" ? https : http;
    const request = client.request({ ...options, timeout: MILLISECONDS_MAX }, async (response) => {
      try {
        const got = pairs(response.rawHeaders).map(([name, value]) => [bytes(name), bytes(value)]);
        done({ status: response.statusCode, headers: got, body: await whole(response, limits.responseBytesMax) });
      } catch {
        done(undefined);
      }
    });
    request.on("timeout", () => request.destroy());
    request.on("error", () => done(undefined));
    request.end(body);
  });
}

/** Asks a lookup, where requests go too. */
async function look(lookup) {
  const found = await ask(lookup);
  return { id: lookup.id, found: found?.body && { status: found.status, body: found.body } };
}

/** Does what each step says; gives the client's answer. */
async function walk(session, step, incoming) {
  for (;;) {
    switch (step.tag) {
      case "need-body": {
        const body = await whole(incoming, limits.bodyBytesMax);
        step = body ? session.body(body, now()) : session.bodyTooLarge();
        break;
      }
      case "need-lookups":
        step = session.answers(await Promise.all(step.val.map(look)), now());
        break;
      case "allow": {
        // Exactly what the session says goes on, and nothing else of the request.
        const answer = await ask(step.val);
        if (!answer) return FAILED;
        return (answer.body ? session.response(answer) : session.responseTooLarge()).response;
      }
      case "deny":
        return step.val.response;
      case "reply":
        return step.val;
      default:
        throw new Error(`a step that this gate does not know: ${step.tag}`);
    }
  }
}

/** One request, from its headers to its answer. */
async function answer(incoming) {
  const headers = pairs(incoming.rawHeaders).filter(([name]) => name.toLowerCase() !== "host");
  const request = {
    // By our configuration: nothing in a request can change whose API this is.
    provider: PROVIDER,
    account: ACCOUNT,
    method: incoming.method,
    path: bytes(incoming.url),
    authority: bytes(incoming.headers.host ?? ""),
    headers: headers.map(([name, value]) => [bytes(name), bytes(value)]),
    // The address of the connection: no header that a client could write.
    client: incoming.socket.remoteAddress,
    encrypted: Boolean(incoming.socket.encrypted),
    requestId: randomUUID(),
    bodyFollows: "content-length" in incoming.headers || "transfer-encoding" in incoming.headers,
  };
  const [session, step] = bundle.begin(request, now());
  try {
    return await walk(session, step, incoming);
  } finally {
    console.error(session.audit());
    session[Symbol.dispose]?.();
  }
}

http
  .createServer(async (incoming, outgoing) => {
    const { status, headers, body } = await answer(incoming).catch((error) => {
      console.error(error);
      return FAILED;
    });
    const flat = headers.flatMap(([name, value]) => [text(name), text(value)]);
    if (status !== 204 && status !== 304) flat.push("content-length", String(body.length));
    outgoing.writeHead(status, flat);
    outgoing.end(incoming.method === "HEAD" ? undefined : body);
  })
  .listen(Number(PORT), "127.0.0.1", () => console.error(`ready: bundle ${bundle.digest()}`));
