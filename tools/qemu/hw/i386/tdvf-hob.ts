// SPDX-License-Identifier: GPL-2.0
/*
 * The HOB list that a TD's firmware finds: which memory there is, and what of it is accepted.
 *
 * Port-only; after QEMU's hw/i386/tdvf-hob.c; layouts are the UEFI Platform Initialization
 * specification's.
 */
import { __bytes, __struct, __u16, __u32, __u64, sizeof } from "#asm-generic/struct.ts";
import { error_report, qemu_exit } from "#tools/qemu/util/error-report.ts";

export const EFI_HOB_TYPE_HANDOFF		= 0x0001;
export const EFI_HOB_TYPE_RESOURCE_DESCRIPTOR	= 0x0003;
export const EFI_HOB_TYPE_END_OF_HOB_LIST	= 0xffff;
const EFI_HOB_HANDOFF_TABLE_VERSION		= 0x0009;

export const EFI_RESOURCE_SYSTEM_MEMORY		= 0;
export const EFI_RESOURCE_MEMORY_UNACCEPTED	= 7;
/* present, initialized, tested */
const EFI_RESOURCE_ATTRIBUTE_TDVF		= 0x7;

const struct_hob_header = __struct({
	HobType:	__u16,
	HobLength:	__u16,
	Reserved:	__u32,
});

export const struct_hob_handoff = __struct({
	Header:			struct_hob_header,
	Version:		__u32,
	BootMode:		__u32,
	EfiMemoryTop:		__u64,
	EfiMemoryBottom:	__u64,
	EfiFreeMemoryTop:	__u64,
	EfiFreeMemoryBottom:	__u64,
	EfiEndOfHobList:	__u64,
});

export const struct_hob_resource = __struct({
	Header:			struct_hob_header,
	Owner:			__bytes(16),
	ResourceType:		__u32,
	ResourceAttribute:	__u32,
	PhysicalStart:		__u64,
	ResourceLength:		__u64,
});

export interface tdx_ram_entry {
	address: number;
	length: number;
	added: boolean;
}

/**
 * target/i386/kvm/tdx.c:tdx_accept_ram_range(): [@address, +@length) is memory that the TD starts
 * with. -1 if that is not all in one range of RAM, or was said before.
 */
export function tdx_accept_ram_range(entries: tdx_ram_entry[], address: number,
	length: number): number {
	const e = entries.find((x) =>
		address + length > x.address && x.address + x.length > address);

	if (e === undefined || e.added || e.address > address ||
	    e.address + e.length < address + length)
		return -1;
	const end = e.address + e.length, head = address - e.address;
	if (head > 0)
		entries.push({ address: e.address, length: head, added: false });
	if (end > address + length)
		entries.push({ address: address + length, length: end - address - length,
			added: false });
	e.address = address;
	e.length = length;
	e.added = true;
	return 0;
}

/** Where the next HOB goes in the @size bytes. */
class hob_area {
	readonly bytes: Uint8Array;
	at = 0;
	constructor(size: number) {
		this.bytes = new Uint8Array(size);
	}

	/** hw/i386/tdvf-hob.c:tdvf_get_area() */
	get(size: number): Uint8Array {
		if (this.at + size > this.bytes.length) {
			error_report(`TD_HOB overrun, size = 0x${size.toString(16)}`);
			throw new qemu_exit(1);
		}
		const area = this.bytes.subarray(this.at, this.at + size);
		this.at = (this.at + size + 7) & ~7;
		return area;
	}
}

/** hw/i386/tdvf-hob.c:tdvf_hob_create(): the list, for @size bytes at @address. */
export function tdvf_hob_create(entries: readonly tdx_ram_entry[], address: number,
	size: number): Uint8Array {
	const area = new hob_area(size);
	const at_hit = area.get(sizeof(struct_hob_handoff));
	const hit = struct_hob_handoff.alloc();

	hit.Header.HobType = EFI_HOB_TYPE_HANDOFF;
	hit.Header.HobLength = sizeof(struct_hob_handoff);
	hit.Version = EFI_HOB_HANDOFF_TABLE_VERSION;
	for (const e of entries) {
		const region = struct_hob_resource.alloc();
		region.Header.HobType = EFI_HOB_TYPE_RESOURCE_DESCRIPTOR;
		region.Header.HobLength = sizeof(struct_hob_resource);
		region.ResourceType = e.added ? EFI_RESOURCE_SYSTEM_MEMORY :
			EFI_RESOURCE_MEMORY_UNACCEPTED;
		region.ResourceAttribute = EFI_RESOURCE_ATTRIBUTE_TDVF;
		region.PhysicalStart = BigInt(e.address);
		region.ResourceLength = BigInt(e.length);
		area.get(sizeof(struct_hob_resource)).set(region.bytes);
	}
	const last = struct_hob_header.alloc();
	last.HobType = EFI_HOB_TYPE_END_OF_HOB_LIST;
	last.HobLength = sizeof(struct_hob_header);
	area.get(sizeof(struct_hob_header)).set(last.bytes);
	hit.EfiEndOfHobList = BigInt(address + area.at);
	at_hit.set(hit.bytes);
	return area.bytes;
}
