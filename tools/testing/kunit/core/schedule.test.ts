// SPDX-License-Identifier: GPL-2.0
/*
 * A run is a function of the seed: the same program on fresh hosts.
 */
import { Worker } from "node:worker_threads";
import { expect, it } from "vitest";

function order_of(seed: number): Promise<string> {
	return new Promise((resolve, reject) => {
		const host = new Worker(new URL("./schedule_host.js", import.meta.url),
			{ workerData: seed });
		host.on("message", resolve);
		host.on("error", reject);
	});
}

it("the schedule follows the seed and nothing else", async () => {
	const a = await order_of(1), b = await order_of(1), c = await order_of(2);

	expect(a).toBe(b);
	expect(a).not.toBe(c);
	expect([...a].sort().join("")).toBe("aaaaabbbbbcccccddddd");
});
