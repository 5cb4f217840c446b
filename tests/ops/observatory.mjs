// Mozilla's HTTP Observatory on pages of a site on loopback: the package's own retriever, analyser
// and grader. `node observatory.mjs PACKAGE HOST HTTP_PORT HTTPS_PORT` reads lines of JSON
// {path, cookie} and answers each with {path, status, score, grade, faults}.
// Its command-line takes no path and no cookie, refuses a 404, and asks the network for the host.
import net from "node:net";
import readline from "node:readline";
import { pathToFileURL } from "node:url";

const [folder, host, httpPort, httpsPort] = process.argv.slice(2);
const load = (file) => import(pathToFileURL(`${folder}/src/${file}`).href);

// The names and ports of the real site, which lead to this machine's.
const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function (...given) {
  const options = Array.isArray(given[0]) ? given[0][0] : given[0];
  if (options?.host === host) {
    options.port = Number(options.port) === 443 ? httpsPort : httpPort;
    options.host = "127.0.0.1";
  }
  return connect.apply(this, given);
};

const { retrieve } = await load("retriever/retriever.js");
const { ALL_TESTS } = await load("constants.js");
const grader = await load("grader/grader.js");
const { MINIMUM_SCORE_FOR_EXTRA_CREDIT } = await load("grader/charts.js");

async function examine({ path, cookie }) {
  const headers = ["Accept: text/html", ...(cookie ? [`Cookie: ${cookie}`] : [])];
  const found = await retrieve(host, { path, headers });
  const status = found.responses.auto?.status ?? 0;
  if (!status) return { path, status, score: 0, grade: "F", faults: ["no answer"] };
  const results = ALL_TESTS.map((test) => test(found));
  const points = results.map((each) => grader.getScoreModifier(each.result));
  const lost = points.filter((each) => each < 0).reduce((sum, each) => sum + each, 100);
  const all = points.reduce((sum, each) => sum + each, 100);
  const { score, grade } = grader.getGradeForScore(lost >= MINIMUM_SCORE_FOR_EXTRA_CREDIT ? all : lost);
  const faults = results.filter((each) => !each.pass).map((each) => each.result);
  return { path, status, score, grade, faults, results: results.map((each) => each.result) };
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await examine(JSON.parse(line))));
}
