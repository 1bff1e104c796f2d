// SPDX-License-Identifier: GPL-2.0
/*
 * A page that a TD has is freed all the same: a BUG, and not the allocator's.
 *
 * Port-only.
 */
import { expect, test } from "vitest";
import { free_page } from "#linux/gfp.ts";
import { fget, fput } from "#linux/file.ts";
import type { struct_kvm } from "#linux/kvm_host.ts";
import { kmsg_text } from "#linux/printk.ts";
import { in_task } from "#tools/testing/kunit/kvm/mmu_env.ts";
import { td_create } from "#tools/testing/selftests/kvm/include/x86_64/tdx.ts";
import { to_kvm_tdx } from "#arch/x86/kvm/vmx/tdx.h.ts";
import { td_long_mode } from "#tools/testing/selftests/kvm/include/x86_64/tdx.ts";
import { boot_tdx } from "./host.ts";

boot_tdx();

test("the TD's root", () => {
	expect(() => in_task(() => {
		const td = td_create([td_long_mode]);
		const file = fget(td.fd)!, { tdr } = to_kvm_tdx(file.private_data as struct_kvm);
		fput(file);
		free_page(tdr);
	})).toThrow();
	expect(kmsg_text().filter((l) => /is freed, and of type 4/.test(l))).toHaveLength(1);
	expect(kmsg_text().filter((l) => /kernel BUG/.test(l)).length).toBeGreaterThan(0);
});
