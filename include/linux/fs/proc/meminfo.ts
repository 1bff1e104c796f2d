// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/meminfo.
 *
 * Upstream: fs/proc/meminfo.c. Left out: vmalloc and per-cpu memory, of which there is none (0).
 */
import { CONFIG_MEMORY_FAILURE, CONFIG_TRANSPARENT_HUGEPAGE } from "#generated/autoconf.ts";
import { fs_initcall } from "#asm-generic/registry.ts";
import { hugetlb_report_meminfo } from "#linux/hugetlb.ts";
import { IS_ENABLED } from "#linux/kconfig.ts";
import { si_mem_available, si_meminfo, struct_sysinfo, vm_commit_limit } from "#linux/mm.ts";
import { vm_memory_committed } from "#linux/mman.ts";
import { proc_create_single } from "#linux/proc_fs.ts";
import { seq_printf, seq_put_decimal_ull_width, seq_puts, type struct_seq_file } from
	"#linux/seq_file.ts";
import { total_swapcache_pages } from "#linux/swap.ts";
import { num_poisoned_pages_read } from "#linux/swapops.ts";
import { LRU_ACTIVE_ANON, LRU_ACTIVE_FILE, LRU_INACTIVE_ANON, LRU_INACTIVE_FILE, LRU_UNEVICTABLE,
	NR_ANON_MAPPED, NR_ANON_THPS, NR_BOUNCE, NR_FILE_DIRTY, NR_FILE_MAPPED, NR_FILE_PAGES,
	NR_FILE_PMDMAPPED, NR_FILE_THPS, NR_KERNEL_MISC_RECLAIMABLE, NR_KERNEL_STACK_KB,
	NR_LRU_BASE, NR_MLOCK, NR_PAGETABLE, NR_SHMEM_PMDMAPPED, NR_SHMEM_THPS,
	NR_SLAB_RECLAIMABLE_B, NR_SLAB_UNRECLAIMABLE_B, NR_WRITEBACK, NR_WRITEBACK_TEMP,
	global_node_page_state, global_node_page_state_pages, global_zone_page_state } from
	"#linux/vmstat.ts";
import { PAGE_SHIFT } from "#asm/page_types.ts";

function show_val_kb(m: struct_seq_file, s: string, num: number): void {
	seq_put_decimal_ull_width(m, s, num * 2 ** (PAGE_SHIFT - 10), 8);
	seq_puts(m, " kB\n");
}

/** fs/proc/meminfo.c:meminfo_proc_show() */
function meminfo_proc_show(m: struct_seq_file): number {
	const i = new struct_sysinfo();

	si_meminfo(i);
	const committed = vm_memory_committed();

	let cached = global_node_page_state(NR_FILE_PAGES) - total_swapcache_pages() - i.bufferram;
	if (cached < 0)
		cached = 0;

	const pages = (lru: number): number => global_node_page_state(NR_LRU_BASE + lru);

	const available = si_mem_available();
	const sreclaimable = global_node_page_state_pages(NR_SLAB_RECLAIMABLE_B);
	const sunreclaim = global_node_page_state_pages(NR_SLAB_UNRECLAIMABLE_B);

	show_val_kb(m, "MemTotal:       ", i.totalram);
	show_val_kb(m, "MemFree:        ", i.freeram);
	show_val_kb(m, "MemAvailable:   ", available);
	show_val_kb(m, "Buffers:        ", i.bufferram);
	show_val_kb(m, "Cached:         ", cached);
	show_val_kb(m, "SwapCached:     ", total_swapcache_pages());
	show_val_kb(m, "Active:         ", pages(LRU_ACTIVE_ANON) + pages(LRU_ACTIVE_FILE));
	show_val_kb(m, "Inactive:       ", pages(LRU_INACTIVE_ANON) + pages(LRU_INACTIVE_FILE));
	show_val_kb(m, "Active(anon):   ", pages(LRU_ACTIVE_ANON));
	show_val_kb(m, "Inactive(anon): ", pages(LRU_INACTIVE_ANON));
	show_val_kb(m, "Active(file):   ", pages(LRU_ACTIVE_FILE));
	show_val_kb(m, "Inactive(file): ", pages(LRU_INACTIVE_FILE));
	show_val_kb(m, "Unevictable:    ", pages(LRU_UNEVICTABLE));
	show_val_kb(m, "Mlocked:        ", global_zone_page_state(NR_MLOCK));

	show_val_kb(m, "SwapTotal:      ", i.totalswap);
	show_val_kb(m, "SwapFree:       ", i.freeswap);
	show_val_kb(m, "Dirty:          ", global_node_page_state(NR_FILE_DIRTY));
	show_val_kb(m, "Writeback:      ", global_node_page_state(NR_WRITEBACK));
	show_val_kb(m, "AnonPages:      ", global_node_page_state(NR_ANON_MAPPED));
	show_val_kb(m, "Mapped:         ", global_node_page_state(NR_FILE_MAPPED));
	show_val_kb(m, "Shmem:          ", i.sharedram);
	show_val_kb(m, "KReclaimable:   ", sreclaimable +
		global_node_page_state(NR_KERNEL_MISC_RECLAIMABLE));
	show_val_kb(m, "Slab:           ", sreclaimable + sunreclaim);
	show_val_kb(m, "SReclaimable:   ", sreclaimable);
	show_val_kb(m, "SUnreclaim:     ", sunreclaim);
	seq_printf(m, "KernelStack:    %8lu kB\n", global_node_page_state(NR_KERNEL_STACK_KB));
	show_val_kb(m, "PageTables:     ", global_node_page_state(NR_PAGETABLE));

	show_val_kb(m, "NFS_Unstable:   ", 0);
	show_val_kb(m, "Bounce:         ", global_zone_page_state(NR_BOUNCE));
	show_val_kb(m, "WritebackTmp:   ", global_node_page_state(NR_WRITEBACK_TEMP));
	show_val_kb(m, "CommitLimit:    ", vm_commit_limit());
	show_val_kb(m, "Committed_AS:   ", committed);
	seq_printf(m, "VmallocTotal:   %8lu kB\n", 34359738367);
	show_val_kb(m, "VmallocUsed:    ", 0);
	show_val_kb(m, "VmallocChunk:   ", 0);
	show_val_kb(m, "Percpu:         ", 0);

	if (IS_ENABLED(CONFIG_MEMORY_FAILURE))
		seq_printf(m, "HardwareCorrupted: %5lu kB\n", num_poisoned_pages_read() * 4);

	if (IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE)) {
		show_val_kb(m, "AnonHugePages:  ", global_node_page_state(NR_ANON_THPS));
		show_val_kb(m, "ShmemHugePages: ", global_node_page_state(NR_SHMEM_THPS));
		show_val_kb(m, "ShmemPmdMapped: ", global_node_page_state(NR_SHMEM_PMDMAPPED));
		show_val_kb(m, "FileHugePages:  ", global_node_page_state(NR_FILE_THPS));
		show_val_kb(m, "FilePmdMapped:  ", global_node_page_state(NR_FILE_PMDMAPPED));
	}

	hugetlb_report_meminfo(m);

	return 0;
}

function proc_meminfo_init(): number {
	proc_create_single("/proc/meminfo", 0o444, meminfo_proc_show);
	return 0;
}
fs_initcall("fs/proc/meminfo", proc_meminfo_init);
