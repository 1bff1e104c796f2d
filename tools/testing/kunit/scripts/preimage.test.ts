// SPDX-License-Identifier: GPL-2.0
/*
 * Whether the old side of a hunk is found where it is, and missed where it is not.
 */
import { describe, expect, it } from "vitest";
import { find, type preimage } from "#tools/scripts/hunkmap/preimage.ts";

const TEXT = `
export function before(kvm: struct_kvm): void {
	const mem = 1;
}

export function check(mem: struct_kvm_mem): number {
	const new_ = slot;
	return valid_flags(new_);
}
`;
const hunk = (after: string | null, ...names: string[]): preimage =>
	({ id: "2:virt/kvm/kvm_main.c:1", after, names });

describe("old side of a hunk", () => {
	it("is found behind its symbol, as the port spells names", () => {
		expect(find(hunk("before", "check", "kvm_mem", "new", "valid_flags"), "f.ts", TEXT))
			.toEqual({ id: "2:virt/kvm/kvm_main.c:1", at: "f.ts:2", missing: null });
		expect(find(hunk(null, "before", "check"), "f.ts", TEXT).missing).toBe(null);
	});

	it("is missed without the symbol, a name, or their order", () => {
		expect(find(hunk("gone", "check"), "f.ts", TEXT).missing).toBe("gone");
		expect(find(hunk("before", "check", "slots"), "f.ts", TEXT).missing).toBe("slots");
		expect(find(hunk("check", "valid_flags", "slot"), "f.ts", TEXT).missing)
			.toBe("slot");
		expect(find(hunk("check", "kvm"), "f.ts", TEXT).missing).toBe("kvm");
	});
});
