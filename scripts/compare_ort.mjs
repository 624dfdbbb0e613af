// Compare the forward pass with ONNX Runtime on the same model and processor, in turn.
//
//   npm install onnxruntime-node
//   ./plumbline bench b32 --write b32.onnx
//   taskset -c 0 node scripts/compare_ort.mjs ./plumbline b32 b32.onnx [rounds]
//
// prints the median time of both for one image and the median and quartiles of the ratios
// ONNX Runtime/Plumbline, pair by pair, one thread each.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { createRequire } from "node:module";

const require = createRequire(process.cwd() + "/");
const ort = require("onnxruntime-node");
const [command, shape, file, rounds = "15"] = process.argv.slice(2);

const session = await ort.InferenceSession.create(file, { intraOpNumThreads: 1, interOpNumThreads: 1 });
const side = shape === "tiny" ? 64 : 224;
const data = Float32Array.from({ length: 3 * side * side }, Math.random);
const feed = { pixel_values: new ort.Tensor("float32", data, [1, 3, side, side]) };

const child = spawn(command, ["bench", shape, "--serve"], { stdio: ["pipe", "pipe", "inherit"] });
const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
await lines.next();

async function ours() {
  child.stdin.write("fwd\n");
  return Number((await lines.next()).value);
}

async function theirs() {
  const start = process.hrtime.bigint();
  await session.run(feed);
  return Number(process.hrtime.bigint() - start) / 1e9;
}

const middle = (v, p = 0.5) => [...v].sort((a, b) => a - b)[Math.floor(p * (v.length - 1) + 0.5)];
await theirs();
const a = [], b = [], r = [];
for (let i = 0; i < Number(rounds); i++) {
  a.push(await ours());
  b.push(await theirs());
  r.push(b[i] / a[i]);
}
console.log(JSON.stringify({
  shape, pass: "fwd", n: r.length, plumbline_s: middle(a), onnxruntime_s: middle(b),
  ratio: middle(r), quartiles: [middle(r, 0.25), middle(r, 0.75)],
}));
child.kill();
process.exit(0); // the runtime keeps threads that would hold the process
