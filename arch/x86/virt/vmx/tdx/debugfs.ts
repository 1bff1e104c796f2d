// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/kernel/debug/tdx: SEAMCALLs, counted and made to fail.
 *
 * Port-only. Numbers of leaves and completion codes are the module's.
 *
 *	seamcalls	"leaf count" of those that were called; any write makes them 0
 *	fail		"leaf code details times skip": so many calls of the leaf, after skip more,
 *			fail with the code (bits 63:32 of RAX), the details below it; "off": none.
 *			Reads the same, what is left of times and skip
 */
import { late_initcall } from "#asm-generic/registry.ts";
import { EINVAL } from "#linux/errno.ts";
import { debugfs_create_dir } from "#linux/debugfs.ts";
import { proc_create_single } from "#linux/proc_fs.ts";
import { seq_printf } from "#linux/seq_file.ts";
import { platform_tdx_enabled, seamcall_counts, seamcall_counts_reset, seamcall_fail,
	seamcall_fail_reset, seamcall_faults } from "#asm/tdx.ts";

function fail_store(text: string): number {
	const words = text.trim().split(/\s+/), numbers = words.map(Number);

	if (words[0] === "off") {
		seamcall_fail_reset();
		return 0;
	}
	if (numbers.length < 2 || numbers.length > 5 ||
	    !numbers.every((n) => Number.isInteger(n) && n >= 0 && n < 2 ** 32) ||
	    numbers[0]! >= seamcall_counts.length)
		return -EINVAL;
	seamcall_fail(numbers[0]!, numbers[1]!, ...numbers.slice(2));
	return 0;
}

function tdx_debugfs_init(): number {
	if (!platform_tdx_enabled())
		return 0;

	const dir = debugfs_create_dir("tdx", null);

	proc_create_single(`${dir}/seamcalls`, 0o644, (m) => {
		seamcall_counts.forEach((n, leaf) => {
			if (n !== 0)
				seq_printf(m, "%d %u\n", leaf, n);
		});
		return 0;
	}, () => {
		seamcall_counts_reset();
		return 0;
	});
	proc_create_single(`${dir}/fail`, 0o644, (m) => {
		for (const [leaf, f] of seamcall_faults)
			seq_printf(m, "%d 0x%x 0x%x %u %u\n", leaf, f.code, f.details, f.times,
				f.skip);
		return 0;
	}, fail_store);
	return 0;
}
late_initcall("arch/x86/virt/vmx/tdx/debugfs", tdx_debugfs_init);
