// SPDX-License-Identifier: GPL-2.0
/*
 * Runs one benchmark in this process and prints { boot, times } as JSON.
 *
 * Port-only: node one.js NAME. Time is the machine's real clock; no test depends on it.
 */
import { performance } from "node:perf_hooks";
import { init_main } from "#tools/include/nolibc/init.ts";
import { parse_host } from "#tools/testing/host/config.ts";
import { run_host } from "#tools/testing/host/host.ts";
import { benches } from "./benches.ts";

const clock = (): number => performance.now() * 1e6;
const bench = benches[process.argv[2] ?? ""];
let times: number[] = [];
let boot = 0;

const host = { memory: 2 ** 33, ...parse_host(bench?.host ?? "") };
const start = clock();
const end = run_host(host, init_main, function* () {
	boot = (clock() - start) / 1e6;
	if (bench !== undefined)
		times = yield* bench.fn(clock, bench.rounds);
	return 0;
});
if (end.status !== 0) {
	console.error(`bench: ${process.argv[2]}: the host ended with status ${end.status}`);
	console.error(end.console);
	process.exit(1);
}
console.log(JSON.stringify({ boot, times }));
