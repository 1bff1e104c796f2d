// SPDX-License-Identifier: GPL-2.0-only
/*
 * Statistics of a VM or a vCPU, as a file.
 *
 * Upstream: virt/kvm/binary_stats.c. The counters are fields of objects here: what C copies as one
 * block is put together from them when it is read.
 *
 * In the file: the header, the name of the VM or vCPU, a descriptor per counter, the counters.
 */
import { min } from "#asm-generic/bits.ts";
import { sizeof } from "#asm-generic/struct.ts";
import { u64, type loff_t, type ref, type user_ptr } from "#asm-generic/types.ts";
import { atomic_t } from "#linux/atomic.ts";
import { EFAULT } from "#linux/errno.ts";
import { KVM_STATS_NAME_SIZE, type struct__kvm_stats_desc } from "#linux/kvm_host.ts";
import { copy_to_user } from "#linux/uaccess.ts";
import { struct_kvm_stats_desc, struct_kvm_stats_header } from "#uapi/linux/kvm.ts";

/** Members of struct_kvm_stats_header. */
export interface kvm_stats_header {
	readonly flags: number;
	readonly name_size: number;
	readonly num_desc: number;
	readonly id_offset: number;
	readonly desc_offset: number;
	readonly data_offset: number;
}

function header_bytes(header: kvm_stats_header): Uint8Array {
	const h = struct_kvm_stats_header.alloc();

	h.flags = header.flags;
	h.name_size = header.name_size;
	h.num_desc = header.num_desc;
	h.id_offset = header.id_offset;
	h.desc_offset = header.desc_offset;
	h.data_offset = header.data_offset;
	return h.bytes;
}

/** C: sizeof(struct _kvm_stats_desc) */
const DESC_SIZE = sizeof(struct_kvm_stats_desc) + 48;

function desc_bytes(descs: readonly struct__kvm_stats_desc[]): Uint8Array {
	const bytes = new Uint8Array(descs.length * DESC_SIZE);

	descs.forEach((d, i) => {
		const desc = struct_kvm_stats_desc.of(
			bytes.subarray(i * DESC_SIZE, (i + 1) * DESC_SIZE));

		desc.flags = d.desc.flags;
		desc.exponent = d.desc.exponent;
		desc.size = d.desc.size;
		desc.offset = d.desc.offset;
		desc.bucket_size = d.desc.bucket_size;
		for (let c = 0; c < d.name.length; c++)
			desc.name[c] = d.name.charCodeAt(c);
	});
	return bytes;
}

/* the counter, or the array of them, that @path leads to */
function stat_at(stats: object, path: readonly string[]): unknown {
	let at: unknown = stats;

	for (const name of path)
		at = (at as Record<string, unknown>)[name];
	return at;
}

function stat_value(x: unknown): bigint {
	if (x instanceof atomic_t)
		return u64(x.counter);
	return typeof x === "boolean" ? BigInt(x) : u64(x as number | bigint);
}

function data_bytes(descs: readonly struct__kvm_stats_desc[], stats: object, size: number):
	Uint8Array {
	const bytes = new Uint8Array(size);
	const view = new DataView(bytes.buffer);

	for (const d of descs) {
		const x = stat_at(stats, d.path);
		for (let i = 0; i < d.desc.size; i++)
			view.setBigUint64(d.desc.offset + i * 8,
				stat_value(Array.isArray(x) ? x[i] : x), true);
	}
	return bytes;
}

function size_of_data(descs: readonly struct__kvm_stats_desc[]): number {
	return descs.reduce((n, d) => Math.max(n, d.desc.offset + d.desc.size * 8), 0);
}

/**
 * virt/kvm/binary_stats.c:kvm_stats_read()
 *
 * Any number of bytes from any position. Userspace reads header, id and descriptors once, and then
 * the data over and over.
 */
export function kvm_stats_read(id: Uint8Array, header: kvm_stats_header,
	desc: readonly struct__kvm_stats_desc[], stats: object, user_buffer: user_ptr,
	size: number, offset: ref<loff_t>): number {
	const size_stats = size_of_data(desc);
	let remain = size;
	let pos = Number(offset.v);
	let dest = user_buffer;

	const size_header = sizeof(struct_kvm_stats_header);
	const size_desc = header.num_desc * DESC_SIZE;

	let len = KVM_STATS_NAME_SIZE + size_header + size_desc + size_stats - pos;
	len = min(len, remain);
	if (len <= 0)
		return 0;
	remain = len;

	/* the header, unless the position is behind it */
	let copylen = size_header - pos;
	copylen = min(copylen, remain);
	if (copylen > 0) {
		const src = header_bytes(header).subarray(pos);
		if (copy_to_user(dest, src, copylen))
			return -EFAULT;
		remain -= copylen;
		pos += copylen;
		dest += copylen;
	}

	/* the id string, which is the VM's or the vCPU's own */
	copylen = header.id_offset + KVM_STATS_NAME_SIZE - pos;
	copylen = min(copylen, remain);
	if (copylen > 0) {
		const src = id.subarray(pos - header.id_offset);
		if (copy_to_user(dest, src, copylen))
			return -EFAULT;
		remain -= copylen;
		pos += copylen;
		dest += copylen;
	}

	/* the descriptors */
	copylen = header.desc_offset + size_desc - pos;
	copylen = min(copylen, remain);
	if (copylen > 0) {
		const src = desc_bytes(desc).subarray(pos - header.desc_offset);
		if (copy_to_user(dest, src, copylen))
			return -EFAULT;
		remain -= copylen;
		pos += copylen;
		dest += copylen;
	}

	/* the values */
	copylen = header.data_offset + size_stats - pos;
	copylen = min(copylen, remain);
	if (copylen > 0) {
		const src = data_bytes(desc, stats, size_stats).subarray(pos - header.data_offset);
		if (copy_to_user(dest, src, copylen))
			return -EFAULT;
		pos += copylen;
	}

	offset.v = BigInt(pos);
	return len;
}
