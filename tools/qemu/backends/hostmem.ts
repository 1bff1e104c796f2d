// SPDX-License-Identifier: GPL-2.0
/*
 * Memory backends: -object memory-backend-ram, -memfd and -memfd-private.
 *
 * Port-only; after QEMU's backends/hostmem*.c, util/memfd.c and, for memfd-private, the series'
 * QEMU branch: two files of one size, one that the VMM maps and one that nobody can.
 */
import { F_ADD_SEALS, F_SEAL_GROW, F_SEAL_SEAL, F_SEAL_SHRINK } from "#uapi/linux/fcntl.ts";
import { MADV_DONTDUMP, MADV_MERGEABLE, MADV_POPULATE_WRITE, MAP_ANONYMOUS, MAP_NORESERVE,
	MAP_PRIVATE, MAP_SHARED, PROT_READ, PROT_WRITE } from "#uapi/linux/mman.ts";
import { MFD_ALLOW_SEALING, MFD_CLOEXEC, MFD_HUGETLB, MFD_HUGE_SHIFT, MFD_INACCESSIBLE } from
	"#uapi/linux/memfd.ts";
import { errno, fallocate, fcntl, ftruncate, madvise, memfd_create, mmap, strerror } from
	"#tools/include/nolibc/nolibc.ts";
import { qemu_error, with_location } from "#tools/qemu/util/error-report.ts";
import type { object_options } from "#tools/qemu/qom/object_interfaces.ts";
import type { qapi_object } from "#tools/qemu/qapi/visitor.ts";
import { PAGE, type ram_block } from "#tools/qemu/system/physmem.ts";

/* default size of x86's huge pages */
const HUGE_PAGE = 2 ** 21;

/** error_setg_errno() */
export function error_errno(message: string, e = errno()): qemu_error {
	return new qemu_error(`${message}: ${strerror(e)}`);
}

const flag = (props: qapi_object, name: string, fallback: boolean): boolean =>
	(props[name] as boolean | undefined) ?? fallback;

/** util/memfd.c:qemu_memfd_create(), with what the series' branch adds: @inaccessible. */
function qemu_memfd_create(name: string, size: number, inaccessible: boolean, props: qapi_object,
	seals: number): number {
	const hugetlbsize = Number((props["hugetlbsize"] as bigint | undefined) ?? 0n);
	const shift = hugetlbsize === 0 ? 0 : Math.round(Math.log2(hugetlbsize));

	if (hugetlbsize !== 0 && 2 ** shift !== hugetlbsize)
		throw new qemu_error("Hugepage size must be a power of 2");
	let flags = MFD_CLOEXEC;
	if (inaccessible)
		flags |= MFD_INACCESSIBLE;
	if (seals !== 0)
		flags |= MFD_ALLOW_SEALING;
	if (flag(props, "hugetlb", false))
		flags = (flags | MFD_HUGETLB | (shift << MFD_HUGE_SHIFT)) >>> 0;
	const fd = memfd_create(name, flags);
	if (fd < 0)
		throw error_errno(`failed to create memfd with flags 0x${flags.toString(16)}`);
	if (ftruncate(fd, size) < 0)
		throw error_errno(`failed to resize memfd to ${size}`);
	if (seals !== 0 && fcntl(fd, F_ADD_SEALS, seals) < 0)
		throw error_errno(`failed to add seals 0x${seals.toString(16)}`);
	return fd;
}

function map(o: object_options, size: number, fd: number, shared: boolean,
	reserve: boolean): number {
	const flags = (shared ? MAP_SHARED : MAP_PRIVATE) | (fd < 0 ? MAP_ANONYMOUS : 0) |
		(reserve ? 0 : MAP_NORESERVE);
	const at = mmap(0, size, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (at < 0)
		throw error_errno(fd < 0 ? `cannot set up guest memory '${o.id}'` :
			"unable to map backing store for guest RAM");
	return at;
}

function check(o: object_options): number {
	const { size, prealloc, reserve, hugetlbsize } = o.props;

	if (size === 0n)
		throw new qemu_error("can't create backend with size 0");
	if (prealloc === true && reserve === false)
		throw new qemu_error("'prealloc=on' and 'reserve=off' are incompatible");
	if (hugetlbsize === 0n)
		throw new qemu_error(`Property '${o.type}.hugetlbsize' doesn't take value '0'`);
	return Number(size);
}

function after_alloc(rb: ram_block, props: qapi_object): void {
	if (flag(props, "merge", true) && rb.fd < 0)
		madvise(rb.host, rb.length, MADV_MERGEABLE);
	if (!flag(props, "dump", true))
		madvise(rb.host, rb.length, MADV_DONTDUMP);
	if (flag(props, "prealloc", false) && madvise(rb.host, rb.length, MADV_POPULATE_WRITE) < 0)
		throw error_errno("qemu_prealloc_mem: preallocating memory failed");
}

function alloc(o: object_options): ram_block {
	const length = check(o), { props } = o;
	const private_ = o.type === "memory-backend-memfd-private";
	const memfd = private_ || o.type === "memory-backend-memfd";
	const shared = flag(props, "share", o.type === "memory-backend-memfd");
	const seals = !private_ && flag(props, "seal", true) ?
		F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL : 0;
	const name = private_ ? "memory-backend-memfd-shared" : o.type;
	const fd = memfd ? qemu_memfd_create(name, length, false, props, seals) : -1;
	const private_fd = private_ ?
		qemu_memfd_create("memory-backend-memfd-private", length, true, props, 0) : -1;
	const host = map(o, length, fd, shared, flag(props, "reserve", !private_));
	const page_size = flag(props, "hugetlb", false) ?
		Number((props["hugetlbsize"] as bigint | undefined) ?? BigInt(HUGE_PAGE)) : PAGE;

	if (private_ && fallocate(private_fd, 0, 0, length) < 0)
		throw error_errno("failed to allocate private memory");
	const rb = { idstr: o.id, host, length, page_size, fd, private_fd, shared };
	after_alloc(rb, props);
	return rb;
}

/** backends/hostmem.c:host_memory_backend_memory_complete(); errors are the option's. */
export function host_memory_backend_create(o: object_options): ram_block {
	return with_location(o.where, () => alloc(o));
}

/** Firmware's memory in a TD: as memory-backend-memfd-private has it. */
export function rom_backend_create(id: string, length: number): ram_block {
	const fd = qemu_memfd_create("rom-backend-memfd-shared", length, false, {}, 0);
	const private_fd = qemu_memfd_create("rom-backend-memfd-private", length, true, {}, 0);
	const host = mmap(0, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (host < 0)
		throw error_errno(`cannot set up guest memory '${id}'`);
	return { idstr: id, host, length, page_size: PAGE, fd, private_fd, shared: true };
}

/** hw/core/machine.c:create_default_memdev() */
export function create_default_memdev(id: string, size: bigint): ram_block {
	return host_memory_backend_create({ type: "memory-backend-ram", id, props: { size }, where: "" });
}
