// What Node answers: as application.py does. `node application.js FD`, a listening socket.
"use strict";
const http = require("node:http");
const zlib = require("node:zlib");

const TEXT = { "Content-Type": "text/plain; charset=utf-8" };

function numbered(size) {
  return Buffer.from("0123456789abcdef\n".repeat(Math.floor(size / 17) + 1)).subarray(0, size);
}

function whole(response, status, headers, body) {
  response.writeHead(status, { ...headers, "Content-Length": Buffer.byteLength(body) });
  response.end(body);
}

function echo(request, url, body) {
  const isJson = request.headers["content-type"] === "application/json";
  return JSON.stringify({
    method: request.method,
    path: decodeURIComponent(url.pathname),
    query: [...url.searchParams],
    headers: ["x-one", "x-two", "content-type"].map((name) => request.headers[name] ?? null),
    cookies: (request.headers.cookie ?? "").split("; ").filter(Boolean).sort(),
    body: isJson && body.length ? JSON.parse(body.toString()) : body.toString("hex"),
  });
}

function answer(request, response, body) {
  const url = new URL(request.url, "http://localhost");
  const [kind, first, second] = url.pathname.split("/").slice(1).map(decodeURIComponent);
  const codings = request.headers["accept-encoding"] ?? "";
  const coded = (coding, compress) =>
    codings.includes(coding)
      ? whole(response, 200, { ...TEXT, "Content-Encoding": coding }, compress(numbered(+first)))
      : whole(response, 200, TEXT, numbered(+first));
  switch (kind) {
    case "status":
      return whole(response, +first, TEXT, `status ${first}`);
    case "bytes":
      return whole(response, 200, TEXT, numbered(+first));
    case "gzip":
      return coded("gzip", zlib.gzipSync);
    case "deflate":
      return coded("deflate", zlib.deflateSync);
    case "chunked": {
      const body = numbered(+first);
      response.writeHead(200, TEXT);
      for (let at = 0; at < body.length; at += 9999) response.write(body.subarray(at, at + 9999));
      return response.end();
    }
    case "redirect": {
      const left = +second - 1;
      const location = left ? `/redirect/${first}/${left}` : "/echo/end?of=redirects";
      return whole(response, +first, { ...TEXT, Location: location }, "moved");
    }
    case "cookies": {
      const cookies = [`${first}=${second}; Path=/`, "z=1; Path=/"];
      return whole(response, 200, { ...TEXT, "Set-Cookie": cookies }, "set");
    }
    case "empty":
      response.writeHead(+first, { "X-Empty": "yes" });
      return response.end();
    case "latin": {
      const latin = { "Content-Type": "text/plain; charset=iso-8859-1" };
      return whole(response, 200, latin, Buffer.from("déjà", "latin1"));
    }
    default:
      return whole(
        response, 200, { "Content-Type": "application/json" }, echo(request, url, body),
      );
  }
}

const server = http.createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => answer(request, response, Buffer.concat(parts)));
});
server.listen({ fd: +process.argv[2] });
