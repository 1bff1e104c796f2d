// SPDX-License-Identifier: GPL-2.0
/*
 * A task's memory: /proc/PID/maps, and its part of /proc/PID/status.
 *
 * Upstream: fs/proc/task_mmu.c. Left out: smaps, pagemap, clear_refs, numa_maps.
 */
import { MM_ANONPAGES, MM_FILEPAGES, MM_SHMEMPAGES, MM_SWAPENTS, type struct_mm_struct,
	type struct_vm_area_struct } from "#linux/mm_types.ts";
import { IS_ERR } from "#asm-generic/err.ts";
import { ul_and_not_low } from "#asm-generic/bits.ts";
import { d_path } from "#linux/dcache.ts";
import { file_inode } from "#linux/fs.ts";
import { MAJOR, MINOR } from "#linux/kdev_t.ts";
import { VM_EXEC, VM_MAYSHARE, VM_READ, VM_WRITE } from "#linux/mm.const.ts";
import { get_mm_counter, mm_pgtables_bytes } from "#linux/mm.ts";
import { mmap_read_lock, mmap_read_unlock } from "#linux/mmap_lock.ts";
import type { struct_task_struct } from "#linux/sched.ts";
import { get_task_mm, mmput } from "#linux/sched/mm.ts";
import { seq_escape, seq_pad_to, seq_put_decimal_ull, seq_put_decimal_ull_width, seq_put_hex_ll,
	seq_putc, seq_puts, type struct_seq_file } from "#linux/seq_file.ts";
import { PAGE_ALIGN, PAGE_SHIFT, PAGE_SIZE } from "#asm/page_types.ts";

/** fs/proc/task_mmu.c:task_mem() */
export function task_mem(m: struct_seq_file, mm: struct_mm_struct): void {
	const anon = get_mm_counter(mm, MM_ANONPAGES);
	const file = get_mm_counter(mm, MM_FILEPAGES);
	const shmem = get_mm_counter(mm, MM_SHMEMPAGES);

	/* high water marks are only kept when the count is about to fall */
	const total_vm = mm.total_vm;
	const hiwater_vm = Math.max(total_vm, mm.hiwater_vm);
	const total_rss = anon + file + shmem;
	const hiwater_rss = Math.max(total_rss, mm.hiwater_rss);

	/* VmExe is the program's own code, VmLib all other executable memory */
	let text = PAGE_ALIGN(mm.end_code) - ul_and_not_low(mm.start_code, PAGE_SIZE - 1);
	text = Math.min(text, mm.exec_vm * PAGE_SIZE);
	const lib = mm.exec_vm * PAGE_SIZE - text;

	const swap = get_mm_counter(mm, MM_SWAPENTS);
	const dec = (str: string, val: number): void =>
		seq_put_decimal_ull_width(m, str, val * 2 ** (PAGE_SHIFT - 10), 8);
	dec("VmPeak:\t", hiwater_vm);
	dec(" kB\nVmSize:\t", total_vm);
	dec(" kB\nVmLck:\t", mm.locked_vm);
	dec(" kB\nVmPin:\t", mm.pinned_vm);
	dec(" kB\nVmHWM:\t", hiwater_rss);
	dec(" kB\nVmRSS:\t", total_rss);
	dec(" kB\nRssAnon:\t", anon);
	dec(" kB\nRssFile:\t", file);
	dec(" kB\nRssShmem:\t", shmem);
	dec(" kB\nVmData:\t", mm.data_vm);
	dec(" kB\nVmStk:\t", mm.stack_vm);
	seq_put_decimal_ull_width(m, " kB\nVmExe:\t", Math.floor(text / 1024), 8);
	seq_put_decimal_ull_width(m, " kB\nVmLib:\t", Math.floor(lib / 1024), 8);
	seq_put_decimal_ull_width(m, " kB\nVmPTE:\t", mm_pgtables_bytes(mm) / 1024, 8);
	dec(" kB\nVmSwap:\t", swap);
	seq_puts(m, " kB\n");
	dec("HugetlbPages:\t", mm.hugetlb_usage);
	seq_puts(m, " kB\n");
}

/** fs/proc/task_mmu.c:is_stack() */
function is_stack(vma: struct_vm_area_struct): boolean {
	const mm = vma.vm_mm!;

	return vma.vm_start <= mm.start_stack && vma.vm_end >= mm.start_stack;
}

/** fs/proc/task_mmu.c:show_vma_header_prefix() */
function show_vma_header_prefix(m: struct_seq_file, start: number, end: number, flags: number,
	pgoff: number, dev: number, ino: number): void {
	seq_put_hex_ll(m, "", start, 8);
	seq_put_hex_ll(m, "-", end, 8);
	seq_putc(m, " ");
	seq_putc(m, flags & VM_READ ? "r" : "-");
	seq_putc(m, flags & VM_WRITE ? "w" : "-");
	seq_putc(m, flags & VM_EXEC ? "x" : "-");
	seq_putc(m, flags & VM_MAYSHARE ? "s" : "p");
	seq_put_hex_ll(m, " ", pgoff, 8);
	seq_put_hex_ll(m, " ", MAJOR(dev), 2);
	seq_put_hex_ll(m, ":", MINOR(dev), 2);
	seq_put_decimal_ull(m, " ", ino);
	seq_putc(m, " ");
}

/* 25 + sizeof(void *) * 6 - 1 */
const NAME_COLUMN = 72;

/** fs/proc/task_mmu.c:show_map_vma() */
function show_map_vma(m: struct_seq_file, vma: struct_vm_area_struct): void {
	const mm = vma.vm_mm!;
	const file = vma.vm_file;
	let ino = 0, pgoff = 0, dev = 0;
	let name: string | null = null;

	if (file) {
		const inode = file_inode(file);
		dev = inode.i_sb!.s_dev;
		ino = inode.i_ino;
		pgoff = vma.vm_pgoff * PAGE_SIZE;
	}

	show_vma_header_prefix(m, vma.vm_start, vma.vm_end, vma.vm_flags, pgoff, dev, ino);

	/* named mappings by the name of their dentry, the heap and the stack by marks */
	done: {
		if (file) {
			const path = d_path(file.f_path);
			seq_pad_to(m, NAME_COLUMN, " ");
			seq_escape(m, IS_ERR(path) ? "?" : path, "\n");
			break done;
		}

		if (vma.vm_ops && vma.vm_ops.name) {
			name = vma.vm_ops.name(vma);
			if (name)
				break done;
		}

		if (vma.vm_start <= mm.brk && vma.vm_end >= mm.start_brk)
			name = "[heap]";
		else if (is_stack(vma))
			name = "[stack]";
	}
	if (name) {
		seq_pad_to(m, NAME_COLUMN, " ");
		seq_puts(m, name);
	}
	seq_putc(m, "\n");
}

/** fs/proc/task_mmu.c:show_map(), for all areas. */
export function proc_maps_show(m: struct_seq_file, data: unknown): number {
	const mm = get_task_mm(data as struct_task_struct);
	if (!mm)
		return 0;

	mmap_read_lock(mm);
	for (let vma = mm.mmap; vma; vma = vma.vm_next)
		show_map_vma(m, vma);
	mmap_read_unlock(mm);
	mmput(mm);
	return 0;
}
