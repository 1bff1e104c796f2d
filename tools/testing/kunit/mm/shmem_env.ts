// SPDX-License-Identifier: GPL-2.0
/*
 * A booted host and files of tmpfs on it, for the tests of shmem, filemap and truncate. The idle
 * task makes the calls, in an address space of its own.
 */
import "#generated/vmlinux.ts";
import { IS_ERR, PTR_ERR, type err_ptr } from "#asm-generic/err.ts";
import { type pgoff_t, ref } from "#asm-generic/types.ts";
import { fput } from "#linux/file.ts";
import { __kernel_read, __kernel_write, do_truncate, file_inode, vfs_fallocate, vfs_getattr,
	get_fs_type, put_filesystem, vfs_llseek } from "#linux/fs.ts";
import { FMODE_LSEEK, FMODE_PREAD, FMODE_PWRITE } from "#linux/fs.const.ts";
import { struct_kstat, type struct_file, type struct_vfsmount } from "#linux/fs.types.ts";
import { fault_attr_dirs } from "#linux/fault-inject.ts";
import { start_kernel } from "#linux/init/main.ts";
import { memfd_fcntl } from "#linux/memfd.ts";
import { VM_NORESERVE } from "#linux/mm.const.ts";
import { folio_order, folio_put, put_page, vm_mmap, vm_munmap } from "#linux/mm.ts";
import type { struct_page } from "#linux/mm_types.ts";
import { folio_test_uptodate } from "#linux/page-flags.ts";
import { filemap_get_folio, find_get_page } from "#linux/pagemap.ts";
import { rcu_barrier } from "#linux/rcupdate.ts";
import { current } from "#linux/sched.ts";
import { shmem_enabled_store, shmem_file_setup, shmem_file_setup_with_mnt,
	shmem_show_options } from "#linux/shmem_fs.ts";
import { struct_kstatfs } from "#linux/statfs.ts";
import { mntput, vfs_kern_mount } from "#linux/mount.ts";
import { struct_shrink_control } from "#linux/shrinker.ts";
import { slab_live_total } from "#linux/slab.ts";
import { lru_add_drain_all, nr_free_pages } from "#linux/swap.ts";
import { task_work_run } from "#linux/task_work.ts";
import { flush_delayed_fput } from "#linux/file.ts";
import { copy_from_user, copy_to_user } from "#linux/uaccess.ts";
import { init_user_ns } from "#linux/user_namespace.ts";
import { drain_all_pages } from "#linux/gfp.ts";
import { cpus_install } from "#hw/cpu.ts";
import { memory_install } from "#hw/memory.ts";
import { do_madvise } from "#mm/madvise.ts";
import { enter_mm, new_mm } from "#tools/testing/kunit/mm/mm_env.ts";
import { PAGE, type shmem_model } from "#tools/testing/kunit/mm/shmem_model.ts";

export const EPERM	= 1;
export const ENOMEM	= 12;
export const EBUSY	= 16;
export const EINVAL	= 22;
export const ENOSPC	= 28;

const FALLOC_FL_KEEP_SIZE = 1, FALLOC_FL_PUNCH_HOLE = 2;
const SEEK_DATA = 3, SEEK_HOLE = 4;
const F_ADD_SEALS = 1033, F_GET_SEALS = 1034;
const O_LARGEFILE = 0o100000;
const PROT_READ_WRITE = 3, MAP_SHARED = 1, MADV_HUGEPAGE = 14;

/** Once per realm. */
export function boot_shmem(): void {
	memory_install(2 ** 30);
	cpus_install(2);
	start_kernel({ seed: 1, date: 1 });
	enter_mm(new_mm());
	/* single pages too, and allocations that may reclaim, fail; without telling each time */
	const off = ["ignore-gfp-wait", "ignore-gfp-highmem", "min-order", "verbose"];
	for (const dir of fault_attr_dirs)
		for (const file of dir.files.filter((f) => off.includes(f.name)))
			file.set(0);
}

/** Makes the @nth allocation of @fn fail; says whether there was an @nth. */
export function with_failing_allocation(nth: number, fn: () => number):
	{ ret: number; fired: boolean } {
	current.fail_nth = nth;
	const ret = fn();
	const fired = current.fail_nth === 0;
	current.fail_nth = 0;
	return { ret, fired };
}

/** Pages and objects in use, with everything deferred done. */
export function in_use(): { pages: number; objects: number } {
	task_work_run();
	flush_delayed_fput();
	lru_add_drain_all();
	rcu_barrier();
	drain_all_pages(null);
	return { pages: -nr_free_pages(), objects: slab_live_total() };
}

export function shmem_enabled(policy: string): void {
	const ret = shmem_enabled_store(policy);
	if (ret < 0)
		throw new Error(`shmem_enabled: ${ret}`);
}

/** An unlinked file of tmpfs, as memfd_create() makes it, and a mapping of it. */
export class file_under_test {
	readonly file: struct_file;
	private readonly map: number;

	private readonly map_pages: number;

	private constructor(file: struct_file, map: number, map_pages: number) {
		this.file = file;
		this.map = map;
		this.map_pages = map_pages;
	}
	/** @map_pages of it are mapped, shared and writable; 0: none */
	static create(map_pages = 64): file_under_test {
		const file = shmem_file_setup("kunit", 0n, VM_NORESERVE) as struct_file | err_ptr;
		if (IS_ERR(file))
			throw new Error(`shmem_file_setup: ${PTR_ERR(file)}`);
		return file_under_test.of(file, map_pages);
	}
	static of(file: struct_file, map_pages: number): file_under_test {
		file.f_mode |= FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE;
		file.f_flags |= O_LARGEFILE;
		if (map_pages === 0)
			return new file_under_test(file, 0, 0);
		const map = vm_mmap(file, 0, map_pages * PAGE, PROT_READ_WRITE, MAP_SHARED, 0);
		if (map < 0)
			throw new Error(`mmap: ${map}`);
		return new file_under_test(file, map, map_pages);
	}
	release(): void {
		if (this.map)
			vm_munmap(this.map, this.map_pages * PAGE);
		fput(this.file);
		task_work_run();
	}
	size(): number {
		return Number(file_inode(this.file).i_size);
	}
	/** as fstat() says */
	blocks(): number {
		const stat = new struct_kstat();
		vfs_getattr(this.file.f_path, stat, 0x7ff, 0);
		return stat.blocks;
	}
	nrpages(): number {
		return file_inode(this.file).i_mapping.nrpages;
	}
	write(pos: number, data: Uint8Array): number {
		return __kernel_write(this.file, data, data.length, new ref(BigInt(pos)));
	}
	read(pos: number, len: number): Uint8Array {
		const buf = new Uint8Array(len);
		const ret = __kernel_read(this.file, buf, len, new ref(BigInt(pos)));
		if (ret < 0)
			throw new Error(`read: ${ret}`);
		return buf.subarray(0, ret);
	}
	fallocate(off: number, len: number, keep_size: boolean): number {
		return vfs_fallocate(this.file, keep_size ? FALLOC_FL_KEEP_SIZE : 0, BigInt(off),
			BigInt(len));
	}
	punch(off: number, len: number): number {
		return vfs_fallocate(this.file, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE,
			BigInt(off), BigInt(len));
	}
	truncate(size: number): number {
		return do_truncate(init_user_ns, this.file.f_path.dentry!, BigInt(size), 0,
			this.file);
	}
	/** The offset, or -1 for ENXIO. */
	seek(off: number, data: boolean): number {
		const ret = Number(vfs_llseek(this.file, BigInt(off),
			data ? SEEK_DATA : SEEK_HOLE));
		return ret === -6 ? -1 : ret;
	}
	/** Through the mapping: stores @data, or reads a byte. */
	touch(pos: number, data: Uint8Array | null): number {
		const left = data ? copy_to_user(this.map + pos, data, data.length) :
			copy_from_user(new Uint8Array(1), this.map + pos, 1);
		return left ? -ENOMEM : 0;
	}
	unseal(): void {
		/* as MFD_ALLOW_SEALING does */
		const { owner } = file_inode(this.file) as unknown as { owner: { seals: number } };
		owner.seals = 0;
	}
	add_seals(seals: number): number {
		return memfd_fcntl(this.file, F_ADD_SEALS, BigInt(seals));
	}
	seals(): number {
		return memfd_fcntl(this.file, F_GET_SEALS, 0n);
	}
	/** A reference to a page, as get_user_pages() would take; call the result to drop it. */
	hold_page(index: number): () => void {
		const page = find_get_page(file_inode(this.file).i_mapping, index as pgoff_t);
		return () => put_page(page as struct_page);
	}
	advise_huge(): void {
		do_madvise(current.mm!, BigInt(this.map), BigInt(this.map_pages * PAGE),
			MADV_HUGEPAGE);
	}
	/** Pages in the cache, from 0 to @nr. */
	count_pages(nr: number): number {
		let n = 0;
		for (let i = 0; i < nr; i++)
			n += Number(this.page_state(i).state !== "hole");
		return n;
	}
	/** As a shrinker or a full mount asks for: huge pages split. */
	shrink_unused(): number {
		const sb = file_inode(this.file).i_sb!;
		const sc = new struct_shrink_control();
		sc.nr_to_scan = 128;
		return sb.s_op!.free_cached_objects!(sb, sc);
	}
	/** "hole", "falloc" or "data", with the order of the folio. */
	page_state(index: number): { state: "hole" | "falloc" | "data"; order: number } {
		const folio = filemap_get_folio(file_inode(this.file).i_mapping, index as pgoff_t);
		if (!folio)
			return { state: "hole", order: 0 };
		const state = folio_test_uptodate(folio) ? "data" : "falloc";
		const order = folio_order(folio);
		folio_put(folio);
		return { state, order };
	}
	/*
	 * Takes over what a failed fallocate may leave: data where an earlier one had been; and, as
	 * v6.0's shmem_undo_range() goes, holes where it began and ended, data or not (mended
	 * upstream after 6.1). Returns the pages that were lost so.
	 */
	sync_pages(m: shmem_model): number[] {
		const lost: number[] = [];

		for (let i = 0; i < m.pages.length; i++) {
			const { state } = this.page_state(i);

			if (m.pages[i] === "falloc" && state === "data") {
				m.pages[i] = "data";
			} else if (m.pages[i] !== "hole" && state === "hole") {
				lost.push(i);
				m.punch(i * PAGE, PAGE);
			}
		}
		return lost;
	}
}

/** A mount of tmpfs with options. */
export class mount_under_test {
	private readonly mnt: struct_vfsmount;

	private constructor(mnt: struct_vfsmount) {
		this.mnt = mnt;
	}
	/** The mount, or -errno. */
	static mount(options: string): mount_under_test | number {
		const type = get_fs_type("tmpfs")!;
		const mnt = vfs_kern_mount(type, 0, "tmpfs", options) as struct_vfsmount | err_ptr;
		put_filesystem(type);
		return IS_ERR(mnt) ? PTR_ERR(mnt) : new mount_under_test(mnt);
	}
	umount(): void {
		task_work_run();
		mntput(this.mnt);
	}
	/** An unlinked file, or -errno. */
	create(): file_under_test | number {
		const file = shmem_file_setup_with_mnt(this.mnt, "kunit", 0n, VM_NORESERVE) as
			struct_file | err_ptr;
		return IS_ERR(file) ? PTR_ERR(file) : file_under_test.of(file, 0);
	}
	options(): string {
		return shmem_show_options(this.mnt.mnt_root!);
	}
	statfs(): { blocks: number; bfree: number; files: number; ffree: number } {
		const buf = new struct_kstatfs();
		this.mnt.mnt_sb!.s_op!.statfs!(this.mnt.mnt_root!, buf);
		return { blocks: buf.f_blocks, bfree: buf.f_bfree, files: buf.f_files,
			ffree: buf.f_ffree };
	}
}
