// SPDX-License-Identifier: GPL-2.0
/*
 * Boot: memory and CPUs of the machine.
 *
 * Upstream: arch/x86/kernel/{setup,e820,smpboot}.c. The machine was powered on by whoever boots the
 * kernel (memory_install(), cpus_install()).
 */
import type { hpa_t } from "#asm-generic/types.ts";
import { CONFIG_X86_MCE } from "#generated/autoconf.ts";
import { KERN_INFO, pr_info, printk } from "#linux/printk.ts";
import { memblock_add, memblock_end_of_DRAM, memblock_reserve, memblock_reset } from
	"#linux/memblock.ts";
import { setup_nr_cpu_ids } from "#linux/smp.ts";
import { cpus, set_this_cpu } from "#hw/cpu.ts";
import { E820_TYPE_RAM, memory_map } from "#hw/memory.ts";
import { PAGE_SIZE } from "#asm/page_types.ts";
import { mcheck_cpu_init, mcheck_init } from "#asm/mce.ts";
import { boot_cpu_data, early_cpu_init, identify_boot_cpu } from "#asm/processor.ts";
import { load_init_mm, paging_init, tlb_init } from "#asm/setup.ts";

/** First frame behind RAM. */
export let max_pfn = 0;

/* real mode trampoline, BIOS, and the kernel's own static pages */
const LOWMEM_RESERVED = 0x100000;

function hex(x: number): string {
	return `0x${x.toString(16).padStart(16, "0")}`;
}

/** arch/x86/kernel/e820.c:e820__print_table() */
function e820__print_table(who: string): void {
	for (const r of memory_map())
		printk(KERN_INFO + "%s: [mem %s-%s] %s\n", who, hex(r.addr), hex(r.addr + r.size - 1),
			r.type === E820_TYPE_RAM ? "usable" : "reserved");
}

export function e820__end_of_ram_pfn(): number {
	let last = 0;

	for (const r of memory_map())
		if (r.type === E820_TYPE_RAM)
			last = Math.max(last, Math.floor((r.addr + r.size) / PAGE_SIZE));
	return last;
}

/** arch/x86/kernel/e820.c:e820__mapped_raw_any(): any part of [@start, @end) is of @type. */
export function e820__mapped_raw_any(start: hpa_t, end: hpa_t, type: number): boolean {
	for (const entry of memory_map()) {
		if (entry.type !== type)
			continue;
		if (entry.addr >= end || entry.addr + entry.size <= start)
			continue;
		return true;
	}
	return false;
}

/** arch/x86/kernel/e820.c:e820__memblock_setup() */
export function e820__memblock_setup(): void {
	for (const r of memory_map())
		if (r.type === E820_TYPE_RAM)
			memblock_add(r.addr, r.size);
}

/** arch/x86/kernel/smpboot.c: every CPU comes up on the kernel's page tables. */
function bring_up_cpus(): void {
	tlb_init(cpus.length);
	for (const cpu of cpus) {
		set_this_cpu(cpu);
		cpu.cpl = 0;
		cpu.online = true;
		load_init_mm();
	}
	set_this_cpu(cpus[0]!);
	setup_nr_cpu_ids();
}

/** mcheck_init(), and arch/x86/kernel/cpu/common.c:identify_cpu() as far as that goes. */
function machine_checks_init(): void {
	if (!CONFIG_X86_MCE)
		return;

	mcheck_init();
	for (const cpu of cpus) {
		set_this_cpu(cpu);
		mcheck_cpu_init(boot_cpu_data);
	}
	set_this_cpu(cpus[0]!);
}

/** arch/x86/kernel/setup.c:setup_arch() */
export function setup_arch(): void {
	early_cpu_init();
	pr_info("BIOS-provided physical RAM map:\n");
	e820__print_table("BIOS-e820");
	memblock_reset();
	e820__memblock_setup();
	memblock_reserve(0 as hpa_t, LOWMEM_RESERVED);
	max_pfn = e820__end_of_ram_pfn();
	printk(KERN_INFO + "last_pfn = %s max_arch_pfn = 0x400000000\n", `0x${max_pfn.toString(16)}`);
	if (memblock_end_of_DRAM() !== max_pfn * PAGE_SIZE)
		throw new Error("setup_arch: memblock and e820 disagree");
	bring_up_cpus();
	paging_init();
	identify_boot_cpu();
	machine_checks_init();
}
